"""``qiskit-rest serve``: the local server, with all flags of ``python -m qiskit_rest_primitives.server``."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


class _Passed(click.Command):
    """A command whose options are those of another parser, which are proposed by shells all the same."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 (click's)
        """Propose the flags of the server."""
        from ..server.__main__ import _parser

        flags = [(flag, action.help) for action in _parser()._actions for flag in action.option_strings]
        return [
            CompletionItem(flag, help=words)
            for flag, words in flags
            if flag.startswith(incomplete or "--") and incomplete.startswith("-")
        ]


@click.command(
    cls=_Passed,
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run the local server (serve --help lists its flags).",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> Any:
    """Run the local server until it is interrupted."""
    from ..server.__main__ import main

    return main(arguments, program="qiskit-rest serve", paste=True)
