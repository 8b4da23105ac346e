"""The commands put together with ``serve``, and what becomes of what they raise."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from .._version import __version__
from .accounts import account
from .backends import backends
from .doctor import doctor
from .exits import EXITS, Exit, exit_of, interrupt_behind
from .jobs import jobs
from .output import error_document, print_json, said_by, say
from .run import run_file
from .schema import schema
from .sessions import sessions

_EPILOG = "Exit codes: " + ", ".join(f"{code.value} {text}" for code, text in EXITS.items()) + "."


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


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qiskit-rest")
def cli() -> None:
    """Qiskit's primitives over REST: a local server, and jobs on it or on IBM Quantum.

    Commands that ask a service use the account that --account names, or QISKIT_IBM_TOKEN and its like in the environment, or the
    default one that is saved; `qiskit-rest doctor` says what is wrong with it. With --json they write one JSON document to
    standard output.
    """


for command in (account, backends, doctor, jobs, run_file, schema, serve, sessions):
    cli.add_command(command)


def run() -> int:
    """Run the command of ``sys.argv``, say in a line what it raises, and return the exit code."""
    try:
        return int(cli.main(prog_name="qiskit-rest", standalone_mode=False) or 0)
    except click.ClickException as problem:
        _tell(problem, problem.format_message(), problem.exit_code)
        lines = io.StringIO()
        problem.show(lines)
        say(lines.getvalue().rstrip("\n"), err=True)
        return problem.exit_code
    except Exception as problem:
        stop = interrupt_behind(problem)
        if stop is not None:
            said = said_by(stop) or "Stopped."
            _tell(stop, said, Exit.INTERRUPTED)
            say(said, err=True)
            return Exit.INTERRUPTED
        code = exit_of(problem)
        if code is None:
            raise
        said = said_by(problem)
        _tell(problem, said, code)
        say(f"Error: {said}", err=True)
        return code


def _tell(problem: BaseException, said: str, code: int) -> None:
    """Write the document of a command that failed, with what it did before, where one was asked for and can be written."""
    if "--json" not in sys.argv:
        return
    try:
        print_json(getattr(problem, "told", {}) | error_document(problem, said, code))
    except OSError:  # what is left of it is not to be written at the end of the process
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
