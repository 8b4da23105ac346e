"""The Workloads page in a real browser: signing in, watching, cancelling, searching; open to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qiskit_rest_primitives import SamplerV2
from qiskit_rest_primitives.server.embedded import RunningServer, serve
from qiskit_rest_primitives.server.endpoints import ENDPOINTS

from .conftest import EVIL, bell, measured


def test_a_link_lets_one_browser_in_once(lively: RunningServer, browse: Callable[..., Any]) -> None:
    link = lively.login_link()
    with browse(lively, signed_in=False) as page:
        page.wait_for_selector("#key")
        page.goto(link)
        page.wait_for_selector(".live.on")
        assert "login" not in page.url, "the code would stay in the history"
        assert page.context.cookies()[0]["httpOnly"]
        page.click("text=Sign out")
        page.wait_for_selector("#key")
        assert page.context.cookies() == []
        page.fill("#key", lively.endpoint.token)
        page.press("#key", "Enter")
        page.wait_for_selector(".live.on")


def test_a_job_goes_from_queued_to_done_without_a_reload(
    director: Any, connect: Callable[..., Any], browse: Callable[..., Any]
) -> None:
    director.hold()
    with serve(
        backends=["aer_simulator"], settings=lambda s: replace(s, execute=director.execute, workers=1)
    ) as server:
        service = connect(server.endpoint)
        sampler = SamplerV2(service.backend("aer_simulator"))
        first, second = (sampler.run([measured(bell())], shots=64) for _ in range(2))
        with browse(server) as page:
            page.evaluate("globalThis.same = true")
            page.wait_for_selector(f"tr[data-id={first.job_id()}] .badge.running")
            assert page.locator(f"tr[data-id={second.job_id()}] .badge").inner_text() == "Queued"
            page.click(f"text={second.job_id()}")
            page.wait_for_selector("h1 + .badge.queued")
            page.wait_for_selector("text=It is number 1 in the queue")
            director.release.set()
            page.wait_for_selector("h1 + .badge.completed")
            page.wait_for_selector(".bars .bar")
            counts = second.result()[0].data.meas.get_counts()
            rows = [row.split() for row in page.locator(".bars tbody tr").all_inner_texts()]
            assert {row[0]: int(row[1]) for row in rows} == counts
            page.click("text=← Workloads")
            page.wait_for_selector(f"tr[data-id={first.job_id()}] .badge.completed")
            assert page.evaluate("globalThis.same"), "the page was loaded again"


def test_a_job_is_cancelled_with_the_keyboard_alone(
    director: Any, connect: Callable[..., Any], browse: Callable[..., Any]
) -> None:
    director.hold()
    with serve(
        backends=["aer_simulator"], settings=lambda s: replace(s, execute=director.execute, workers=1)
    ) as server:
        service = connect(server.endpoint)
        sampler = SamplerV2(service.backend("aer_simulator"))
        jobs = [sampler.run([measured(bell())], shots=64) for _ in range(2)]
        with browse(server) as page:
            walk(page, jobs[1].job_id())
            page.keyboard.press("Enter")
            page.wait_for_selector("h1 + .badge.queued")
            walk(page, "Cancel")
            page.keyboard.press("Enter")
            page.wait_for_selector("dialog[open]")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
            assert jobs[1].status() == "QUEUED"
            walk(page, "Cancel")
            page.keyboard.press("Enter")
            page.wait_for_selector("dialog[open]")
            walk(page, "Cancel the job")
            page.keyboard.press("Enter")
            page.wait_for_selector("h1 + .badge.cancelled")
        assert jobs[1].status() == "CANCELLED"
        director.release.set()


def walk(page: Any, name: str) -> None:
    """Press Tab until something with this text has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement.innerText") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_ten_thousand_jobs_are_searched_and_turned_over(
    crowd: RunningServer, browse: Callable[..., Any]
) -> None:
    def ids() -> list[str]:
        return [row.split()[0] for row in page.locator("tbody td:nth-child(2)").all_inner_texts()]

    with browse(crowd) as page:
        page.wait_for_selector("text=10,000 in all")
        newest = ids()
        assert newest[0] == "j09999"
        page.click("text=Older")
        page.wait_for_selector("text=j09974")
        assert not set(ids()) & set(newest)
        page.click("text=Newer")
        page.wait_for_selector("text=j09999")
        assert ids() == newest
        page.fill("#search", "needle")
        page.wait_for_selector("text=1 in all")
        assert ids() == ["j04321"]
        page.fill("#search", "nobody has this")
        page.wait_for_selector("text=Nothing fits these filters.")
        page.click("text=Show everything")
        page.wait_for_selector("text=10,000 in all")
        page.select_option("#status", "failed")
        page.wait_for_selector("text=200 in all")
        page.go_back()
        page.wait_for_selector("text=10,000 in all")
        assert page.input_value("#status") == ""


