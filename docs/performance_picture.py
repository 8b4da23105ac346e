"""Draw docs/performance.svg: how often ours holds what stands beside it, from benchmarks/results.json.

``make bench`` draws it anew with what it measures, and ``python docs/performance_picture.py`` from the results that are there. A
test fails while the picture is not that of the results.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PICTURE = HERE / "performance.svg"
RESULTS = HERE.parent / "benchmarks" / "results.json"

TITLES = {
    "loop": "A user's loop, over HTTP and a durable server",
    "import": "Import",
    "engines": "Sampling, over HTTP",
    "server": "Many clients",
    "storage": "Many stored jobs, large bodies",
    "codec": "Writing and reading",
}
LEFT, RIGHT, TOP, ROW, WIDTH = 500, 90, 96, 22, 1120
LEAST, MOST = 1e-4, 10.0
MET, MISSED, AIM = "#1d4ed8", "#d97706", "#0f172a"


def picture(results: Mapping[str, Any]) -> str:
    """Return the picture of the rows that have something beside them."""
    lines: list[str] = []
    y = TOP
    for part, title in TITLES.items():
        rows = [row for row in results["rows"] if row["part"] == part and row["ratio"]]
        if not rows:
            continue
        lines.append(text(20, y + 14, title, size=14, bold=True))
        y += ROW + 4
        for row in rows:
            lines += bar(row, y)
            y += ROW
        y += 12
    height = y + 14
    return "\n".join([*frame(height), *axis(height), *lines, "</svg>", ""])


def frame(height: int) -> list[str]:
    """Return what stands around the bars."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"',
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" role="img"',
        'aria-label="Ratios of what ours costs to what stands beside it; the table below has the numbers">',
        f'<rect width="{WIDTH}" height="{height}" rx="14" fill="#ffffff"/>',
        text(20, 32, "What ours costs, in parts of what stands beside it", size=20, bold=True),
        text(
            20,
            54,
            "Shorter is better; the line at 1 is the peer. A dark tick is the aim; amber bars miss it.",
        ),
    ]


def axis(height: int) -> list[str]:
    """Return the lines of the decades, and their numbers."""
    lines = []
    for power in range(round(math.log10(LEAST)), round(math.log10(MOST)) + 1):
        x = place(10.0**power)
        colour, width = ("#0f172a", 1.4) if power == 0 else ("#e2e8f0", 1)
        lines.append(
            f'<line x1="{x:.1f}" y1="{TOP - 12}" x2="{x:.1f}" y2="{height - 12}" stroke="{colour}" stroke-width="{width}"/>'
        )
        lines.append(text(x, TOP - 18, f"{10.0**power:g}", middle=True))
    return lines


def bar(row: Mapping[str, Any], y: int) -> list[str]:
    """Return a row's name, its bar from the left edge, its ratio and its aim."""
    end = place(row["ratio"])
    colour = MISSED if row["met"] is False else MET
    label = f"{row['name']} / {row['peer_name']}"
    lines = [
        text(LEFT - 12, y + 13, shortened(label), end=True),
        f'<rect x="{LEFT}" y="{y + 3}" width="{max(1.0, end - LEFT):.1f}" height="{ROW - 8}" rx="3" fill="{colour}"/>',
        text(WIDTH - 20, y + 13, f"{row['ratio']:.2g}", end=True),
    ]
    if row["aim"] is not None:
        x = place(row["aim"])
        lines.append(
            f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + ROW - 2}" stroke="{AIM}" stroke-width="2.5"/>'
        )
    return lines


def place(ratio: float) -> float:
    """Return where a ratio is, pixels from the left, on a scale of logarithms."""
    part = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + part * (WIDTH - RIGHT - LEFT)


def shortened(label: str, most: int = 78) -> str:
    """Return a text that fits beside the bars."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    bold: bool = False,
    middle: bool = False,
    end: bool = False,
) -> str:
    """Return a line of text."""
    anchor = ' text-anchor="middle"' if middle else ' text-anchor="end"' if end else ""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:g}" font-size="{size}" fill="#334155"{anchor}{weight}>{escape(words)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(
        picture(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8", newline="\n"
    )
    sys.stdout.write(f"{PICTURE}\n")
