"""What a notebook shows: every object, in one that is really executed, and without matplotlib or the service, too."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qiskit_rest_primitives import (
    Batch,
    EstimatorV2,
    Executor,
    QiskitRuntimeService,
    QuantumProgram,
    SamplerV2,
    Session,
)
from qiskit_rest_primitives.notebook import backends, html, jobs, results

CELLS = """
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, SamplerV2, Session

service = QiskitRuntimeService(channel="local", url={url!r}, token={token!r}, instance={instance!r})
service
%%
service.backends()
%%
service.backend("local_heron")
%%
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
simulator = service.backend("aer_simulator")
sampler = SamplerV2(simulator, options={{"simulator": {{"seed_simulator": 1}}}})
job = sampler.run([bell], shots=100)
result = job.result()
job
%%
result
%%
result[0]
%%
angle = Parameter("angle")
turned = QuantumCircuit(1)
turned.rx(angle, 0)
sweep = EstimatorV2(simulator).run([(turned, "Z", np.linspace(0, np.pi, 9))]).result()
sweep
%%
sweep[0]
%%
service.jobs()
%%
sampler.options
%%
with Session(simulator) as session:
    display(session)
%%
from qiskit_rest_primitives import gather
from qiskit_rest_primitives.jobs import watching

watching.UNSEEN = 0.0  # seconds of waiting before a display that nobody asked for comes up
results = gather([sampler.run([bell], shots=10) for _ in range(3)])
"""


class Reader(HTMLParser):
    """Reads HTML strictly: what is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(word.strip() for word in self.words if word.strip())


@pytest.fixture(scope="module")
def executed(endpoint: Any) -> list[Any]:
    """The cells of a notebook, executed by a kernel of its own."""
    nbformat = pytest.importorskip("nbformat", reason="pip install nbclient ipykernel to execute a notebook")
    nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel to execute a notebook")
    text = CELLS.format(url=endpoint.url, token=endpoint.token, instance=endpoint.instance)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in text.split("%%")]
    )
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return list(notebook.cells)


@pytest.fixture(scope="module")
def shown(executed: list[Any]) -> list[list[Reader]]:
    """The HTML that each cell shows."""
    return [
        [
            Reader(output["data"]["text/html"])
            for output in cell.outputs
            if "text/html" in output.get("data", {})
        ]
        for cell in executed
    ]


EXPECTED = (
    ("QiskitRuntimeService", "aer_simulator", "local_heron"),
    ("aer_simulator", "256", "simulator"),
    ("local_heron", "156", "pending jobs", "highest two-qubit errors"),
    ("● DONE", "created", "running", "finished", "downloaded", "00", "11"),
    ("PrimitiveResult of 1 PUB", "meas: 2 bits, 100 shots", "00", "11"),
    ("meas: 2 bits, 100 shots", "00", "11"),
    ("PrimitiveResult of 1 PUB", "[0]", "[8]"),
    ("expectation value", "standard deviation", "[8]"),
    ("sampler", "estimator", "● DONE"),
    ("dynamical_decoupling.enable", "False (default)"),
    ("Session", "aer_simulator"),
)


@pytest.mark.parametrize("index", range(len(EXPECTED)))
def test_a_notebook_shows_every_object(shown: list[list[Reader]], index: int) -> None:
    (reader,) = shown[index]

    missing = [word for word in EXPECTED[index] if word not in reader.said]
    assert missing == []
    assert "script" not in reader.tags


def test_a_notebook_shows_progress(executed: list[Any]) -> None:
    """By itself, and in words where there are no widgets."""
    pytest.importorskip("tqdm", reason="pip install tqdm to show progress")
    outputs = executed[-1].outputs
    said = "".join(output.get("text", "") or str(output.get("data", "")) for output in outputs)

    assert "3 jobs: 3 done" in said.replace("\u2007", " ")
    assert "3/3" in said


@pytest.mark.parametrize("index", [2, 6, 7])
def test_maps_and_sweeps_are_drawn(shown: list[list[Reader]], index: int) -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib for figures")

    assert shown[index][0].tags.count("img") == 1


def test_counts_are_those_of_the_result(service: Any) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    result = SamplerV2(service.backend("aer_simulator")).run([circuit], shots=70).result()

    assert re.search(r"outcome count share 1 70 100\.0%", Reader(results.primitive_result(result)).said)


def test_a_figure_is_a_table_without_matplotlib(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "find_spec", lambda name: None)
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    result = EstimatorV2(service.backend("aer_simulator")).run([(circuit, "Z", np.zeros(30))]).result()

    reader = Reader(results.estimator_pub(result[0]))
    assert "img" not in reader.tags
    assert "[15] 1 0" in reader.said
    assert "… and 14 more" in reader.said
    assert "highest readout errors" in Reader(backends.backend(service.backend("local_heron"))).said