def test_what_a_job_carries_is_text_and_nothing_else(
    lively: RunningServer, done: dict[str, str], browse: Callable[..., Any]
) -> None:
    """Faults XSS: names of circuits, tags and metadata are strangers' texts."""
    with browse(lively) as page:
        page.wait_for_selector(f"tr[data-id={done['evil']}] .tag")
        tags = page.locator(f"tr[data-id={done['evil']}] .tag").all_inner_texts()
        assert sorted(tags) == sorted([EVIL, "\\u202egninrut"]), "what turns a line around is spelled out"
        for part, ready in (
            ("result", ".bars"),
            ("circuits", ".drawing"),
            ("options", "pre"),
            ("log", ".log"),
        ):
            page.goto(f"{lively.endpoint.iam_url}/#/jobs/{done['evil']}/{part}")
            page.wait_for_selector(f".panel {ready}")
            assert page.locator("main img, main script").count() == 0
            assert "broken" not in page.title()
        page.goto(f"{lively.endpoint.iam_url}/#/jobs/{done['evil']}/circuits")
        page.wait_for_selector(".drawing")
        assert EVIL in page.locator(".panel h2").inner_text()
        page.goto(f"{lively.endpoint.iam_url}/#/workloads?search=%3Cimg%20src=x%3E")
        page.wait_for_selector("text=Nothing fits")
        assert page.locator("main img").count() == 0
        for nonsense in ("%E0%A4%A", "constructor", "__proto__/x"):
            page.goto(f"{lively.endpoint.iam_url}/#/{nonsense}")
            page.wait_for_selector("h1 >> text=Workloads")


def test_what_is_not_there_is_said_and_nothing_else_is_shown(
    lively: RunningServer, browse: Callable[..., Any]
) -> None:
    with browse(lively, refused="404") as page:
        for kind in ("jobs", "sessions", "backends"):
            page.goto(f"{lively.endpoint.iam_url}/#/{kind}/nobody")
            page.wait_for_selector(".alert >> text=/^[A-Z].*[.]$/")
            assert page.locator("h1").inner_text() == "nobody"
            assert page.locator("main h2:visible, main .tabs:visible, main .empty:visible").count() == 0


def test_signing_out_in_one_tab_signs_out_all(lively: RunningServer, browse: Callable[..., Any]) -> None:
    with browse(lively, refused="401") as page:
        other = page.context.new_page()
        other.goto(f"{lively.endpoint.iam_url}/#/backends")
        other.wait_for_selector(".cards .facts")
        page.bring_to_front()
        page.click("text=Sign out")
        other.bring_to_front()
        other.wait_for_selector("#key")
        assert other.locator(".cards").count() == 0
        other.fill("#key", lively.endpoint.token)
        other.press("#key", "Enter")
        other.wait_for_selector(".cards .facts")
        page.bring_to_front()
        page.wait_for_selector(".filters")


def test_a_page_that_is_open_outlives_its_server(browse: Callable[..., Any], tmp_path: Path) -> None:
    """The new one does not know who is signed in; the view comes back once it does."""
    settings = {"backends": ["aer_simulator"], "token": "the-token-of-both", "database": str(tmp_path / "d")}
    with serve(**settings) as first, browse(first, refused="Failed to load resource") as page:
        page.goto(f"{first.endpoint.iam_url}/#/backends")
        page.wait_for_selector(".cards .facts")
        port = int(first.endpoint.iam_url.rpartition(":")[2])
        first.stop()
        page.wait_for_selector("#live >> text=Reconnecting")
        page.click("text=Usage")
        page.wait_for_selector(".alert >> text=does not answer")
        with serve(port=port, **settings):
            page.wait_for_selector("#key")
            page.fill("#key", "the-token-of-both")
            page.press("#key", "Enter")
            page.wait_for_selector("text=Used within 28 days")


def test_a_batch_shows_its_jobs_and_is_closed(
    lively: RunningServer, done: dict[str, str], browse: Callable[..., Any]
) -> None:
    with browse(lively) as page:
        page.click(f"text={done['batch']}")
        page.wait_for_selector(f"tr[data-id={done['inside']}] .badge.completed")
        page.click(".title >> text=Close")
        page.click("dialog >> text='Close'")
        page.wait_for_selector("h1 + .badge >> text=Closed")
        assert page.locator(".title button").count() == 0


def test_the_views_show_what_the_server_knows(
    lively: RunningServer, done: dict[str, str], browse: Callable[..., Any]
) -> None:
    base = lively.endpoint.iam_url
    with browse(lively) as page:
        page.goto(f"{base}/#/backends/local_heron")
        page.wait_for_selector(".map circle")
        assert page.locator(".map circle").count() == 156
        assert page.locator(".map line").count() == 176
        page.select_option("#metric", "T1")
        assert "T1" in page.locator(".map title").nth(300).text_content()
        page.goto(f"{base}/#/jobs/{done['sweep']}")
        page.wait_for_selector(".sweep .point")
        assert page.locator(".sweep .point").count() == 2 * 9
        page.click("text=Circuits")
        page.wait_for_selector(".drawing")
        assert "Ry(θ)" in page.locator(".drawing").first.inner_text()
        page.goto(f"{base}/docs")
        page.wait_for_selector(".operation")
        assert page.locator(".group .operation").count() == len(ENDPOINTS)
        page.fill("#search", "cancel")
        page.wait_for_selector("text=/^2 operations/")
