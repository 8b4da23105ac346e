"""Draw docs/architecture.svg: which part of the package imports which, read from the source, and the way of one PUB.

Run it from anywhere after a change of the imports: ``python docs/architecture_picture.py``. A test fails while the picture
is not that of the source. Where a box stands is decided here; the arrows are read from the imports, and the numbers from the
tables of docs/architecture.md.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
PICTURE = HERE / "architecture.svg"
PAGE = HERE / "architecture.md"
HOP = re.compile(r"`([\w/]+\.py):([\w.]+)`")

WIDTH, ROW, BOX, TOP, LEFT = 1344, 70, 44, 80, 24
COLOURS = {
    "client": ("#dbeafe", "#1d4ed8"),
    "demand": ("#f1f5f9", "#64748b"),
    "shared": ("#dcfce7", "#15803d"),
    "server": ("#fef3c7", "#b45309"),
}


@dataclass(frozen=True)
class Box:
    """A box of the picture.

    Attributes:
        places: The rows of the law in tests/test_architecture.py that it stands for.
        kind: Key of ``COLOURS``.
        row: From above.
        x: Left edge, pixels.
        width: Pixels.
        says: What is in it, in a few words.
    """

    places: str
    kind: str
    row: int
    x: int
    width: int
    says: str


BOXES = {
    "debug_tools": Box("debug_tools", "demand", 0, 330, 130, "NEAT"),
    "executor": Box("executor", "demand", 1, 24, 140, "quantum programs"),
    "noise": Box("noise", "demand", 1, 490, 130, "noise learners"),
    "transpiler": Box("transpiler", "demand", 1, 330, 130, "passes, service"),
    "primitives": Box("primitives", "client", 2, 24, 290, "SamplerV2, EstimatorV2: PUBs to one request"),
    "service": Box("service", "client", 3, 340, 180, "QiskitRuntimeService"),
    "session": Box("session", "client", 4, 24, 100, "Session, Batch"),
    "programs": Box("programs", "demand", 5, 390, 130, "of one's own"),
    "jobs": Box("jobs", "client", 6, 150, 180, "waiting, results, inputs"),
    "models": Box("models", "client", 7, 110, 160, "backends, documents"),
    "options": Box("options", "client", 10, 350, 140, "declared, checked"),
    "rest": Box("rest", "client", 8, 110, 215, "bytes over HTTP, exactly once"),
    "accounts": Box("accounts", "client", 9, 110, 140, "files, environment"),
    "exceptions": Box("exceptions", "client", 11, 24, 300, "every error, one table"),
    "results": Box("results", "demand", 11, 560, 170, "learned noise, programs"),
    "wire": Box("wire", "shared", 12, 430, 300, "JSON documents to objects and back"),
    "qasm": Box("qasm", "shared", 13, 430, 300, "QuantumCircuit to OpenQASM 3 and back"),
    "server.app": Box("server server.app server.endpoints server.runner server.embedded", "server", 0, 900, 300, "start, table of endpoints"),
    "server.routes": Box(
        "server.routes server.state server.transpile server.transpile.tasks",
        "server", 2, 790, 320, "one file per kind of endpoint",
    ),
    "server.openapi": Box("server.openapi", "server", 1, 1050, 136, "the contract"),
    "server.faults": Box("server.faults", "server", 1, 1200, 120, "made on purpose"),
    "server.jobs": Box("server.jobs", "server", 3, 790, 190, "store, queue, sessions"),
    "server.programs": Box("server.programs", "server", 4, 790, 150, "locked up"),
    "server.http": Box("server.http", "server", 5, 1090, 190, "credentials, envelope, limits"),
    "server.workers": Box("server.workers", "server", 6, 970, 190, "threads, processes, clusters"),
    "server.primitives": Box("server.primitives", "server", 7, 900, 230, "job bytes to result bytes"),
    "server.learning": Box("server.learning", "server", 8, 890, 160, "noise of layers"),
    "server.json_schema": Box("server.json_schema", "server", 9, 1130, 170, "what bodies may hold"),
    "server.aer": Box("server.aer", "server", 9, 930, 170, "circuits to outcomes"),
    "server.devices": Box("server.devices", "server", 11, 800, 210, "emulated devices, their noise"),
    "server.settings": Box(
        "server.settings server.job_errors server.text server.spool server.faults.plan", "server", 12, 940, 240, "settings, errors of jobs, texts"
    ),
    "values": Box(
        "rest.messages wire.jsonio wire.arrays results.execution_spans results.noise_learner results.estimator_pub",
        "shared", 14, 220, 520, "requests and answers, JSON, arrays, spans: values that everybody knows",
    ),
}  # fmt: skip
TITLES = {"server.app": "server/app, endpoints, runner", "server.routes": "server/routes, state, transpile",
          "values": "rest/messages, wire/jsonio, wire/arrays, results/execution_spans",
          "server.settings": "server/settings, job_errors"}  # fmt: skip
FRAME = (
    (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" role="img"',
        'aria-label="Which part of the package imports which, and the steps of one PUB">',
    ),
    (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0,0.8 L7.5,4 L0,7.2 Z" fill="#94a3b8"/></marker></defs>',
    ),
    ('<rect width="{width}" height="{height}" rx="14" fill="#ffffff"/>',),
)


def law() -> ModuleType:
    """Load tests/test_architecture.py, which knows the places and reads the imports."""
    path = HERE.parent / "tests" / "test_architecture.py"
    spec = importlib.util.spec_from_file_location("law_of_imports", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def box_of(place: str) -> str | None:
    """Return the box that a place stands in, None if it is not drawn."""
    return next((name for name, box in BOXES.items() if place in box.places.split()), None)


def arrows(rules: ModuleType) -> set[tuple[str, str]]:
    """Return what imports what when it is loaded, box by box, without what is implied by the other arrows."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in rules.modules():
        importer = box_of(str(rules.place_of(module)))
        for name, lazy in rules.imports_of(module):
            imported = box_of(str(rules.place_of(name[1:]))) if name.startswith(".") and not lazy else None
            if importer and imported and importer != imported:
                found[importer].add(imported)
    reach: dict[str, set[str]] = {}

    def reached(box: str) -> set[str]:
        if box not in reach:
            reach[box] = set(found[box]).union(*(reached(other) for other in found[box]))
        return reach[box]

    return {
        (box, other)
        for box in [*found]
        for other in found[box]
        if not any(other in reached(between) for between in found[box] - {other})
    }


