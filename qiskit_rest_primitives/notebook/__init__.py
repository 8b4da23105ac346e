"""What objects look like in a notebook: HTML without scripts, with figures where matplotlib is installed."""

import sys
from typing import Any

_OF_QISKIT = {
    "PrimitiveResult": ("primitive_result", "primitive_result"),
    "SamplerPubResult": ("sampler_pub_result", "sampler_pub"),
    "PubResult": ("pub_result", "estimator_pub"),
}
"""Class of qiskit.primitives.containers -> (its module there, what shows it in ``notebook.results``)."""


def teach_notebook() -> None:
    """Tell a running notebook how to show Qiskit's classes of results, which have no HTML of their own.

    Outside of IPython nothing happens, and a way to show them that somebody has chosen stays.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for name, (module, shows) in _OF_QISKIT.items():
        path = f"qiskit.primitives.containers.{module}"
        kind = getattr(sys.modules[path], name)
        if kind not in formatter and (path, name) not in formatter.deferred_printers:
            formatter.for_type(kind, _shown_by(shows))


def _shown_by(name: str) -> Any:
    def show(value: Any) -> str:
        from . import results

        return str(getattr(results, name)(value))

    return show
