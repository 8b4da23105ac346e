"""Frozen dataclasses that are made with their first instance: like others in every way, once and by whoever comes first."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import field
from pathlib import Path

import pytest

import qiskit_rest_primitives
from qiskit_rest_primitives._frozen import frozen
from qiskit_rest_primitives.qasm.maps import RegisterMap


@frozen
class Point:
    """A point."""

    x: int
    kind: int = 2
    names: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.x + self.kind


def test_it_is_what_a_frozen_dataclass_is() -> None:
    plain = dataclasses.make_dataclass(
        "Point",
        [("x", int), ("kind", int, 2), ("names", list[str], field(default_factory=list))],
        frozen=True,
    )

    assert repr(Point(1)) == repr(plain(1)) == "Point(x=1, kind=2, names=[])"
    assert Point(1) == Point(1, 2) != Point(2)
    assert Point(1).names is not Point(1).names
    assert dataclasses.replace(Point(1), kind=5).total == 6
    assert [item.name for item in dataclasses.fields(Point)] == ["x", "kind", "names"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1).x = 3  # type: ignore[misc]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]


def test_copies_are_made_first_too() -> None:
    """A process that only unpickles one has made none before."""
    body = pickle.dumps(RegisterMap("c", 1, (("c", 0),)))
    code = f"import sys; sys.path[:] = {sys.path!r}; import pickle; print(pickle.loads({body!r}) == pickle.loads({body!r}))"

    assert copy.deepcopy(Point(3, names=["a"])) == Point(3, names=["a"])
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split() == ["True"]


def test_many_threads_may_be_the_first() -> None:
    for _ in range(50):
        late = frozen(
            type("Late", (), {"__annotations__": {"a": int, "b": list}, "b": field(default_factory=list)})
        )
        start, found = threading.Barrier(8), []

        def work(late: type = late, start: threading.Barrier = start, found: list[object] = found) -> None:
            start.wait()
            found.append(late(1))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [late(1)] * 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork; runs where there is one")
def test_a_child_has_whole_classes() -> None:
    """Whatever a thread of its parent was making when it forked."""
    ended, begun = threading.Event(), threading.Event()
    made = []

    def make() -> None:
        while not ended.is_set():
            made.append(frozen(type("Late", (), {"__annotations__": dict.fromkeys("abcdef", int)})))
            made[-1](*range(6))
            begun.set()

    thread = threading.Thread(target=make)
    thread.start()
    try:
        begun.wait()
        for _ in range(20):
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", DeprecationWarning
                )  # of forks beside threads, which is the point
                child = os.fork()
            if child == 0:
                os._exit(dataclasses.astuple(made[-1](*range(6))) != tuple(range(6)))
            assert os.waitpid(child, 0)[1] == 0
    finally:
        ended.set()
        thread.join()


def test_nobody_asks_such_a_class_for_its_fields() -> None:
    """It has none before its first instance, which a test may have made."""
    package = Path(qiskit_rest_primitives.__file__).parent
    asking = [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"^@frozen$", text := path.read_text(encoding="utf-8"), re.MULTILINE)
        and re.search(r"__dataclass_fields__|__match_args__|\b(fields|is_dataclass)\(", text)
    ]

    assert asking == []


def test_an_import_makes_none_of_them() -> None:
    """What a module makes an instance of is better an ordinary dataclass."""
    code = f"""
import sys; sys.path[:] = {sys.path!r}
from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
late = {{
    it for name, module in list(sys.modules.items()) if name.startswith("qiskit_rest_primitives") for it in vars(module).values()
    if isinstance(it, type) and getattr(it.__new__, "__module__", "") == "qiskit_rest_primitives._frozen"
}}
print(len(late), *(it.__name__ for it in late if "__dataclass_fields__" in vars(it)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    number, *made = found.stdout.split()
    assert int(number) > 20
    assert made == []
