"""``docs/architecture.md`` says what is so: its files and functions exist, a PUB takes the way it tells, its picture is current."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import threading
import traceback
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any
from uuid import uuid4

import pytest
from qiskit import QuantumCircuit
from urllib3 import HTTPConnectionPool

from qiskit_rest_primitives import QiskitRuntimeService, RuntimeJobNotFound, SamplerV2
from qiskit_rest_primitives.server.embedded import serve

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "qiskit_rest_primitives"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HOP = re.compile(r"`([\w/]+\.py)(?::([\w.]+))?`")
THERE, BACK, ERROR = "One PUB, there", "One byte of the result, back", "One error"


def chapter(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def steps(title: str) -> list[tuple[str, str]]:
    """Return (file, function) of a chapter's steps, in the order in which the page has them."""
    return [(file, name) for file, name in HOP.findall(chapter(title)) if name]


def names_of(file: str) -> set[str]:
    """Return what can be found in a file: classes, functions, and methods behind their class."""
    found = set()
    for node in ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body:
        name = getattr(node, "name", None)
        if name is not None:
            found.add(name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{name}.{inner.name}" for inner in node.body if hasattr(inner, "name")}
    return found


@pytest.mark.parametrize("file", sorted({file for file, _ in HOP.findall(PAGE)}))
def test_the_files_and_functions_that_the_page_names_exist(file: str) -> None:
    path = PACKAGE / file if (PACKAGE / file).exists() else ROOT / file
    assert path.exists()
    if path.is_relative_to(PACKAGE):
        assert {name for here, name in HOP.findall(PAGE) if here == file and name} - names_of(file) == set()


@pytest.mark.parametrize(
    ("question", "file", "name"),
    [
        ("Where is a header added?", "rest/connect.py", "client_headers"),
        ("Where is an option declared?", "options/groups.py", "TwirlingOptions"),
        ("Where does a 404 become an exception?", "exceptions.py", "from_failure"),
        ("Where does a register get its name back?", "wire/registers.py", "rename_registers"),
        ("Where is a job's turn decided?", "server/jobs/queue_policy.py", "next_job"),
    ],
)
def test_the_page_answers_what_newcomers_look_for(question: str, file: str, name: str) -> None:
    (answer,) = re.findall(rf"^\| {re.escape(question)} \| (.*) \|$", PAGE, re.MULTILINE)

    assert (file, name) in HOP.findall(answer)
    assert HOP.findall(answer).index((file, name)) == 0, "the first place that is named is the answer"


def test_the_answers_are_true() -> None:
    """What each place does can be seen from outside, without the page."""
    from qiskit_rest_primitives.exceptions import from_failure
    from qiskit_rest_primitives.options.groups import TwirlingOptions
    from qiskit_rest_primitives.rest.connect import client_headers
    from qiskit_rest_primitives.rest.messages import Failure

    assert "IBM-API-Version" in client_headers(None)
    assert "enable_gates" in TwirlingOptions.__dataclass_fields__
    lost = Failure("status", "GET /jobs/{id}", "GET", "/jobs/x", "Job not found.", status=404)
    assert isinstance(from_failure(lost), RuntimeJobNotFound)


class Watch:
    """Notes which functions of the package are called, in this thread and in those that begin meanwhile."""

    def __init__(self) -> None:
        self.codes: dict[CodeType, None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self.codes.setdefault(frame.f_code)

    def called(self) -> list[tuple[str, str]]:
        """Return (file, function), in the order of the first calls."""
        return [
            (Path(code.co_filename).relative_to(PACKAGE).as_posix(), code.co_name)
            for code in self.codes
            if Path(code.co_filename).is_relative_to(PACKAGE)
        ]


@pytest.fixture(scope="module")
def way() -> dict[str, list[tuple[str, str]]]:
    """Run a PUB on a device of a local server, and ask for a job that is none, while somebody takes notes.

    The server is this fixture's own, so that its threads begin here; and the circuit is one that nobody has sent before,
    so that no step is left out.
    """
    watch = {title: Watch() for title in ("run", ERROR)}
    current = watch["run"]
    circuit = QuantumCircuit(1, 1)
    circuit.rz(uuid4().int % 10**9 / 10**9, 0)
    circuit.x(0)
    circuit.measure(0, 0)
    threading.setprofile(lambda *event: current(*event))
    try:
        with serve() as server:
            place = server.endpoint
            service = QiskitRuntimeService(
                channel="local", url=place.url, token=place.token, instance=place.instance
            )
            backend = next(found for found in service.backends() if not found.simulator)
            sampler = SamplerV2(backend)
            current.codes.clear()  # of the server's start
            sys.setprofile(current)
            assert sampler.run([circuit], shots=8).result()[0].data.c.num_shots == 8
            current = watch[ERROR]
            sys.setprofile(current)
            with pytest.raises(RuntimeJobNotFound):
                service.job("nope")
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type] # as the documentation has it
    return {title: seen.called() for title, seen in watch.items()}


@pytest.mark.parametrize(("title", "seen"), [(THERE, "run"), (BACK, "run"), (ERROR, ERROR)])
def test_a_pub_takes_the_way_that_the_page_tells(
    way: dict[str, list[tuple[str, str]]], title: str, seen: str
) -> None:
    other = {"samples_to_bits", "require_success"}  # of the plain form, and of a job that ran and failed
    told = [(file, name.rpartition(".")[2]) for file, name in steps(title)]

    assert len(told) > 5
    assert [step for step in told if step not in way[seen] and step[1] not in other] == []


def test_the_client_s_part_of_the_way_is_told_in_its_order(way: dict[str, list[tuple[str, str]]]) -> None:
    rows = re.findall(r"^\| \d+ \|.*\| (.*) \|$", chapter(THERE), re.MULTILINE)
    first = [HOP.findall(row)[0] for row in rows]
    numbers = [way["run"].index((file, name.rpartition(".")[2])) for file, name in first]

    assert len(numbers) == 18
    assert numbers[:8] == sorted(numbers[:8])  # 9 and 10 have brought the device's documents before


def test_a_run_is_few_functions_away_from_the_socket(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted where urllib3 takes over, for the one request of a job; a deep stack hides the road from its reader."""
    depths: list[list[str]] = []
    urlopen = HTTPConnectionPool.urlopen

    def watched(self: Any, method: str, url: str, **more: Any) -> Any:
        if method == "POST" and url.endswith("/jobs"):
            stack = traceback.extract_stack()
            depths.append([frame.name for frame in stack if PACKAGE in Path(frame.filename).parents])
        return urlopen(self, method, url, **more)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", watched)
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    SamplerV2(service.backend("aer_simulator")).run([circuit]).result()

    assert len(depths) == 1
    assert len(depths[0]) <= 8, depths[0]


def picture() -> ModuleType:
    path = ROOT / "docs" / "architecture_picture.py"
    spec = importlib.util.spec_from_file_location("architecture_picture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_current_and_its_arrows_point_down() -> None:
    drawn = picture()
    rules = drawn.law()
    arrows = drawn.arrows(rules)

    upwards = {(one, other) for one, other in arrows if drawn.BOXES[one].row >= drawn.BOXES[other].row}
    assert upwards == set(), "give one of the boxes another row in docs/architecture_picture.py"
    committed = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert committed == drawn.picture(rules, arrows), "run: python docs/architecture_picture.py"


def test_every_place_of_the_law_has_a_box_or_is_a_door() -> None:
    drawn = picture()
    places = [place for box in drawn.BOXES.values() for place in box.places.split()]

    assert len(places) == len(set(places))
    assert set(places) - set(drawn.law().LAW) == set(), "a box stands for a place that is gone"
