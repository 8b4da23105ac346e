"""The files of the page: they come with the package, name nothing from elsewhere, and never read text as markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.web.pages import _static_files

FILES = {name: body.decode() for name, (body, _, _) in _static_files().items()}
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))
PAGES = sorted(name for name in FILES if name.endswith(".html"))


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_script_and_no_style_of_its_own(name: str) -> None:
    found = Elements(FILES[name]).found
    linked = [attributes.get("src") or attributes.get("href") for _, attributes in found]

    assert all(tag != "style" and "style" not in attributes for tag, attributes in found)
    assert all(attributes.get("src") for tag, attributes in found if tag == "script")
    assert not any(key.startswith("on") for _, attributes in found for key in attributes)
    assert {Path(link).name for link in linked if link and "web/static/" in link} <= set(FILES)
    assert not any("//" in link for link in linked if link), "nothing comes from another host"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_elements_and_never_markup(name: str) -> None:
    text = FILES[name]

    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
        "DOMParser",
        "srcdoc",
    ):
        assert sink not in text
    assert set(re.findall(r"https?://[^\"'`\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert {found.removeprefix("./") for found in re.findall(r'from "(.+?)"', text)} <= set(FILES)
    assert len(text.splitlines()) < 400
    assert text.startswith("// "), "it says what it is for"


def test_styles_load_nothing() -> None:
    for name, text in FILES.items():
        if name.endswith(".css"):
            assert "url(" not in text
            assert "@import" not in text


def test_every_file_is_used() -> None:
    used = set(PAGES)
    while True:
        named = {file for name in used for file in FILES if file != name and f"/{file}" in FILES[name]}
        if named <= used:
            break
        used |= named

    assert used == set(FILES)
