"""Modules under the official client's names whose members live elsewhere, and are loaded when they are first used."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

PACKAGE, OFFICIAL = "qiskit_rest_primitives", "qiskit_ibm_runtime"

Door = tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]
"""``__all__``, ``__getattr__`` and ``__dir__`` of a module."""

BORROWED: dict[str, str] = {
    "fake_provider": "use QiskitRuntimeService(channel='local').backend('local_heron') or GenericBackendV2, or install "
    "qiskit-ibm-runtime, whose snapshots of devices are taken then",
    "transpiler.passes.scheduling": "use the passes of that name in qiskit.transpiler.passes, or install "
    "qiskit-ibm-runtime, whose own are taken then",
}
"""Modules that are taken from the official client where that is installed -> what to do where it is not."""

_V1 = "the primitives of version 1 are gone: use SamplerV2 and EstimatorV2, see docs/migration.md"

MISSING: dict[str, str] = {
    "SamplerV1": _V1,
    "EstimatorV1": _V1,
    "RuntimeJob": "jobs of the V2 primitives are RuntimeJobV2",
    "TranspilationOptions": _V1,
}
"""Names that the official client had before -> what to do instead."""


def door(
    module: str,
    names: Mapping[str, str],
    *,
    modules: str = "",
    files: Mapping[str, str] | None = None,
    lent: Mapping[str, str] | None = None,
) -> Door:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a module whose members live in other modules.

    Args:
        module: Its ``__name__``.
        names: Module below this package -> what is taken from there: ``"Name"``, or ``"Name=what it is called there"``.
        modules: Its submodules that are for users.
        files: Submodules that the official client has and this package needs no file for -> their members: names of
            this module, or ``"module:Name"``.
        lent: As ``names``, for what comes from the official client: only ``dir()`` shows it, and only where that is.
    """
    own, borrowed = _homes(names), _homes(lent or {})
    homes, children = own | borrowed, modules.split()
    _register(module, files or {})

    def get(name: str) -> Any:
        if name in homes:
            # Qiskit first, while few calls are open. CPython takes memory for calls in blocks, and a loop that steps over
            # the end of one asks for the next each time: deep inside our own imports that cost a tenth of Qiskit's.
            import_module("qiskit")
            value = _member(homes[name])
        elif name in children:
            return import_module(f"{module}.{name}")
        elif name in MISSING:
            # An ImportError, so that ``from module import name`` shows these words.
            raise ImportError(f"{PACKAGE} has no counterpart of {name}: {MISSING[name]}.", name=name)
        else:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        setattr(sys.modules[module], name, value)
        return value

    def shown() -> list[str]:
        special = {name for name in vars(sys.modules[module]) if name.startswith("__")}
        found = special.union(own, borrowed, children)
        return sorted(found if find_spec(OFFICIAL) else found - {*borrowed, *BORROWED})

    return sorted(own), get, shown


def borrow(module: str) -> Door:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a module that is the official client's of that name.

    Args:
        module: Its ``__name__``.

    Raises:
        ModuleNotFoundError: The official client is not installed.
    """
    below = module.partition(".")[2]
    theirs = f"{OFFICIAL}.{below}"
    try:
        lender = import_module(theirs)
    except ModuleNotFoundError as cause:
        raise ModuleNotFoundError(
            f"{PACKAGE} has no {below} of its own: {BORROWED[below]}.", name=module
        ) from cause
    for name, each in list(sys.modules.items()):
        if name.startswith(f"{theirs}."):
            sys.modules[module + name[len(theirs) :]] = each
    public = sorted(name for name in vars(lender) if not name.startswith("_"))
    return public, lambda name: getattr(lender, name), lambda: public


class _File(ModuleType):
    """A submodule for which there is no file."""

    def __init__(self, name: str, homes: Mapping[str, str]) -> None:
        super().__init__(name, f"Members of {name.rpartition('.')[0]}, under the official client's path.")
        self.__spec__ = ModuleSpec(name, None)
        self.__all__ = list(homes)
        self._homes = homes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._homes:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = _member(self._homes[name])
        setattr(self, name, value)
        return value

    def __dir__(self) -> Iterable[str]:
        return sorted({*self.__all__, *(name for name in vars(self) if name.startswith("__"))})


class LazyMethod:
    """A method that is a function of another module, which is loaded when somebody asks for the method.

    Args:
        home: ``"module:name"``, below this package.
    """

    def __init__(self, home: str) -> None:
        self._home = home

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Return what the function would be if it stood in the class."""
        return _member(self._home).__get__(instance, owner)


def _register(module: str, files: Mapping[str, str]) -> None:
    """Let files be imported: what stands in ``sys.modules`` is not looked for on disk."""
    here = module.partition(".")[2]
    if files:
        vars(sys.modules[module]).setdefault("__path__", [])
    for path, members in files.items():
        homes = {
            each.rpartition(":")[2]: each if ":" in each else f"{here}:{each}" for each in members.split()
        }
        file = sys.modules[f"{module}.{path}"] = _File(f"{module}.{path}", homes)
        if "." not in path:
            setattr(sys.modules[module], path, file)


def _homes(names: Mapping[str, str]) -> dict[str, str]:
    pairs = [
        (home, *entry.partition("=")[::2]) for home, entries in names.items() for entry in entries.split()
    ]
    return {name: f"{home}:{there or name}" for home, name, there in pairs}


def _member(home: str) -> Any:
    """Return a member of a module of this package, or of Qiskit.

    Args:
        home: ``"module:name"``.
    """
    module, _, name = home.partition(":")
    return getattr(import_module(module if module.startswith("qiskit.") else f"{PACKAGE}.{module}"), name)
