"""The law of arrows: which room may import what, third-party roots included."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "qiskit_rest_primitives"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE

# Room -> what it may import besides the standard library: third-party roots, or rooms of this package written
# with a leading dot (".wire.http", or ".wire" for every room of wire). A room may import itself.
LAW: dict[str, set[str]] = {
    "__init__": {"._version"},
    "_calls": set(),
    "_given_files": set(),
    "_locks": set(),
    "_version": set(),
    "errors": {"qiskit", ".wire.http"},
    "exceptions": {".errors"},
    "execution_span": {".wire.spans"},
    "decoders": {".wire"},
    "accounts": {".rest", ".saved_accounts"},
    "alias_files": set(),
    "alias_table": {".alias_files"},
    "compat": {".alias_table"},
    "option_rules": set(),
    "option_tree": {".errors", ".option_rules"},
    "option_groups": {
        ".errors",
        ".option_rules",
        ".option_tree",
        "lazy .wire.noise_errors",
        "lazy qiskit",
        "lazy qiskit_aer",
    },
    "options": {".option_rules", ".option_tree", ".option_groups"},
    "learning_options": {".option_rules", ".option_tree", ".option_groups", ".options"},
    "noise_learner": {
        "qiskit",
        "._calls",
        ".checks",
        ".errors",
        ".job",
        ".learning_options",
        ".primitive",
        ".submit",
        ".wire.circuits",
    },
    "noise_learner_v3": {
        "qiskit",
        "._calls",
        ".errors",
        ".isa",
        ".job",
        ".learning_options",
        ".primitive",
        ".submit",
        ".wire.boxes",
        ".wire.noise_learning",
    },
    "calibrator": {".errors", ".job", ".learning_options", ".primitive", ".submit", ".wire.calibrator"},
    "option_defaults": {".options"},
    "log_settings": {".errors"},
    "layers": {"qiskit", ".errors", ".options", "lazy samplomatic"},
    "pub_reasons": {"qiskit", "numpy"},
    "checks": {"qiskit", "numpy", ".errors", ".pub_reasons", ".wire"},
    "isa": {"qiskit", "numpy", ".errors", ".wire.limits"},
    "fractional": {"qiskit", "numpy", ".errors", ".isa"},
    "primitive": {"qiskit", "._calls", ".options", ".errors", ".session", ".backend"},
    "local": {
        "qiskit",
        ".errors",
        ".backend",
        ".service",
        "lazy .server.devices.held",
        "lazy .server.embedded",
        "lazy .server.primitives.run_options",
    },
    "submit": {
        "qiskit",
        ".checks",
        ".wire",
        ".options",
        ".isa",
        ".errors",
        ".inner_members",
        ".job",
        ".job_params",
        ".learning_options",
        ".session",
        ".backend",
        ".primitive",
        "lazy .local",
    },
    "sampler": {
        "qiskit",
        "._calls",
        ".wire",
        ".options",
        ".checks",
        ".job",
        ".layers",
        ".option_defaults",
        ".primitive",
        ".submit",
    },
    "estimator": {
        "qiskit",
        "._calls",
        ".wire",
        ".options",
        ".checks",
        ".job",
        ".layers",
        ".option_defaults",
        ".primitive",
        ".submit",
    },
    "job_tags": {".errors"},
    "job_params": {
        ".wire",
        "lazy .learning_options",
        "lazy .options",
        "lazy .quantum_program",
    },
    "quantum_program": {"qiskit", "numpy", ".errors", ".wire.quantum_program", "lazy samplomatic"},
    "executor": {
        "._calls",
        ".errors",
        ".job",
        ".options",
        ".primitive",
        ".quantum_program",
        ".submit",
        ".wire.quantum_program",
    },
    "job_result": {"qiskit", ".wire", ".errors", ".job_params"},
    "job_wait": {".wire.models", ".rest", ".errors"},
    "session_search": {".rest.api", ".errors"},
    "job_search": {".wire.models", ".rest.api", ".errors", ".job_tags"},
    "job": {
        "qiskit",
        ".wire",
        ".rest",
        ".errors",
        ".backend",
        ".backend_models",
        ".inner_client",
        ".job_params",
        ".job_result",
        ".job_tags",
        ".job_wait",
    },
    "completion": {".errors", ".job", ".job_search"},
    "inner_client": {".rest.api", ".rest.submission", ".wire.models"},
    "inner_members": {
        ".wire",
        ".rest",
        ".errors",
        ".backend",
        ".connection",
        ".inner_client",
        ".job",
        ".job_params",
    },
    "circuit_library": {"qiskit", ".errors"},
    "neat": {"qiskit", "numpy", ".errors", ".passes", "lazy qiskit_aer"},
    "passes": {"qiskit", ".wire.target"},
    "translation": {"qiskit", ".passes"},
    "program": {"qiskit", ".decoders", ".wire.typed"},
    "parameter_namespace": {".errors", ".wire.http"},
    "program_upload": {".errors"},
    "program_job": {"qiskit", ".wire", ".rest", ".errors", ".job", ".program"},
    "programs": {
        "qiskit",
        ".wire",
        ".rest",
        ".errors",
        ".parameter_namespace",
        ".program",
        ".program_job",
        ".program_upload",
        ".runtime_options",
    },
    "runtime_options": {".errors", ".job_tags", ".option_rules"},
    "runner_result": {"qiskit", ".program"},
    "transpiler": {"qiskit", ".wire", ".rest", ".checks", ".errors"},
    "session": {"qiskit", "._calls", ".rest", ".wire.models", ".errors", ".backend", "lazy .local"},
    "backend_entries": {".wire.models", ".errors"},
    "backend_models": {".backend_entries", ".wire.http", ".wire.target", ".errors"},
    "backend": {"qiskit", ".wire", ".rest", ".errors", ".backend_models"},
    "backend_search": {"qiskit", ".wire.models", ".errors", ".backend", ".connection"},
    "device_catalog": {".wire.models", ".rest.api"},
    "connection": {
        ".wire.http",
        ".wire.models",
        ".rest",
        ".errors",
        ".device_catalog",
        ".embedded_account",
        ".saved_accounts",
    },
    "embedded_account": {".wire.http", ".rest", ".errors", "lazy .server.embedded"},
    "saved_accounts": {"._calls", ".rest", ".errors"},
    "service": {
        "qiskit",
        "._calls",
        ".wire",
        ".rest",
        ".errors",
        ".backend",
        ".backend_search",
        ".connection",
        ".embedded_account",
        ".inner_members",
        ".job",
        ".job_search",
        ".log_settings",
        ".program_job",
        ".programs",
        ".saved_accounts",
        ".session",
        ".session_search",
    },
    # The cellar.
    "wire.__init__": set(),
    "wire.http": set(),
    "wire.jsonio": set(),
    "wire.models": {".wire.http"},
    "wire.arrays": {"numpy", ".wire.jsonio"},
    "wire.limits": set(),
    "wire.gates": {"qiskit"},
    "wire.program": set(),
    "wire.maps": {".wire.circuit_metadata"},
    "wire.expressions": {"qiskit", "numpy"},
    "wire.conditions": {"qiskit", ".wire.program"},
    "wire.lowering": {"qiskit", ".wire.program", ".wire.conditions"},
    "wire.copies": {"qiskit"},
    "wire.definitions": {"qiskit", ".wire.conditions"},
    "wire.canonical": {
        "qiskit",
        ".wire.program",
        ".wire.gates",
        ".wire.definitions",
        ".wire.durations",
        ".wire.lowering",
        ".wire.maps",
        ".wire.noise_checks",
        ".wire.noise_model",
    },
    "wire.durations": {"qiskit"},
    "wire.circuit_metadata": {
        ".wire.arrays",
        ".wire.jsonio",
        "lazy .wire.tag_readers",
        "lazy .wire.tag_writers",
    },
    "wire.qasm3": {"qiskit", ".wire.program", ".wire.gates"},
    "wire.lint": {"openqasm3", ".wire.limits"},
    "wire.importer": {
        "qiskit",
        "numpy",
        "qiskit_qasm3_import",
        "openqasm3",
        ".wire.limits",
        ".wire.lint",
        ".wire.gates",
    },
    "wire.annotations": {"qiskit", "lazy samplomatic"},
    "wire.boxes": {"qiskit", ".wire.annotations"},
    "wire.layer_noise": {"qiskit", ".wire.boxes", ".wire.noise"},
    "wire.noise_learning": {
        "qiskit",
        ".wire.annotations",
        ".wire.arrays",
        ".wire.circuits",
        ".wire.jsonio",
        ".wire.qpy_form",
    },
    "wire.learned_noise": {
        "qiskit",
        "numpy",
        ".wire.annotations",
        ".wire.arrays",
        ".wire.jsonio",
        ".wire.noise_learning",
        ".wire.tensors",
    },
    "wire.learned_layers": {".wire.jsonio", ".wire.noise", ".wire.typed"},
    "wire.calibrator": {".wire.jsonio", ".wire.models"},
    "wire.answers": {
        "lazy .wire.calibrator",
        ".wire.jsonio",
        "lazy .wire.learned_layers",
        "lazy .wire.learned_noise",
        "lazy .wire.program_result",
        ".wire.typed",
    },
    "wire.qpy_form": {"qiskit", ".wire.annotations", ".wire.limits", ".wire.qpy_claims", ".wire.qpy_header"},
    "wire.remembered": {"numpy", "qiskit"},
    "wire.circuits": {
        "qiskit",
        "numpy",
        ".wire.canonical",
        ".wire.circuit_metadata",
        ".wire.copies",
        ".wire.expressions",
        ".wire.limits",
        ".wire.maps",
        ".wire.program",
        ".wire.qasm3",
        ".wire.qpy_form",
        ".wire.remembered",
        "lazy .wire.importer",
        ".wire.noise_model",
    },
    "wire.observables": {"qiskit", "numpy", ".wire.jsonio"},
    "wire.timed": set(),
    "wire.spans": {"numpy", ".wire.timed", "lazy .wire.span_figure"},
    "wire.span_figure": {".wire.program_result", ".wire.spans"},
    "wire.embedding": {"qiskit"},
    "wire.noise_figure": {"qiskit", "numpy", ".wire.embedding", ".wire.noise", ".wire.span_figure"},
    "wire.estimator_pub_result": {"qiskit", "lazy .wire.zne_figure"},
    "wire.zne_figure": {"qiskit", "numpy", ".wire.span_figure"},
    "wire.tensors": {"numpy", ".wire.arrays", ".wire.jsonio"},
    "wire.quantum_program": {
        "qiskit",
        "numpy",
        ".wire.arrays",
        ".wire.circuits",
        ".wire.jsonio",
        ".wire.limits",
        ".wire.qpy_form",
        ".wire.tensors",
        "lazy samplomatic",
    },
    "wire.program_result": {
        "numpy",
        ".wire.arrays",
        ".wire.jsonio",
        ".wire.models",
        ".wire.quantum_program",
        ".wire.tensors",
        ".wire.timed",
        "lazy .wire.span_figure",
    },
    "wire.samples": {"numpy", ".wire.arrays", ".wire.jsonio"},
    "wire.plain": {"qiskit", "numpy", ".wire.arrays", ".wire.samples", ".wire.spans", ".wire.jsonio"},
    "wire.noise": {"qiskit", "numpy", "lazy .wire.noise_figure"},
    "wire.noise_errors": {"qiskit", "numpy", "lazy qiskit_aer"},
    "wire.noise_model": {"qiskit", "numpy", "lazy qiskit_aer"},
    "wire.noise_checks": {"qiskit", ".wire.program", ".wire.conditions", ".wire.noise_model"},
    "wire.tag_writers": {
        ".wire.estimator_pub_result",
        "qiskit",
        "numpy",
        ".wire.arrays",
        ".wire.qpy_form",
        ".wire.spans",
        ".wire.noise",
        ".wire.noise_model",
        ".wire.jsonio",
        "lazy qiskit_aer",
        "lazy scipy",
    },
    "wire.qpy_header": set(),
    "wire.qpy_claims": {"numpy", ".wire.qpy_header"},
    "wire.tag_readers": {
        ".wire.estimator_pub_result",
        ".wire.qpy_claims",
        ".wire.qpy_header",
        "qiskit",
        "numpy",
        ".wire.arrays",
        ".wire.observables",
        ".wire.spans",
        ".wire.noise",
        ".wire.noise_errors",
        ".wire.noise_model",
        ".wire.jsonio",
        ".wire.samples",
        ".wire.tag_writers",
        "lazy qiskit_aer",
        "lazy scipy",
    },
    "wire.typed": {".wire.arrays", ".wire.jsonio", ".wire.tag_writers", ".wire.tag_readers"},
    "wire.registers": {"qiskit", "numpy", ".wire.samples", ".wire.jsonio", ".wire.circuits"},
    "wire.expected": {"qiskit", "numpy", ".wire.jsonio", ".wire.maps", ".wire.samples"},
    "wire.dialect": {
        "qiskit",
        ".wire.expected",
        ".wire.plain",
        ".wire.typed",
        ".wire.samples",
        ".wire.jsonio",
        ".wire.registers",
    },
    "wire.pubs": {
        "qiskit",
        "numpy",
        ".wire.arrays",
        ".wire.observables",
        ".wire.circuits",
        ".wire.typed",
        ".wire.jsonio",
    },
    "wire.target": {"qiskit", ".wire.models"},
    "wire.calibration": {"qiskit", ".wire.target"},
    # The ground floor: no Qiskit, no numpy.
    "rest.__init__": set(),
    "rest.exchange": {".wire.http"},
    "rest.retry": {".wire.http"},
    "rest.answers": {".rest.exchange"},
    "rest.alarms": set(),
    "rest.hopeless": {".rest.endpoints"},
    "rest.connections": {
        "urllib3",
        ".wire.http",
        ".rest.alarms",
        ".rest.answers",
        ".rest.exchange",
        ".rest.hopeless",
        ".rest.proxies",
        ".rest.proxy_settings",
    },
    "rest.proxies": {
        "urllib3",
        "spnego",
        ".wire.http",
        ".rest.alarms",
        ".rest.proxy_settings",
        ".rest.secret",
    },
    "rest.proxy_settings": {"urllib3", ".rest.secret"},
    "rest.engine": {
        "requests",
        ".wire.http",
        ".rest.connections",
        ".rest.endpoints",
        ".rest.exchange",
        ".rest.proxies",
        ".rest.proxy_settings",
        ".rest.secret",
    },
    "rest.transport": {
        ".wire.http",
        ".wire.jsonio",
        ".rest.alarms",
        ".rest.endpoints",
        ".rest.exchange",
        ".rest.retry",
    },
    "rest.lookup": {
        ".wire.http",
        ".wire.jsonio",
        ".wire.models",
        ".rest.exchange",
        ".rest.transport",
    },
    "rest.submission": {
        ".rest.alarms",
        ".wire.http",
        ".wire.jsonio",
        ".wire.models",
        ".rest.exchange",
        ".rest.journal",
        ".rest.lookup",
        ".rest.retry",
        ".rest.transport",
    },
    "rest.waiting": {".wire.http", ".wire.models", ".rest.exchange", ".rest.retry"},
    "private_files": set(),
    "rest.journal": {".private_files"},
    "rest.auth": {
        ".rest.secret",
        ".wire.http",
        ".wire.jsonio",
        ".rest.exchange",
        ".rest.retry",
        ".rest.transport",
    },
    "rest.account": {".rest.account_file", ".rest.endpoints", ".rest.proxy_settings", ".rest.secret"},
    "rest.account_file": {".rest.secret"},
    "rest.endpoints": {".rest.secret"},
    "rest.secret": set(),
    "rest.instances": {".wire.http", ".wire.jsonio", ".wire.models", ".rest"},
    "rest.api": {".wire.http", ".wire.jsonio", ".wire.models", ".rest"},
    "rest.legacy": {".wire.http", ".wire.jsonio", ".wire.models", ".rest"},
    "rest.programs": {".wire.http", ".wire.jsonio", ".wire.models", ".rest"},
    "rest.transpiling": {".wire.http", ".wire.jsonio", ".rest"},
    "rest.connect": {"._version", ".wire.http", ".rest"},
    "testing": {"pytest", ".server.embedded", ".service"},
    # Run as a file, before anything of this package can be imported.
    "server.programs.launcher": set(),
}

# The garden house, from its floor to its roof: the folders and the single files of ``server/``. Each may import itself
# and what its row names; of the garden house only rows above its own, so that arrows point one way.
SERVER: dict[str, set[str]] = {
    "__init__": set(),
    "failures": set(),
    "text": set(),
    "fault_plan": set(),
    "devices": {"qiskit", "qiskit_aer", "numpy", ".wire", ".server.failures"},
    "aer": {"qiskit", "qiskit_aer", "numpy", ".wire", ".server.failures", ".server.devices"},
    "learning": {
        "qiskit",
        "qiskit_aer",
        "numpy",
        # Both come with qiskit.
        "rustworkx",
        "lazy scipy",
        ".wire",
        ".server.failures",
        ".server.devices",
        ".server.aer",
    },
    "primitives": {
        "qiskit",
        "numpy",
        ".wire",
        "lazy samplomatic",
        ".server.failures",
        ".server.devices",
        ".server.aer",
        ".server.learning",
    },
    "settings": {".server.fault_plan", ".server.devices", ".server.primitives"},
    "workers": {
        "qiskit",
        ".wire",
        "lazy dask",
        "lazy distributed",
        ".server.failures",
        ".server.devices",
        ".server.primitives",
        ".server.settings",
    },
    "programs": {
        "qiskit",
        "qiskit_aer",
        ".wire",
        ".backend_models",
        ".program",
        "lazy .compat",
        ".server.failures",
        ".server.devices",
        ".server.settings",
    },
    "jobs": {
        ".private_files",
        ".server.text",
        ".wire",
        ".server.failures",
        ".server.devices",
        ".server.primitives",
        ".server.settings",
        ".server.workers",
        ".server.programs",
    },
    "http": {"starlette", "uvicorn", ".wire", ".server.text", ".server.fault_plan", ".server.settings"},
    "routes": {
        "starlette",
        "qiskit",
        "._version",
        ".server.text",
        ".server.failures",
        ".server.devices",
        ".server.primitives",
        ".server.settings",
        ".server.workers",
        ".server.programs",
        ".server.jobs",
        ".server.http",
    },
    "app": {"starlette", ".server.settings", ".server.jobs", ".server.http", ".server.routes"},
    "runner": {
        "uvicorn",
        ".server.devices",
        ".server.settings",
        ".server.http",
        ".server.routes",
        ".server.app",
    },
    "embedded": {"qiskit", ".server.devices", ".server.settings", ".server.http", "lazy .server.runner"},
    "__main__": {
        ".private_files",
        "lazy .server.devices",
        ".server.fault_plan",
        ".server.settings",
        ".server.workers",
        ".server.http",
        ".server.runner",
        ".server.embedded",
    },
}


# Of the standard library only, and for every room.
EVERYWHERE = {"._given_files", "._locks"}


def rooms() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in ROOT.rglob("*.py")
    )


def law_of(room: str) -> set[str] | None:
    if room in LAW:
        return LAW[room]
    if room.startswith("server."):
        row = SERVER.get(row_of(room))
        return None if row is None else row | {f".server.{row_of(room)}"}
    return None


def row_of(room: str) -> str:
    """Return the row of a file of the garden house: its folder, or the file itself."""
    return room.split(".")[1]


def imports_of(room: str) -> list[tuple[str, bool]]:
    """Return (import, lazy) of a room: roots of third parties, and own rooms with a leading dot."""
    path = ROOT / (room.replace(".", "/") + ".py")
    package = [PACKAGE, *room.split(".")[:-1]]
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, *, lazy: bool) -> None:
        if room == "__init__" and isinstance(node, ast.If):
            return  # the type checker's view of the names that are loaded on first use
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [module] if node.module else [f"{module}.{alias.name}" for alias in node.names]
        found.extend((_short(name), lazy) for name in names if not _standard(name))
        inside = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            visit(child, lazy=inside)

    visit(ast.parse(path.read_text()), lazy=False)
    return found


def _standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def _short(name: str) -> str:
    if name == PACKAGE or name.startswith(PACKAGE + "."):
        return name[len(PACKAGE) :] or "."
    return name.split(".")[0]


def allowed(name: str, room: str, law: set[str], *, lazy: bool) -> bool:
    if name.startswith("."):
        entries = [entry for entry in law if entry.startswith(".")]
        if lazy:
            entries += [entry[5:] for entry in law if entry.startswith("lazy ")]
        return name in {"." + room, *EVERYWHERE} or any(
            name == entry or name.startswith(entry + ".") for entry in entries
        )
    return name in law or (lazy and f"lazy {name}" in law)


@pytest.mark.parametrize("room", rooms())
def test_room_obeys_the_law(room: str) -> None:
    law = law_of(room)
    assert law is not None, f"{room} is in no row of the law: give it one, deliberately"
    broken = [name for name, lazy in imports_of(room) if not allowed(name, room, law, lazy=lazy)]

    assert not broken, f"{room} imports {broken}, which the law of arrows forbids"


def test_the_law_names_no_room_that_is_gone() -> None:
    assert set(LAW) <= set(rooms())
    assert set(SERVER) == {row_of(room) for room in rooms() if room.startswith("server.")}


def test_arrows_of_the_server_point_one_way() -> None:
    order = list(SERVER)
    upwards = [
        (row, entry)
        for row, law in SERVER.items()
        for entry in law
        if ".server." in entry and order.index(entry.rpartition(".")[2]) >= order.index(row)
    ]

    assert upwards == []


@pytest.mark.parametrize("row", SERVER)
def test_a_row_of_the_server_allows_nothing_that_is_not_used(row: str) -> None:
    files = [room for room in rooms() if room.startswith("server.") and row_of(room) == row]
    used = [(name, room, lazy) for room in files for name, lazy in imports_of(room)]

    assert [
        entry
        for entry in SERVER[row]
        if not any(allowed(name, room, {entry}, lazy=lazy) for name, room, lazy in used)
    ] == []


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("server.aer.simulation", ".server.primitives.engine"),
        ("server.primitives.engine", ".server.workers.pool"),
        ("server.workers.pool", ".server.jobs.store"),
        ("server.programs.process", ".server.jobs.program_runner"),
        ("server.programs.launcher", ".server.programs.frames"),
        ("server.jobs.scheduler", ".server.routes.desk"),
        ("server.jobs.store", "starlette"),
        ("server.http.gate", ".server.jobs.store"),
        ("server.routes.jobs", ".server.app"),
        ("server.routes.jobs", "qiskit_aer"),
    ],
)
def test_the_law_forbids_what_it_should(room: str, forbidden: str) -> None:
    law = law_of(room)

    assert law is not None
    assert not allowed(forbidden, room, law, lazy=True)


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    made = {"build", "dist", "__pycache__"}  # by tools, and ignored by git
    found = {
        path.name
        for path in ROOT.parent.iterdir()
        if not path.name.startswith(".") and path.suffix != ".egg-info" and path.name not in made
    }

    files = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile"}
    assert found == files | {PACKAGE, "tests", "docs", "examples", "benchmarks"}


def test_no_import_cycles() -> None:
    graph = {
        room: {name[1:] for name, lazy in imports_of(room) if name.startswith(".") and not lazy}
        for room in rooms()
    }

    TopologicalSorter(graph).prepare()  # raises a CycleError that names the cycle


def test_plain_and_typed_never_meet() -> None:
    assert ".wire.typed" not in {name for name, _ in imports_of("wire.plain")}
    assert ".wire.plain" not in {name for name, _ in imports_of("wire.typed")}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        (PACKAGE, ["qiskit", "numpy", "requests"]),
        (f"{PACKAGE}.rest.api", ["qiskit", "numpy"]),
        (f"{PACKAGE}.rest.transport", ["qiskit", "numpy"]),
        (f"{PACKAGE}.service", ["qiskit_aer", "starlette", "uvicorn", "qiskit_ibm_runtime"]),
    ],
)
def test_import_loads_nothing_heavy(module: str, forbidden: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert printed == "[]"


def test_no_lock_is_bare() -> None:
    """A bare lock that is held when its process forks is held in the child for ever (fault C4)."""
    kinds = {"Lock", "RLock", "Condition"}
    bare = [
        f"{room}:{node.lineno}"
        for room in rooms()
        if room != "_locks"
        for node in ast.walk(ast.parse((ROOT / (room.replace(".", "/") + ".py")).read_text()))
        if (
            (isinstance(node, ast.ImportFrom) and node.module in {"threading", "multiprocessing", "_thread"})
            and kinds & {alias.name for alias in node.names}
        )
        or _is_call_of(node, kinds)
        or (isinstance(node, ast.keyword) and node.arg == "default_factory" and _is_one_of(node.value, kinds))
    ]

    assert bare == []


def _is_call_of(node: ast.AST, kinds: set[str]) -> bool:
    return isinstance(node, ast.Call) and _is_one_of(node.func, kinds)


def _is_one_of(node: ast.AST, kinds: set[str]) -> bool:
    if not (isinstance(node, ast.Attribute) and node.attr in kinds and isinstance(node.value, ast.Name)):
        return False
    return node.value.id != "asyncio"  # those belong to one loop, of one thread


def test_files_stay_small() -> None:
    long = {
        room: lines
        for room in rooms()
        if (lines := len((ROOT / (room.replace(".", "/") + ".py")).read_text().splitlines())) > 420
    }

    assert long == {}


def test_functions_stay_small() -> None:
    long = {}
    for room in rooms():
        for node in ast.walk(ast.parse((ROOT / (room.replace(".", "/") + ".py")).read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                docstring = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)
                if lines > 60:
                    long[f"{room}.{node.name}"] = lines

    assert long == {}
