"""Whatever a docstring, a comment or a page cites can be opened: sections of ``docs/rest-api.md``, files, the sources it names."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "docs" / "rest-api.md"
SUFFIXES = {".py", ".md", ".json", ".toml", ".yml", ".yaml", ".cff"}
NUMBER = r"\d+(?:\.\d+)?"
CITATION = re.compile(rf"rest-api\.md:?((?:,? (?:and |to |section )?{NUMBER}(?![\w%])|-{NUMBER})+)")


def texts() -> dict[str, str]:
    """Return every file that can cite something, each with its lines joined: citations are broken anywhere."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for folder in ("qiskit_rest_primitives", "tests", "docs", "examples", "benchmarks", ".github"):
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    here = Path(__file__)
    return {
        str(path.relative_to(ROOT)): re.sub(r"\s+(#\s+)?", " ", path.read_text(encoding="utf-8"))
        for path in sorted(found)
        if path != here and "node_modules" not in path.parts
    }


TEXTS = texts()


def sections() -> set[str]:
    """Return the numbers of the page's headings, and of the rows of its table of open questions."""
    text = FACTS.read_text(encoding="utf-8")
    headings = re.findall(rf"^##+ ({NUMBER}) ", text, re.MULTILINE)
    rows = re.findall(r"^\| (9\.\d+) \|", text, re.MULTILINE)
    assert len(headings) + len(rows) == len({*headings, *rows}), "a section has its number twice"
    return {*headings, *rows}


def test_every_cited_section_of_the_facts_exists() -> None:
    known = sections()
    cited = {
        (name, number)
        for name, text in TEXTS.items()
        for citation in CITATION.findall(text)
        for number in re.findall(NUMBER, citation)
    }

    assert len(cited) > 150, "the pattern finds citations no more"
    assert sorted((name, number) for name, number in cited if number not in known) == []


def test_every_citation_says_which_section() -> None:
    bare = [
        (name, text[match.start() : match.start() + 60])
        for name, text in TEXTS.items()
        if not name.startswith(("docs/", "README", "CHANGELOG"))
        for match in re.finditer(r"(?<!docs/)rest-api\.md", text)
        if not CITATION.match(text, match.start())
    ]

    assert bare == []


def test_every_section_that_the_endpoints_name_exists() -> None:
    """``rest/api.py`` names the page once, and then the sections alone."""
    text = TEXTS["qiskit_rest_primitives/rest/api.py"]
    named = re.findall(rf"\((\d\.\d+)\)|sections? ({NUMBER})(?: (?:and|to) ({NUMBER}))?", text)

    assert {number for numbers in named for number in numbers if number} - sections() == set()


def test_no_file_is_cited_that_is_not_here() -> None:
    held = {
        path.name for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md"))
    }
    missing = {
        (name, file)
        for name, text in TEXTS.items()
        for file in re.findall(r"(?<![\w*}])([A-Za-z][\w-]*\.(?:md|rst))\b", text)
        if file not in held
    }
    letters = {
        (name, found) for name, text in TEXTS.items() for found in re.findall(r"drop-in [A-Z]\b\.?\d*", text)
    }

    assert missing == set()
    assert letters == set()


def test_every_section_of_the_facts_has_sources() -> None:
    parts = re.split(r"^(?=##+ )", FACTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    whole = [part for part in parts if "\n" in part.strip()]  # the others are headings of chapters

    assert [part.splitlines()[0] for part in whole if "\n*Sources: " not in part and "### " in part[:4]] == []


def test_the_modules_that_the_facts_come_from_exist() -> None:
    """Those of the official client and of the schemas, of the releases that are installed; older ones cannot be looked at."""
    sources = re.findall(r"^\*Sources: (.*?)\*$", FACTS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    missing = []
    for word, package in (("client", "qiskit_ibm_runtime"), ("schemas", "ibm_quantum_schemas")):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            pytest.skip(f"{package} is not installed: pip install qiskit-ibm-runtime to compare with it")
        folder = Path(spec.origin).parent
        parts = (part.strip() for source in sources for part in re.split(r"[;.]\s", source))
        modules = [
            module
            for part in parts
            if re.match(rf"{word} `", part)
            for module in re.findall(r"`([\w/]+(?:\.py|/)?)`", part)
            if "/" in module or module.endswith(".py")
        ]
        assert len(modules) > 10
        missing += [module for module in modules if not (folder / module).exists()]

    assert missing == []


PACKAGE = ROOT / "qiskit_rest_primitives"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
CLASS = re.compile(r"``([a-z_]\w*(?:\.\w+)*\.[A-Z]\w*)[^`]*``")
SEE = re.compile(r"(?:[Ss]ee|[Ii]nverse(?: of)?:?|the business of) ``([a-z_]\w*(?:\.\w+)*)(?:\([^`]*\))?``")


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_one_whole_sentence(path: Path) -> None:
    text = ast.get_docstring(TREES[path], clean=True)

    assert text, "the module has no docstring"
    first, *others = text.split("\n\n")
    assert "\n" not in first, "the first sentence stands in one line"
    assert first.endswith((".", "?", "!"))
    assert all(
        part.rstrip().endswith((".", ":", "!"))
        for part in others
        if not part.startswith(" ") and "  " not in part
    )
    assert text.count("(") == text.count(")")
    assert text.count("``") % 2 == 0
    assert "\n\n\n" not in text
    assert not re.search(r"not live here|live here", text), "say what is here"


def names_in(tree: ast.Module) -> set[str]:
    """Return what a module defines, at any depth, arguments included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


NAMES = {path: names_in(tree) for path, tree in TREES.items()}
MODULES = {
    tuple(path.relative_to(PACKAGE).with_suffix("").parts): {*NAMES[path], path.stem} for path in TREES
} | {
    tuple(path.relative_to(PACKAGE).parts): {one.stem for one in path.iterdir()}
    | NAMES.get(path / "__init__.py", set())
    for path in PACKAGE.rglob("*")
    if path.is_dir()
}


def leads_somewhere(reference: str) -> bool:
    """Tell whether a dotted name begins with a module, by as much of its path as is given, and goes on with what is in it."""
    parts = tuple(reference.split("."))
    return any(
        module[-length:] == parts[:length] and (length == len(parts) or parts[length] in names)
        for length in range(1, len(parts) + 1)
        for module, names in MODULES.items()
    )


def test_what_docstrings_point_at_is_there_by_that_name() -> None:
    lost = [
        (str(path.relative_to(PACKAGE)), reference)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        for reference in (
            found for each in (SEE, CLASS) for found in each.findall(ast.get_docstring(node) or "")
        )
        if not leads_somewhere(reference)
        and reference not in NAMES[path]
        and find_spec(reference.split(".", maxsplit=1)[0]) is None
    ]

    assert lost == []
