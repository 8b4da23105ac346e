"""Every view of the page, in every state that can be opened, is for everybody: axe finds nothing, and nothing sticks out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import pytest

from qiskit_rest_primitives import Batch, SamplerV2
from qiskit_rest_primitives.server.embedded import RunningServer, serve
from qiskit_rest_primitives.server.job_errors import TaskFailed

from .conftest import bell, measured

SCREENS = {
    ("light", 1180): None,  # every rule
    ("dark", 320): ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"],
}
"""Colours and widths, with the rules that depend on them."""

UNFOLD = """(async () => {
    const folded = [...document.querySelectorAll("details:not([open])")].slice(0, 10);
    for (const each of folded) await new Promise((done) => { each.addEventListener("toggle", done); each.open = true; });
    return folded.length;
})()"""
"""Opens what is folded, and waits until it is filled."""


def judged(page: Any, rules: list[str] | None = None) -> list[tuple[str, str, str]]:
    """Return what axe finds wrong, of whatever weight. Its script comes through the debugger, past the policy."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="pip install axe-playwright-python to judge accessibility"
    )
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(files(package).joinpath("axe.min.js").read_text(encoding="utf-8"))
    page.evaluate(UNFOLD)
    asked = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    report = page.evaluate("asked => axe.run(document, asked)", asked)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} sticks out"
    return [
        (each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"])
        for each in report["violations"]
    ]


@dataclass
class Screen:
    """What somebody looks at the page with; and the rules to judge it by."""

    options: dict[str, Any]
    rules: list[str] | None


@pytest.fixture(params=SCREENS, ids=lambda screen: f"{screen[0]}-{screen[1]}")
def screen(request: pytest.FixtureRequest) -> Screen:
    scheme, width = request.param
    size = {"width": width, "height": 820}
    return Screen({"color_scheme": scheme, "viewport": size}, SCREENS[request.param])


def views(done: dict[str, str]) -> list[tuple[str, str]]:
    """Return the address of each view, and what is there once it is drawn."""
    return [
        ("#/workloads", "tbody tr"),
        (f"#/jobs/{done['sampler']}", ".bars .bar"),
        (f"#/jobs/{done['sampler']}/circuits", ".drawing"),
        (f"#/jobs/{done['sampler']}/options", "pre"),
        (f"#/jobs/{done['sampler']}/log", ".log"),
        (f"#/jobs/{done['sweep']}", ".sweep .point"),
        (f"#/sessions/{done['batch']}", "tbody tr"),
        ("#/backends", ".cards .facts"),
        ("#/backends/local_heron", ".map circle"),
        ("#/usage", ".daily text"),
        ("docs", ".operation"),
        (f"#/jobs/{done['evil']}/circuits", ".drawing"),
        ("#/workloads?search=nobody", ".empty"),
    ]


def test_everybody_can_use_every_view_and_what_can_be_opened_there(
    screen: Screen, lively: RunningServer, done: dict[str, str], browse: Callable[..., Any]
) -> None:
    base = lively.endpoint.iam_url
    with browse(lively, refused="status of 40", **screen.options) as page:
        found = {}
        for address, ready in views(done):
            page.goto(f"{base}/{address}")
            page.wait_for_selector(ready)
            found[address] = judged(page, screen.rules)
        page.goto(f"{base}/#/jobs/nobody")
        page.wait_for_selector(".alert")
        found["nobody"] = judged(page, screen.rules)
        page.click("text=Link for another browser")
        page.wait_for_selector(".said code")
        found["link"] = judged(page, screen.rules)
        page.click("text=Sign out")
        page.wait_for_selector("#key")
        found["signed out"] = judged(page, screen.rules)
        page.fill("#key", "another")
        page.press("#key", "Enter")
        page.wait_for_selector(".alert")
        found["refused"] = judged(page, screen.rules)
        assert {address: wrong for address, wrong in found.items() if wrong} == {}


@dataclass
class Underway:
    """A server on which something is still going on.

    Attributes:
        server: The server.
        jobs: Jobs by how they stand.
        batch: An open batch.
    """

    server: RunningServer
    jobs: dict[str, Any]
    batch: str


@pytest.fixture
def underway(director: Any, connect: Callable[..., Any]) -> Iterator[Underway]:
    def execute(program: str, params: bytes, device: Any) -> Any:
        if b"6666" in params:
            raise TaskFailed("The circuit needs 300 qubits, the device has 256.", 1517)
        return director.execute(program, params, device)

    with serve(
        backends=["aer_simulator"], settings=lambda s: replace(s, execute=execute, workers=1)
    ) as server:
        backend = connect(server.endpoint).backend("aer_simulator")
        private = SamplerV2(backend, options={"environment": {"private": True}})
        jobs = {
            "failed": SamplerV2(backend).run([measured(bell())], shots=6666),
            "private": private.run([measured(bell())], shots=3),
        }
        for job in jobs.values():
            job.wait_for_final_state()
        director.hold()
        for state in ("running", "queued", "cancelled"):
            jobs[state] = SamplerV2(backend).run([measured(bell())], shots=64)
        jobs["cancelled"].cancel()
        yield Underway(server, jobs, str(Batch(backend=backend).session_id))
        director.release.set()


def test_everybody_can_use_what_asks_back_and_what_goes_on(
    screen: Screen, underway: Underway, browse: Callable[..., Any]
) -> None:
    base = underway.server.endpoint.iam_url
    shown = {"private": "completed"}
    with browse(underway.server, **screen.options) as page:
        found = {}
        for state, job in underway.jobs.items():
            page.goto(f"{base}/#/jobs/{job.job_id()}")
            page.wait_for_selector(f"h1:text('{job.job_id()}') + .badge.{shown.get(state, state)}")
            found[state] = judged(page, screen.rules)
            if state in ("running", "queued"):
                page.click(".title >> text=Cancel")
                page.wait_for_selector("dialog[open]")
                found[f"cancel what is {state}?"] = judged(page, screen.rules)
                page.keyboard.press("Escape")
        page.goto(f"{base}/#/sessions/{underway.batch}")
        page.click(".title >> text=Close")
        page.wait_for_selector("dialog[open]")
        found["close?"] = judged(page, screen.rules)
        page.keyboard.press("Escape")
        page.goto(f"{base}/#/workloads?status=failed")
        page.wait_for_selector("text=1 in all")
        page.focus("#status")
        page.keyboard.press("Space")  # opens it
        found["filter"] = judged(page, screen.rules)
        assert {state: wrong for state, wrong in found.items() if wrong} == {}


def test_who_goes_through_it_by_keyboard_keeps_the_place(
    underway: Underway, connect: Callable[..., Any], browse: Callable[..., Any]
) -> None:
    """What is live is made anew at each change, below the fingers of whoever is there."""
    service = connect(underway.server.endpoint)
    focused = "[document.activeElement.tagName, document.activeElement.innerText]"
    with browse(underway.server) as page:
        job_id = underway.jobs["running"].job_id()
        page.wait_for_selector(f"tr[data-id={job_id}]")
        page.focus(f"tr[data-id={job_id}] a")
        newest = SamplerV2(service.backend("aer_simulator")).run([measured(bell())], shots=5).job_id()
        page.wait_for_selector(f"tr[data-id={newest}]")
        assert page.evaluate(focused) == ["A", job_id]

        page.goto(f"{underway.server.endpoint.iam_url}/#/jobs/{newest}")
        page.wait_for_selector("text=It is number 2 in the queue")
        page.focus(".title >> text=Cancel")
        underway.jobs["queued"].cancel()
        page.wait_for_selector("text=It is number 1 in the queue")
        assert page.evaluate(focused) == ["BUTTON", "Cancel"]
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open]")
        assert page.evaluate(focused) == ["BUTTON", "Keep it"]
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert page.evaluate(focused) == ["BUTTON", "Cancel"]


def test_a_long_list_is_turned_over_by_one_key(crowd: RunningServer, browse: Callable[..., Any]) -> None:
    with browse(crowd) as page:
        page.focus(".pager >> text=Older")
        for first in ("j09974", "j09949", "j09924"):
            page.keyboard.press("Enter")
            page.wait_for_selector(f"tbody tr:first-child >> text={first}")
            assert page.evaluate("document.activeElement.innerText") == "Older"