def test_foreign_words_mean_nothing_in_html(service: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = SamplerV2(service.backend("aer_simulator"))
    sampler.options.environment.job_tags = ["<img src=x onerror=alert(1)>", "\u202egninrut"]
    job = sampler.run([circuit], shots=1)
    job.result()

    for page in (jobs.job(job), jobs.jobs(service.jobs(job_tags=sampler.options.environment.job_tags))):
        assert "<img src=x onerror=alert(1)>" in Reader(page).said
        assert "\u202e" not in page
    assert Reader(jobs.jobs([])).said == "There are no such jobs."


def test_a_quantum_program_is_shown_item_by_item(service: Any) -> None:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.measure_all()
    program = QuantumProgram(shots=30)
    program.append_circuit_item(circuit)
    job = Executor(service.backend("aer_simulator")).run(program)

    said = Reader(job.result()._repr_html_()).said
    assert (
        said
        == "QuantumProgramResult of 1 item Item 0 meas: 2 bits, 30 shots outcome count share 01 30 100.0%"
    )
    assert said in Reader(job._repr_html_()).said


@pytest.mark.parametrize("mode", [Session, Batch])
def test_sessions_say_how_they_stand(service: Any, mode: type[Session]) -> None:
    with mode(service.backend("aer_simulator"), max_time=60) as opened:
        said = Reader(opened._repr_html_()).said

    assert said.startswith(f"{mode.__name__} {opened.session_id}")
    assert "max time 60 s" in said


def test_a_private_result_is_not_taken_by_showing_its_job(service: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = SamplerV2(service.backend("aer_simulator"))
    sampler.options.environment.private = True
    job = sampler.run([circuit], shots=10)
    job.wait_for_final_state()

    assert "read once" in Reader(jobs.job(job)).said
    assert job.result()[0].data.meas.get_counts() == {"0": 10}
    assert "10 100.0%" in Reader(jobs.job(job)).said


def test_what_cannot_be_asked_is_said_and_not_raised(directed: Any, director: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    backend = directed.backend("aer_simulator")
    director.fail("The cryostat is warm.")
    job = SamplerV2(backend).run([circuit], shots=10)
    job.wait_for_final_state()

    said = Reader(jobs.job(job)).said
    assert "● ERROR" in said
    assert "The cryostat is warm." in said


def test_what_gives_no_answer_is_not_waited_for(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever shows an object asks within one bound, and says that the time was up."""
    place = {"url": endpoint.url, "token": endpoint.token, "instance": endpoint.instance}
    service = QiskitRuntimeService(channel="local", **place)
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    backend = service.backend("aer_simulator")
    with Session(backend) as session:
        job = SamplerV2(session).run([circuit], shots=1)
    job.wait_for_final_state()
    monkeypatch.setattr(html, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        monkeypatch.setattr(job.api.transport, "base_url", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for one in (job, session, backend, service):
            said = Reader(one._repr_html_()).said
            assert "not known now" in said
            assert "in time" in said or one is backend


def test_repr_tells_backend_and_state_without_a_request(service: Any, traffic: list[str]) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = SamplerV2(service.backend("aer_simulator")).run([circuit], shots=1)
    job.result()
    traffic.clear()

    assert repr(job) == f"<RuntimeJobV2({job.job_id()!r}, 'sampler', aer_simulator, DONE)>"
    assert traffic == []


def test_nothing_of_it_is_loaded_before_it_is_shown() -> None:
    code = (
        "import sys; from qiskit_rest_primitives import SamplerV2, QiskitRuntimeService\n"
        "print([name for name in sys.modules if 'notebook' in name or name.startswith('matplotlib')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def test_a_way_to_show_results_that_somebody_chose_stays(run_in_ipython: Callable[[str], str]) -> None:
    chosen = run_in_ipython("""
        from qiskit.primitives.containers import PrimitiveResult
        formatter = get_ipython().display_formatter.formatters["text/html"]
        formatter.enabled = True
        formatter.for_type(PrimitiveResult, lambda result: "mine")
        from qiskit_rest_primitives.notebook import teach_notebook
        teach_notebook()
        print(formatter(PrimitiveResult([])))
    """)

    assert chosen == "mine"


@pytest.fixture
def run_in_ipython() -> Callable[[str], str]:
    """Run code in an IPython of its own."""
    pytest.importorskip("IPython", reason="pip install ipykernel to run IPython")

    def run(code: str) -> str:
        lines = "\n".join(line.strip() for line in code.strip().splitlines())
        command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--quick", "-c", lines]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        return ran.stdout.strip().splitlines()[-1]

    return run
