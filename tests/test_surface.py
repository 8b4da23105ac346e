"""The public surface against the official client's, by inspection; what differs is listed in docs/compatibility.md."""

from __future__ import annotations

import enum
import inspect
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import QiskitRuntimeService, RuntimeJobV2, Session
from qiskit_rest_primitives._doors import BORROWED, LazyMethod

OFFICIAL = "qiskit_ibm_runtime"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "compatibility.md"
ROW = re.compile(r"^\| `(?P<item>[^`]+)` \| (?P<reason>[^|]+) \|$", re.MULTILINE)

IMPLEMENTATION = (
    "base_primitive", "batch", "decoders.defaults", "decoders.executor", "estimator", "executor.executor", "executor_estimator",
    "executor_sampler", "ibm_backend", "json", "noise_learner.", "options.utils", "options_models.executor",
    "qiskit_runtime_service", "quantum_program.",
    "results.", "runtime_job_v2", "runtime_options", "sampler", "session", "transpiler.passes.basis.",
    "transpiler.plugin", "utils", "version", "visualization.",
)  # fmt: skip
"""Modules that people import one class from; what else they happen to hold is nobody's surface."""


ANEW = ("executor_estimator", "executor_sampler", "options_models")
"""Modules whose classes are others than those of the same names at the top."""


