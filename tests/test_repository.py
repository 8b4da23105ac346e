"""What stands around the code: the contributor's page, workflows, hooks, citation, container and what an index shows."""

from __future__ import annotations

import ast
import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from qiskit import QuantumCircuit

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2, __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "qiskit_rest_primitives"
GITHUB = ROOT / ".github"
GUIDE = (GITHUB / "CONTRIBUTING.md").read_text()
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIGURATION["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
TARGETS = {
    target: needed.split()
    for target, needed in re.findall(
        r"^([a-z-]+):(?!=)([^=\n]*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
}
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
DOCKER_STOP_SECONDS = 10
"""What `docker stop` waits after SIGTERM, if nothing else was asked for."""


def recipes() -> dict[str, str]:
    parts = re.split(r"^## (Add an? .+)\n", GUIDE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def files_in(text: str) -> list[str]:
    """Return the paths among the code of a text, without ``::name`` and flags."""
    paths = [span.partition("::")[0] for span in SPAN.findall(text)]
    return [
        path for path in paths if re.match(r"(qiskit_rest_primitives|tests|docs|\.ci)/|\w+\.(md|toml)$", path)
    ]


@pytest.mark.parametrize("path", sorted(set(files_in(GUIDE))))
def test_a_path_of_the_guide_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("span", sorted({span for span in SPAN.findall(GUIDE) if "::" in span}))
def test_a_function_of_the_guide_exists(span: str) -> None:
    path, _, name = span.partition("::")
    place: Any = ast.parse((ROOT / path).read_text())
    for part in name.split("."):
        (place,) = (node for node in place.body if getattr(node, "name", None) == part)


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_names_every_file_and_no_name_that_is_gone(recipe: str) -> None:
    """Its example stands in no other file of the package, and what a step names stands in a file of that step."""
    head, *steps = re.split(r"^\d+\. ", recipes()[recipe], flags=re.MULTILINE)
    example = re.search(r"search for `([^`]+)`", head)
    assert example is not None
    word = re.compile(rf"(?<!\w){re.escape(example[1])}(?!\w)")
    package = (ROOT / PACKAGE).rglob("*.py")
    holding = {str(path.relative_to(ROOT)) for path in package if word.search(path.read_text())}

    assert holding, f"{example[1]} is nowhere: choose another example"
    assert holding - set(files_in(recipes()[recipe])) == set(), (
        "name these files in the recipe, in their place"
    )
    for step in steps:
        texts = [(ROOT / path).read_text() for path in files_in(step) if (ROOT / path).is_file()]
        names = [name for name in SPAN.findall(step) if re.fullmatch(r"\w+", name)]
        gone = [name for name in names if not any(re.search(rf"\b{name}\b", text) for text in texts)]
        assert gone == [], f"not in the files of the step: {step}"


@pytest.mark.parametrize("page", sorted(GITHUB.glob("*.md")), ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    found = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]

    assert [link for link in found if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", [GITHUB / "CONTRIBUTING.md", ROOT / ".pre-commit-config.yaml", ROOT / "README.md", *WORKFLOWS],
    ids=lambda page: page.name,
)  # fmt: skip
def test_what_is_made_is_a_target(page: Path) -> None:
    text = page.read_text().replace("${{ matrix.versions }}", "newest")
    words = " ".join(re.findall(r"(?:^|[`:] ?)make ((?:[a-z-]+ ?)+)", text, re.MULTILINE)).split()

    assert set(words) - set(TARGETS) == set()


def test_hooks_are_the_linters_of_make_test() -> None:
    """By calling the same targets, so that neither rules nor versions can differ."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]

    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == [
        f"make {target}" for target in TARGETS["test"] if target != "unit"
    ]


def test_workflows_run_on_every_python_that_is_declared() -> None:
    declared = [
        words[-1]
        for words in (each.split(" :: ") for each in PROJECT["classifiers"])
        if words[:2] == ["Programming Language", "Python"] and "." in words[-1]
    ]
    suite = yaml.safe_load((GITHUB / "workflows" / "tests.yml").read_text())["jobs"]["suite"]["strategy"][
        "matrix"
    ]

    assert suite == {"python": declared, "versions": ["lowest", "newest"]}
    assert declared[0] in SpecifierSet(PROJECT["requires-python"])
    assert f"{declared[0]}" == PROJECT["requires-python"].removeprefix(">=")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_keeps_no_secret(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text()
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert granted in ({}, {"publish": {"id-token": "write"}})


def test_the_tests_of_the_client_are_there_and_need_no_posix() -> None:
    listed = (ROOT / ".ci" / "client-tests.txt").read_text().split()
    paths = [ROOT / each for each in listed]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    needing = {
        str(file.relative_to(ROOT)): sorted(names)
        for file in files
        if (names := imported_at_once(file) & {"fcntl", "grp", "pty", "pwd", "resource", "termios"})
    }

    assert [str(path) for path in paths if not path.exists()] == []
    assert needing == {}


def imported_at_once(file: Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_an_index_shows_no_link_into_the_void() -> None:
    (substitution,) = CONFIGURATION["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"][
        "substitutions"
    ]
    shown = re.sub(substitution["pattern"], substitution["replacement"], (ROOT / "README.md").read_text())
    links = LINK.findall(shown)
    ours = [link.removeprefix(f"{REPOSITORY}/blob/main/") for link in links if link.startswith(REPOSITORY)]

    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert "docs/server.md" in ours
    assert [link for link in ours if not (ROOT / link.partition("#")[0]).exists()] == []


def test_the_citation_is_that_of_the_project() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert citation["title"] == PROJECT["name"]
    assert citation["abstract"].strip() == PROJECT["description"]
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == REPOSITORY
    assert citation["authors"] == PROJECT["authors"]


def test_every_address_is_in_the_repository() -> None:
    pages = [*GITHUB.rglob("*.md"), *(GITHUB / "ISSUE_TEMPLATE").glob("*.yml")]
    hosts = re.findall(r"https://github\.com/[^\s)]+", "".join(page.read_text() for page in pages))

    assert hosts
    assert [
        address for address in (*hosts, *PROJECT["urls"].values()) if not address.startswith(REPOSITORY)
    ] == []


def test_an_sdist_has_all_that_make_test_needs() -> None:
    included = {
        entry.removeprefix("/")
        for entry in CONFIGURATION["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    made = {"build", "dist", "PKG-INFO", "__pycache__"}
    seen = {
        path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"
    }
    always = {"pyproject.toml", "LICENSE"}  # hatchling's own; README.md is not, as "readme" is dynamic

    assert included == (seen - made - always) | {".ci", ".github", ".dockerignore", ".pre-commit-config.yaml"}


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    copied = {Path(path).name for line in instructions("COPY") for path in line.split()[:-1]}
    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert copied == set(let_in)
    assert all((ROOT / path).exists() for path in copied)
    assert instructions("USER") == ["1000"]


def test_no_instruction_of_the_image_runs_in_a_folder_that_is_gone() -> None:
    """The sources are removed once they are installed: an engine may refuse to run what comes next from there."""
    assert instructions("WORKDIR") == instructions("VOLUME") == ["/data"]


def test_the_image_ends_before_an_engine_kills_it() -> None:
    command = in_the_image("ENTRYPOINT", 0, Path())

    assert float(command[command.index("--grace") + 1]) < DOCKER_STOP_SECONDS


def in_the_image(instruction: str, port: int, folder: Path) -> list[str]:
    """Return the command of an instruction in its exec form, for this machine."""
    (text,) = instructions(instruction)
    command = json.loads(text[text.index("[") :].replace("8080", str(port)).replace("/data", str(folder)))
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def with_token(token: str | None) -> dict[str, str]:
    dead = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    given = {} if token is None else {"QISKIT_REST_PRIMITIVES_TOKEN": token}
    own = {name: value for name, value in os.environ.items() if not name.startswith("QISKIT_REST_PRIMITIVES")}
    return {**own, **dead, **given}


@contextmanager
def container(port: int, folder: Path) -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        in_the_image("ENTRYPOINT", port, folder),
        env=with_token("of-this-test-alone"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0


def test_the_commands_of_the_image_serve_and_tell_whether_they_do(tmp_path: Path) -> None:
    with container(0, tmp_path) as ready:
        port = urlsplit(ready["url"]).port
        assert port is not None
        healthy = run_check(port, tmp_path)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/api/v1/backends")
        refused = connection.getresponse().status
        connection.close()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # so that nobody else answers there
        gone = run_check(silent.getsockname()[1], tmp_path)

    assert instructions("EXPOSE") == ["8080"]
    assert ready["token"] == "of-this-test-alone"
    assert healthy.returncode == 0, healthy.stderr
    assert refused == 401
    assert gone.returncode != 0
    assert (tmp_path / "jobs.sqlite").exists()


def test_an_image_that_is_stopped_keeps_its_jobs(tmp_path: Path) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    with container(0, tmp_path) as ready:
        job = SamplerV2(mode=client_of(ready).backend("aer_simulator")).run([circuit], shots=64)
        counts = job.result()[0].data.meas.get_counts()
    with container(0, tmp_path) as ready:
        again = client_of(ready).job(job.job_id()).result()[0].data.meas.get_counts()

    assert sum(counts.values()) == 64
    assert again == counts


def client_of(ready: dict[str, str]) -> QiskitRuntimeService:
    address = ready["url"].replace("0.0.0.0", "127.0.0.1")
    return QiskitRuntimeService(
        channel="local", url=address, token=ready["token"], instance=ready["instance"]
    )


def run_check(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    command = in_the_image("HEALTHCHECK", port, folder)
    return subprocess.run(command, env=with_token(None), capture_output=True, text=True, check=False)


def test_the_image_does_not_start_without_a_token(tmp_path: Path) -> None:
    done = subprocess.run(
        in_the_image("ENTRYPOINT", 8080, tmp_path),
        env=with_token(None),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "token" in done.stderr
