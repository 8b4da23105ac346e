"""Let ``import qiskit_ibm_runtime`` mean this package, in this process and when asked to.

::

    import qiskit_rest_primitives.compat as compat

    compat.install()
    from qiskit_ibm_runtime import SamplerV2    # this package's

or, without touching a program: ``python -m qiskit_rest_primitives.compat program.py arguments...``.

``qiskit_ibm_runtime.X`` is the very module ``qiskit_rest_primitives.X``. There are three exceptions: the top, whose
version is the official client's; ``version``; and what is borrowed from the official client itself.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import qiskit_rest_primitives

from ._doors import BORROWED, PACKAGE
from ._doors import OFFICIAL as ALIAS

__all__ = ["install", "installed", "main", "uninstall"]

REFERENCE_VERSION = "0.51.0"
"""The version of the official client whose surface this is; what ``__version__`` says under the alias."""

FORMER_MODULES: dict[str, str] = {
    "runtime_job": "jobs of the V2 primitives are in qiskit_ibm_runtime.runtime_job_v2",
    "utils.result_decoder": "import ResultDecoder from qiskit_ibm_runtime.decoders.result_decoder",
}
"""Modules that the official client had before -> what to do instead."""


class _Versioned(ModuleType):
    """A module of this package that gives another version."""

    _own: ModuleType

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._own), "__version__"})


class _Finder(MetaPathFinder, Loader):
    """Finds the alias and its submodules; there is one while it is installed."""

    def __init__(self) -> None:
        self._loaded: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module of the alias; None for everything else."""
        del path, target
        root, _, below = fullname.partition(".")
        if root != ALIAS:
            return None
        if below in ("", "version"):
            return ModuleSpec(fullname, self, is_package=not below)
        lent = _lender(below)
        return ModuleSpec(fullname, _Ready(_own(below) if lent is None else self._real(fullname, lent)))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the module."""
        own = _own(spec.name.partition(".")[2])
        module = _Versioned(spec.name, own.__doc__)
        module._own = own
        module.__dict__.update(__version__=REFERENCE_VERSION, __all__=own.__all__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: members are loaded when they are used."""

    def _real(self, fullname: str, lent: str) -> ModuleType:
        """Return a module of the real package, which is or is below the entry ``lent`` of ``BORROWED``, loaded with what it imports itself."""
        ours = _take_out()
        sys.meta_path.remove(self)
        sys.modules.update(self._loaded)
        try:
            importlib.import_module(fullname)
        except ModuleNotFoundError as cause:
            raise ModuleNotFoundError(
                f"{PACKAGE} has no {fullname} of its own: {BORROWED[lent]}.", name=fullname
            ) from cause
        finally:
            self._loaded = _take_out()
            sys.modules.update(ours)
            sys.meta_path.insert(0, self)
        borrowed = {
            name: module
            for name, module in self._loaded.items()
            if _lender(name.partition(".")[2]) is not None
        }
        sys.modules.update(borrowed)
        return borrowed[fullname]


class _Ready(Loader):
    """Gives a module that is loaded already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return it."""
        del spec
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Give it back its own specification."""
        module.__spec__ = self._spec


def install() -> None:
    """Make imports of ``qiskit_ibm_runtime`` lead here until ``uninstall``; a second call does nothing.

    Raises:
        ImportError: The real package was imported before, so that a program would hold classes of both.
    """
    if installed():
        return
    if ALIAS in sys.modules:
        raise ImportError(
            f"{ALIAS} is imported already, by this program or by a package that it uses. Call "
            f"{PACKAGE}.compat.install() before the first import of it, or start the program with "
            f"`python -m {PACKAGE}.compat program.py`.",
            name=ALIAS,
        )
    sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Undo ``install``: imports made from here on lead to the real package again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    if isinstance(sys.modules.get(ALIAS), _Versioned):
        _take_out()


def installed() -> bool:
    """Tell whether imports of ``qiskit_ibm_runtime`` lead here."""
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def _take_out() -> dict[str, ModuleType]:
    """Remove every module of that name from the loaded ones, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] == ALIAS]
    return {name: sys.modules.pop(name) for name in names}


def _lender(below: str) -> str | None:
    """Return the borrowed module that a module is or is below, if it is."""
    return next((name for name in BORROWED if below == name or below.startswith(f"{name}.")), None)


def _own(below: str) -> ModuleType:
    """Return the module of this package that a module of the alias is, which brings those below it along.

    Raises:
        ModuleNotFoundError: There is none that is for users.
    """
    name = f"{PACKAGE}.{below}".rstrip(".")
    module = None
    if below.partition(".")[0] in ("", *dir(qiskit_rest_primitives)):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as cause:
            if cause.name != name:
                raise
    if module is None:
        advice = f": {FORMER_MODULES[below]}" if below in FORMER_MODULES else ""
        raise ModuleNotFoundError(
            f"{PACKAGE} has no counterpart of {ALIAS}.{below}{advice}.", name=f"{ALIAS}.{below}"
        )
    if below:
        found = {each: sys.modules[each] for each in list(sys.modules) if each.startswith(f"{name}.")}
        sys.modules.update((f"{ALIAS}{each[len(PACKAGE) :]}", child) for each, child in found.items())
    return module


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a program with the alias installed: a file, or ``-m module``, and its arguments.

    Args:
        arguments: As on the command line; that of this process when None.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given == ["-m"] or given[0] in ("-h", "--help"):
        sys.exit(f"usage: python -m {PACKAGE}.compat (program.py | -m module) [arguments ...]")
    install()
    if given[0] == "-m":
        sys.argv = given[1:]
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = given
    sys.path[0] = str(Path(given[0]).resolve().parent)
    runpy.run_path(given[0], run_name="__main__")


if __name__ == "__main__":
    # Under this name the file is a second module: the hook must be the imported one's.
    importlib.import_module("qiskit_rest_primitives.compat").main()