def undrawn(rules: ModuleType) -> list[str]:
    """Return the places that have no box."""
    return [place for place in rules.LAW if box_of(place) is None]


def hops(page: str, rules: ModuleType) -> dict[str, list[str]]:
    """Return the numbers of the hops that the page tells, by box."""
    found: dict[str, list[str]] = defaultdict(list)
    for number, cell in re.findall(r"^\| (\d+) \|.*\| (.*) \|$", page, re.MULTILINE):
        for path, _ in HOP.findall(cell)[:1]:
            box = box_of(str(rules.place_of(path.removesuffix(".py").replace("/", "."))))
            if box is not None:
                found[box].append(number)
    return found


def drawn(connections: Iterable[tuple[str, str]], numbers: Mapping[str, list[str]], rest: list[str]) -> str:
    """Return the picture."""
    height = TOP + 15 * ROW + 24
    lines = ["\n".join(part) for part in FRAME]
    lines = [line.format(width=WIDTH, height=height) for line in lines]
    lines += headings()
    lines += [arrow(BOXES[one], BOXES[other], connections) for one, other in sorted(connections)]
    for name, box in BOXES.items():
        lines += boxed(TITLES.get(name, name.replace(".", "/")), box, numbers.get(name, []))
    lines.append(text(LEFT, height - 22, 12, "#64748b", f"Not drawn: {', '.join(rest)}."))
    return "\n".join([*lines, "</svg>", ""])


