"""What tests of the Workloads page share: a visitor without a browser, a server with 10 000 jobs, and a real Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter

from qiskit_rest_primitives import Batch, EstimatorV2, SamplerV2
from qiskit_rest_primitives.server.embedded import RunningServer, serve
from qiskit_rest_primitives.server.jobs.store import Store
from qiskit_rest_primitives.server.settings import DEFAULT_CRN

OWN = {"X-Workloads": "1"}
"""The header that the page sends with what changes something."""
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
MANY = 10_000
BEGIN = 1_790_000_000.0


class Visitor:
    """A browser as the server sees it, without one: a cookie jar."""

    def __init__(self, server: RunningServer, *, signed_in: bool = True) -> None:
        self.server = server
        self.base = server.endpoint.iam_url
        self.session = requests.Session()
        self.session.trust_env = False
        if signed_in:
            assert self.sign_in(code=server.login_link().partition("#login=")[2]).status_code == 204

    def __call__(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> requests.Response:
        return self.session.request(method, self.base + path, headers=headers, timeout=600, **more)

    def get(self, path: str) -> Any:
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sign_in(self, headers: dict[str, str] = OWN, **given: Any) -> requests.Response:
        return self("POST", "/web/sign-in", json=given, headers=headers)


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    """Visit a server: ``visit(server)``, or ``visit(server, signed_in=False)``."""
    visitors: list[Visitor] = []

    def one(server: RunningServer, *, signed_in: bool = True) -> Visitor:
        visitors.append(Visitor(server, signed_in=signed_in))
        return visitors[-1]

    yield one
    for visitor in visitors:
        visitor.session.close()


EVIL = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


def bell(angle: float | Parameter = 1.2) -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="bell")
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    return circuit


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    circuit = circuit.copy()
    circuit.measure_all()
    return circuit


@pytest.fixture(scope="module")
def lively() -> Iterator[RunningServer]:
    """A server with the real engine, for pages that show results."""
    with serve(backends=["aer_simulator", "local_heron"]) as server:
        yield server


@pytest.fixture(scope="module")
def done(lively: RunningServer) -> dict[str, str]:
    """Jobs that have ended: one of each program, one that failed, and one whose every text is somebody's attack."""
    from qiskit_rest_primitives.service.service import QiskitRuntimeService

    place = lively.endpoint
    service = QiskitRuntimeService(channel="local", url=place.url, token=place.token, instance=place.instance)
    backend = service.backend("aer_simulator")
    angle = Parameter("θ")
    evil = QuantumCircuit(
        QuantumRegister(1, "q"), ClassicalRegister(1, "c"), name=EVIL, metadata={EVIL: EVIL}
    )
    evil.x(0)
    evil.measure(0, 0)
    jobs = {
        "sampler": SamplerV2(backend).run([measured(bell())], shots=200),
        "sweep": EstimatorV2(backend).run([(bell(angle), ["ZI"], [[0.1 * k] for k in range(9)])] * 2),
        "evil": SamplerV2(backend, options={"environment": {"job_tags": [EVIL, "\u202egninrut"]}}).run(
            [evil], shots=3
        ),
    }
    for job in jobs.values():
        job.wait_for_final_state()
    batch = Batch(backend=backend)
    inside = SamplerV2(batch).run([measured(bell())], shots=10)
    inside.wait_for_final_state()
    return {name: job.job_id() for name, job in jobs.items()} | {
        "batch": batch.session_id,
        "inside": inside.job_id(),
    }


def seed(path: Path) -> None:
    """Write a database in which everything has happened already: many jobs of a sampler, one of them with a tag of its own."""
    store = Store(str(path))
    rows = [
        (
            f"j{number:05d}", DEFAULT_CRN, "estimator" if number % 7 == 0 else "sampler", "aer_simulator", BEGIN + number,
            "Failed" if number % 50 == 0 else "Completed", 600, json.dumps([f"run-{number % 400}"] + ["needle"] * (number == 4321)),
            BEGIN + number, BEGIN + number + 1, 0.5,
        )
        for number in range(MANY)
    ]  # fmt: skip
    with store.transaction():
        store.connection.executemany(
            "INSERT INTO jobs (id, instance, program, backend, created, status, cost, tags, started, finished, seconds)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    store.close()


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with 10 000 jobs, which are all over."""
    path = tmp_path_factory.mktemp("crowd") / "jobs.sqlite"
    seed(path)
    with serve(
        backends=["aer_simulator", "local_heron"],
        database=str(path),
        settings=lambda s: replace(s, clock=lambda: BEGIN + MANY + 60),
    ) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium that can reach this machine and nothing else.

    Not for longer than a module: as long as it is there, an event loop runs in this thread, and others cannot.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pip install playwright to drive the page in a browser"
    )
    installed = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with playwright.sync_playwright() as driver:
        path = next(installed, driver.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip(
                "apt-get install chromium, or playwright install chromium, to drive the page in a browser"
            )
        browser = driver.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()


WATCH = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));"""


@contextmanager
def tab(chromium: Any, server: RunningServer, *, refused: str = "nothing", **options: Any) -> Iterator[Any]:
    """Open a browser of its own, and see that all is well with it: no error, no breach of the policy, no stranger.

    Chromium tells of every request that was refused; ``refused`` is in the text of those that are expected.
    """
    context = chromium.new_context(**{"viewport": {"width": 1180, "height": 820}, **options})
    context.add_init_script(WATCH)
    context.set_default_timeout(120_000)  # only what is broken takes as long
    wrong: list[str] = []
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        yield page
        page.wait_for_timeout(0)  # what is still to be told
        assert [said for said in wrong if refused not in said] == []
        assert [url for url in asked if not url.startswith(f"{server.endpoint.iam_url}/")] == []
        assert asked
    finally:
        context.close()


@pytest.fixture
def browse(chromium: Any) -> Callable[..., Any]:
    """Return what opens a tab: ``with browse(server) as page``, signed in and at the list unless ``signed_in=False``."""

    @contextmanager
    def opened(server: RunningServer, *, signed_in: bool = True, **options: Any) -> Iterator[Any]:
        with tab(chromium, server, **options) as page:
            page.goto(server.login_link() if signed_in else f"{server.endpoint.iam_url}/")
            if signed_in:
                page.wait_for_selector(".live.on")
            yield page

    return opened
