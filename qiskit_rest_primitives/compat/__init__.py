"""Let ``import qiskit_ibm_runtime`` mean this package, in this process and when asked to.

::

    import qiskit_rest_primitives.compat as compat

    compat.install()
    from qiskit_ibm_runtime import SamplerV2    # this package's

or, without touching a program: ``python -m qiskit_rest_primitives.compat program.py arguments...``.
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from .table import BORROWED, FORMER, MISSING, MODULES, REFERENCE_VERSION

__all__ = ["install", "installed", "main", "uninstall"]

ALIAS = "qiskit_ibm_runtime"
PACKAGE = "qiskit_rest_primitives"


class _Alias(ModuleType):
    """A module of the official client's name whose members are this package's, loaded when first used."""

    _homes: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name in self._homes:
            value = _find(self._homes[name])
            setattr(self, name, value)
            return value
        if name in MISSING:
            # An ImportError, so that ``from qiskit_ibm_runtime import X`` shows these words.
            raise ImportError(_advice(f"{self.__name__}.{name}", name), name=name)
        raise AttributeError(f"module {self.__name__!r} ({PACKAGE}) has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._homes})


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
        if below in MODULES or below in FORMER:
            return ModuleSpec(fullname, self, is_package=True)
        lent = _lender(below)
        if lent is not None:
            return self._real(fullname, lent)
        words = (
            _advice(fullname, below) if below in MISSING else f"{PACKAGE} has no counterpart of {fullname}."
        )
        raise ModuleNotFoundError(words, name=fullname)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the module."""
        below = spec.name.partition(".")[2]
        module = _Alias(spec.name, f"{PACKAGE} under the name of {spec.name}.")
        module._homes = MODULES.get(below, {}) | FORMER.get(below, {})
        module.__dict__["__all__"] = sorted(MODULES.get(below, module._homes))
        if below in ("", "version"):
            module.__dict__["__version__"] = REFERENCE_VERSION
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: members are loaded when they are used."""

    def _real(self, fullname: str, lent: str) -> ModuleSpec:
        """Return a module of the real package, loaded together with what it imports itself.

        Args:
            fullname: Its full name.
            lent: The entry of ``BORROWED`` that it is or is below.
        """
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
        return ModuleSpec(fullname, _Ready(borrowed[fullname]))


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
    if isinstance(sys.modules.get(ALIAS), _Alias):
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


def _find(home: str) -> Any:
    module, _, name = home.rpartition(".")
    return getattr(
        importlib.import_module(module if module.startswith("qiskit.") else f"{PACKAGE}.{module}"), name
    )


def _advice(what: str, key: str) -> str:
    return f"{PACKAGE} has no counterpart of {what}: {MISSING[key]}."


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