def official(module: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(f"{OFFICIAL}.{module}" if module else OFFICIAL)


def ours(module: str) -> Any:
    """Return the module of that path here, None if there is none."""
    path = f"qiskit_rest_primitives.{module}".rstrip(".")
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        return None


@cache
def everything() -> dict[str, dict[str, Any]]:
    """Path of the official client that exists here -> public name of it that exists here -> what it is here."""
    walked = pkgutil.walk_packages(official("").__path__, f"{OFFICIAL}.")
    found = {}
    for path in ["", *(entry.name.partition(".")[2] for entry in walked)]:
        mine = None if path.startswith(tuple(BORROWED)) else ours(path)
        if mine is not None:
            names = public_names(official(path)) & set(dir(mine))
            found[path] = {name: getattr(mine, name) for name in names}
    return found


def public_names(module: Any) -> set[str]:
    """Names that belong to the official client, other modules and imported helpers left out."""
    found = set()
    for name, value in vars(module).items():
        origin = getattr(value, "__module__", None) or OFFICIAL
        alias = origin == "typing" and name.endswith("Type")
        own = (origin.startswith(OFFICIAL) or alias) and not inspect.ismodule(value)
        if not name.startswith("_") and own and name != "TYPE_CHECKING":
            found.add(name)
    return found


PUBLIC = (
    "", "accounts", "accounts.exceptions", "api.exceptions", "circuit.library", "debug_tools", "exceptions",
    "execution_span", "executor", "executor_estimator", "executor_sampler", "models", "models.exceptions",
    "options", "options.utils", "options_models", "proxies", "quantum_program", "results", "transpiler.passes",
    "transpiler.plugin", "visualization",
)  # fmt: skip
"""Modules whose names are the official client's public ones; other paths lead to the same objects."""


def paths() -> Iterator[tuple[str, set[str]]]:
    """Yield every module of the official client that can be imported and holds public objects, with their names."""
    public = {
        id(vars(official(module))[name]) for module in PUBLIC for name in public_names(official(module))
    }
    for entry in pkgutil.walk_packages(official("").__path__, f"{OFFICIAL}."):
        path = entry.name.partition(".")[2]
        if path.startswith(tuple(BORROWED)):
            continue
        module = official(path)
        names = {
            name
            for name in public_names(module)
            if id(vars(module)[name]) in public
            and (entry.ispkg or getattr(vars(module)[name], "__module__", "") == entry.name)
        }
        if names:
            yield path, names


def path_differences() -> Iterator[str]:
    """Yield the paths from which what this package has cannot be imported."""
    had = {name for names in everything().values() for name in names}
    for path, names in paths():
        if path in everything():
            yield from (f"{path}.{name}" for name in (names & had) - set(everything()[path]))
        elif names & had or "." not in path:
            yield f"module {path}"


def members(cls: type) -> dict[str, Any]:
    """The public members that the official client itself defines."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(OFFICIAL):
            found.update({name: value for name, value in vars(base).items() if not name.startswith("_")})
    found.pop("model_config", None)  # of pydantic
    return found


def kind_of(value: Any) -> str:
    if isinstance(value, (property, type(None))) or not callable(getattr(value, "__func__", value)):
        return "attribute"
    return "method"


def shown(default: Any) -> Any:
    if isinstance(default, enum.Enum):
        return default.value
    # A group of options that is made anew.
    return "Unset" if repr(default) in ("Unset", "<factory>") else default


def parameters(value: Any) -> dict[str, inspect.Parameter] | None:
    try:
        made = "__new__" in vars(value) and "__init__" in vars(value) if isinstance(value, type) else False
        found = inspect.signature(value.__init__ if made else getattr(value, "__func__", value)).parameters
    except (TypeError, ValueError):
        return None
    return {name: entry for name, entry in found.items() if name not in ("self", "cls")}


POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call_differences(where: str, theirs: Any, ours: Any) -> Iterator[str]:
    """Yield what a call that the official client accepts meets here."""
    wanted, offered = parameters(theirs), parameters(ours)
    if wanted is None or offered is None:
        return
    free = {entry.kind for entry in offered.values()}
    places = [name for name, entry in offered.items() if entry.kind in POSITIONAL]
    place = 0
    for name, entry in wanted.items():
        if name.startswith("_"):
            continue
        if entry.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            if entry.kind not in free:
                yield f"{where}({'*' if entry.kind is inspect.Parameter.VAR_POSITIONAL else '**'}{name})"
            continue
        if name not in offered:
            if inspect.Parameter.VAR_KEYWORD not in free:
                yield f"{where}({name})"
            place += entry.kind in POSITIONAL
            continue
        if shown(entry.default) != shown(offered[name].default):
            yield f"{where}({name}={_text(offered[name].default)})"
        if entry.kind in POSITIONAL:
            if place >= len(places) or places[place] != name:
                yield f"{where}(*, {name})"
            place += 1


def _text(default: Any) -> str:
    return "" if default is inspect.Parameter.empty else f"{shown(default)!r}".strip("'")


def class_differences(where: str, theirs: type, ours: Any) -> Iterator[str]:
    if not isinstance(ours, type):
        return
    yield from call_differences(where, theirs, ours)
    for name, value in sorted(members(theirs).items()):
        mine = inspect.getattr_static(ours, name, None)
        if isinstance(mine, LazyMethod):  # a function elsewhere, whose first argument is the object
            mine = partial(mine.__get__(None, ours), None)
        declared = name in getattr(ours, "__annotations__", {}) or name in {
            entry for base in ours.__mro__ for entry in getattr(base, "__annotations__", {})
        }
        if mine is None and not declared:
            yield f"{where}.{name}"
            continue
        if declared and mine is None:
            continue
        if kind_of(value) != kind_of(mine):
            yield f"{where}.{name} ({kind_of(mine)})"
        elif kind_of(value) == "method":
            yield from call_differences(f"{where}.{name}", value, mine)


def differences() -> set[str]:
    found = {
        f"module {entry.name}"
        for entry in pkgutil.iter_modules(official("").__path__)
        if entry.name not in everything() and entry.name not in BORROWED
    }
    found |= set(path_differences())
    for module, here in everything().items():
        package = everything().get(module.rpartition(".")[0] or "-", {})
        if here and here.items() <= package.items():
            continue  # a file, whose members are compared as the package's
        theirs = official(module)
        prefix = f"{module}." if module else ""
        if not module.startswith(IMPLEMENTATION):
            found |= {prefix + name for name in public_names(theirs) - set(here)}
        for name, mine in here.items():
            value = getattr(theirs, name, None)
            again = module not in ANEW and module and name in everything()[""]
            if isinstance(value, type) and not again:
                found |= set(class_differences(prefix + name, value, mine))
    return found


@pytest.fixture(scope="module")
def found() -> set[str]:
    return differences()


@pytest.fixture(scope="module")
def listed() -> dict[str, str]:
    """Pattern -> reason, of the table of the page."""
    return {match["item"]: match["reason"].strip() for match in ROW.finditer(PAGE.read_text())}


def test_every_difference_from_the_official_client_is_listed(found: set[str], listed: dict[str, str]) -> None:
    unlisted = sorted(item for item in found if not any(fnmatchcase(item, pattern) for pattern in listed))

    assert unlisted == []


def test_every_listed_difference_is_one_and_has_a_reason(found: set[str], listed: dict[str, str]) -> None:
    assert listed
    assert [pattern for pattern in listed if not any(fnmatchcase(item, pattern) for item in found)] == []
    assert [pattern for pattern, reason in listed.items() if len(reason) < 10] == []


def exceptions(module: str) -> list[str]:
    return [
        name
        for name, value in vars(official(module)).items()
        if name in everything()[module] and isinstance(value, type) and issubclass(value, Exception)
    ]


@pytest.mark.parametrize(
    "module", ["exceptions", "accounts.exceptions", "api.exceptions", "models.exceptions"]
)
def test_exceptions_are_caught_by_the_names_that_catch_the_official_ones(module: str) -> None:
    assert exceptions(module)
    for name in exceptions(module):
        wanted = {base.__name__ for base in getattr(official(module), name).__mro__}
        offered = {base.__name__ for base in everything()[module][name].__mro__}
        assert wanted - offered == set(), name


def test_the_classes_that_programs_are_written_with_are_among_those_compared() -> None:
    names = {
        "SamplerV2",
        "EstimatorV2",
        "Session",
        "Batch",
        "IBMBackend",
        "RuntimeJobV2",
        "QiskitRuntimeService",
    }

    assert names <= set(everything()[""])
    for name in names:
        assert members(getattr(official(""), name))


def test_the_comparison_sees_what_it_looks_for() -> None:
    class Theirs:
        def __init__(self, first, second=1):
            pass

        def method(self, size, *, flag=False):
            pass

        def gone(self):
            pass

        @property
        def value(self):
            pass

    Theirs.__module__ = OFFICIAL

    class Ours:
        def __init__(self, first, *, second=2):
            pass

        def method(self, size):
            pass

        def value(self):
            pass

    assert sorted(class_differences("X", Theirs, Ours)) == [
        "X(*, second)",
        "X(second=2)",
        "X.gone",
        "X.method(flag)",
        "X.value (method)",
    ]


def without(cls: type, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.delattr(cls, name)


def instead(cls: type, name: str, member: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(cls, name, member)


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        (without(Session, "usage"), {"Session.usage", "Batch.usage"}),
        (instead(Session, "status", property(lambda self: "")), {"Session.status (attribute)"}),
        (
            instead(RuntimeJobV2, "wait_for_final_state", lambda self, timeout=5.0: None),
            {
                "RuntimeJobV2.wait_for_final_state(timeout=5.0)",
                "RuntimeJobV2.wait_for_final_state(poll_interval)",
            },
        ),
        (
            instead(QiskitRuntimeService, "delete_job", lambda self, *, job_id: None),
            {"QiskitRuntimeService.delete_job(*, job_id)"},
        ),
        (lambda patch: patch.delitem(everything()[""], "IBMBackend"), {"IBMBackend"}),
        (lambda patch: patch.delitem(everything(), "execution_span"), {"module execution_span"}),
        (
            lambda patch: patch.delitem(everything(), "options.pec_options"),
            {"module options.pec_options"},
        ),
        (
            lambda patch: patch.delitem(everything()["models.backend_properties"], "BackendProperties"),
            {"models.backend_properties.BackendProperties"},
        ),
    ],
    ids=["a method", "a property", "a default", "a keyword", "a name", "a module", "a file", "a file's name"],
)
def test_a_difference_that_is_planted_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    seen: set[str],
    found: set[str],
    listed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)

    new = differences() - found

    assert seen <= new
    assert not [item for item in seen if any(fnmatchcase(item, pattern) for pattern in listed)]


if __name__ == "__main__":
    print("\n".join(sorted(differences())))