def headings() -> list[str]:
    """Return the titles and the legend."""
    legend = [
        ("client", "core of the client"),
        ("demand", "loaded on demand"),
        ("shared", "used by both"),
        ("server", "server"),
    ]
    lines = [text(LEFT, 34, 20, "#0f172a", "The package, from its doors to its floor", bold=True),
             text(LEFT, 54, 12, "#475569", "Arrows: what is imported at load time; those that follow from others are left "
                  "out. Red numbers: the steps of one PUB, there and back.")]  # fmt: skip
    for index, (kind, says) in enumerate(legend):
        fill, edge = COLOURS[kind]
        x = 770 + 145 * index
        lines.append(f'<rect x="{x}" y="24" width="12" height="12" rx="3" fill="{fill}" stroke="{edge}"/>')
        lines.append(text(x + 18, 34, 12, "#475569", says))
    return lines


def top_of(box: Box) -> int:
    """Return the upper edge of a box, pixels."""
    return TOP + box.row * ROW


def arrow(one: Box, other: Box, connections: Iterable[tuple[str, str]]) -> str:
    """Return an arrow between boxes; arrows share an edge in the order of where they lead."""
    x1, x2 = port(one, other, connections, down=True), port(other, one, connections, down=False)
    y1, y2 = top_of(one) + BOX, top_of(other) - 1
    bend = min(60.0, (y2 - y1) * 0.55)
    return (
        f'<path d="M{x1:.0f},{y1} C{x1:.0f},{y1 + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2}" '
        'fill="none" stroke="#94a3b8" stroke-width="1.3" marker-end="url(#tip)"/>'
    )


def port(box: Box, other: Box, connections: Iterable[tuple[str, str]], *, down: bool) -> float:
    """Return where on a box's edge the arrow to or from another one ends."""
    pairs = [(BOXES[a], BOXES[b]) for a, b in connections]
    there = {b if down else a for a, b in pairs if (a if down else b) == box}
    order = sorted(there, key=lambda it: (it.x + it.width / 2, it.row))
    return box.x + box.width * (order.index(other) + 1) / (len(order) + 1)


def boxed(title: str, box: Box, numbers: list[str]) -> list[str]:
    """Return a box with its title, what it says, and the steps that are taken in it."""
    fill, edge = COLOURS[box.kind]
    y = top_of(box)
    place = f'x="{box.x}" y="{y}" width="{box.width}" height="{BOX}" rx="8"'
    lines = [
        f'<rect {place} fill="{fill}" stroke="{edge}" stroke-width="1.2"/>',
        text(box.x + 10, y + 18, 13, "#0f172a", title, bold=True),
        text(box.x + 10, y + 34, 11, "#475569", box.says),
    ]
    for index, number in enumerate(numbers):
        x = box.x + box.width - 15 - 22 * (len(numbers) - 1 - index)
        lines.append(f'<circle cx="{x}" cy="{y + 14}" r="9.5" fill="#be123c"/>')
        lines.append(text(x, y + 18, 11, "#ffffff", number, bold=True, middle=True))
    return lines


def text(
    x: float, y: float, size: int, colour: str, words: str, *, bold: bool = False, middle: bool = False
) -> str:
    """Return a line of text."""
    weight = ' font-weight="600"' if bold else ""
    anchor = ' text-anchor="middle"' if middle else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}"{weight}{anchor}>{escape(words)}</text>'
    )


def picture(rules: ModuleType, connections: Iterable[tuple[str, str]]) -> str:
    """Return the picture of the source as it is."""
    page = PAGE.read_text(encoding="utf-8")
    return drawn(connections, hops(page, rules), undrawn(rules))


if __name__ == "__main__":
    source = law()
    PICTURE.write_text(picture(source, arrows(source)), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{PICTURE}\n")
