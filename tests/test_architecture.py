"""Which folder may import what, third-party packages included; and what importing a name may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from qiskit_rest_primitives import exceptions

PACKAGE = "qiskit_rest_primitives"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE

# Place -> what it may import besides the standard library and LEAVES: third-party packages, and with a leading dot other
# places of this package. A place is a folder or a module; the longest one that fits counts, and it may import itself.
# The table goes from the floor to the roof: a place imports what stands above it here; only inside functions ("lazy"),
# where a user asks for something that the core leaves unloaded, may it reach down.
LAW: dict[str, str] = {
    # The ground: values that everybody knows.
    "rest.messages": "",
    "exceptions": "qiskit, .rest.messages",
    "results.execution_spans": "numpy, lazy .visualization",
    "results.noise_learner": "numpy, qiskit, lazy .visualization",
    "results.estimator_pub": "qiskit, lazy .visualization, lazy .notebook",
    "wire.jsonio": "",
    "wire.arrays": "numpy, .wire.jsonio",
    # Circuits as text, documents, and what they become.
    "qasm": (
        "lazy qiskit_aer, lazy samplomatic, numpy, openqasm3, qiskit, qiskit_qasm3_import, .wire.jsonio, "
        ".wire.arrays, lazy .wire"
    ),
    "wire": (
        "lazy qiskit_aer, lazy samplomatic, lazy scipy, numpy, qiskit, .rest.messages, "
        ".results.execution_spans, .results.noise_learner, .results.estimator_pub, .wire.jsonio, "
        ".wire.arrays, .qasm, lazy .results"
    ),
    "results": (
        "numpy, qiskit, .results.execution_spans, lazy .results.noise_learner, lazy .results.estimator_pub, .wire.jsonio, "
        ".wire.arrays, .qasm, .wire, lazy .visualization, lazy .notebook"
    ),
    "visualization": "numpy, qiskit",
    # What notebooks show, loaded when one asks.
    "notebook": "lazy matplotlib, numpy, qiskit, .rest.messages, .exceptions, lazy .visualization",
    # Accounts, and bytes over HTTP: neither Qiskit nor numpy.
    "accounts": "urllib3, .exceptions",
    "rest": "lazy spnego, requests, urllib3, .rest.messages, .wire.jsonio, .wire, .accounts",
    # The client.
    "models": "qiskit, .rest.messages, .exceptions, .wire, .rest, lazy .notebook",
    "options": "lazy qiskit, lazy qiskit_aer, .exceptions, lazy .wire, lazy .notebook",
    "jobs": (
        "qiskit, lazy tqdm, .rest.messages, .exceptions, .results.execution_spans, .results.estimator_pub, .wire.jsonio, "
        ".qasm, .wire, lazy .results, lazy .notebook, .rest, .models, lazy .options, lazy .executor"
    ),
    "session": "qiskit, .exceptions, lazy .notebook, lazy .models, lazy .service",
    "programs": "qiskit, .rest.messages, .exceptions, .wire.jsonio, .wire, .rest, .options, .jobs",
    "service": (
        "qiskit, requests, .rest.messages, .exceptions, .wire, lazy .notebook, .accounts, .rest, .models, .jobs, "
        ".session, "
        ".programs, lazy .server.devices, lazy .server.primitives, lazy .server.embedded"
    ),
    "primitives": (
        "lazy samplomatic, numpy, qiskit, .exceptions, .wire.jsonio, .qasm, .wire, .options, "
        ".jobs, .session, .service, lazy .executor"
    ),
    # On demand: nothing of the core imports these.
    "noise": "qiskit, .exceptions, .qasm, .wire, .results, .models, .options, .jobs, .primitives",
    "executor": (
        "lazy qiskit_mitigation, lazy qiskit_noise_learning, lazy samplomatic, numpy, qiskit, .exceptions, "
        ".results.execution_spans, .results.noise_learner, .results.estimator_pub, .wire.jsonio, .qasm, .wire, "
        ".results, .models, .options, .jobs, .primitives, lazy .noise"
    ),
    "transpiler": (
        "numpy, qiskit, .rest.messages, .exceptions, .wire.jsonio, .wire.arrays, .qasm, .wire, .rest, .primitives"
    ),
    "circuit": "qiskit, .exceptions",
    "debug_tools": "lazy qiskit_aer, numpy, qiskit, .exceptions, .transpiler",
    # The server, from its floor to its roof.
    "server.job_errors": ".wire.jsonio, .qasm",
    "server.json_schema": ".options, .server.job_errors",
    "server.text": "",
    "server.spool": "",
    "server.faults.plan": "",
    "server.devices": "numpy, qiskit, qiskit_aer, .qasm, .wire, .server.job_errors",
    "server.aer": "numpy, qiskit, qiskit_aer, .qasm, .server.job_errors, .server.devices",
    "server.learning": (
        "lazy scipy, numpy, qiskit, qiskit_aer, rustworkx, .results.noise_learner, .wire.jsonio, .wire, "
        ".results, .options, .server.job_errors, .server.json_schema, .server.devices, .server.aer"
    ),
    "server.primitives": (
        "lazy samplomatic, numpy, qiskit, .results.execution_spans, .wire.jsonio, .wire.arrays, .qasm, "
        ".wire, .results, .options, .server.job_errors, .server.json_schema, .server.devices, .server.aer, .server.learning"
    ),
    "server.settings": ".server.faults.plan, lazy .server.primitives",
    "server.workers": (
        "lazy dask, lazy distributed, numpy, qiskit, .wire.jsonio, .wire.arrays, .qasm, .wire, .server.job_errors, "
        ".server.devices, .server.primitives, .server.settings, lazy .results, lazy .executor"
    ),
    "server.programs": (
        "qiskit, qiskit_aer, .qasm, .wire, .models, .programs, .server.job_errors, .server.devices, "
        ".server.settings, lazy .compat"
    ),
    "server.jobs": (
        ".server.job_errors, .server.text, .server.spool, .server.devices, .server.primitives, .server.settings, "
        ".server.workers, .server.programs"
    ),
    "server.http": "starlette, uvicorn, .server.text, .server.spool, .server.settings, .server.workers",
    "server.faults": "starlette, .server.faults.plan, .server.http",
    "server.openapi": "starlette, .server.json_schema, .server.primitives, .server.http",
    "server.transpile.tasks": (
        ".server.job_errors, .server.devices, .server.primitives, .server.settings, .server.workers, "
        ".server.jobs, .server.http"
    ),
    "server.state": (
        "starlette, .server.settings, .server.programs, .server.jobs, .server.http, .server.transpile.tasks"
    ),
    "server.routes": (
        "qiskit, starlette, .server.job_errors, .server.text, .server.spool, .server.devices, .server.primitives, .server.settings, "
        ".server.programs, .server.jobs, .server.http, .server.state"
    ),
    "server.transpile": (
        "starlette, .server.job_errors, .server.text, .server.devices, .server.workers, .server.http, "
        ".server.transpile.tasks, .server.state, .server.routes"
    ),
    "server.web": (
        "numpy, starlette, .visualization, .server.devices, .server.job_errors, .server.primitives, .server.settings, .server.workers, "
        ".server.jobs, .server.http, .server.state, .server.routes"
    ),
    "server.endpoints": "starlette, .server.json_schema, .server.http, .server.openapi, .server.routes, .server.transpile",
    "server.app": "starlette, .server.settings, .server.jobs, .server.http, .server.state, .server.web, "
    ".server.endpoints",
    "server.runner": (
        "starlette, uvicorn, uvloop, .server.devices, .server.settings, .server.http, .server.faults, .server.state, .server.web, "
        ".server.app"
    ),
    "server.embedded": "lazy .server.devices, .server.settings, .server.http, lazy .server.runner",
    "server": (
        ".server.faults.plan, lazy .server.devices, .server.settings, .server.workers, "
        ".server.http, lazy .server.runner, .server.embedded"
    ),
    # What stands beside both.
    "testing": "pytest, .service, .server.embedded",
    "cli": (
        "click, lazy numpy, lazy qiskit, lazy .exceptions, lazy .qasm, .accounts, lazy .rest.messages, lazy .rest, "
        "lazy .jobs, lazy .service, lazy .primitives, lazy .server"
    ),
    "__main__": ".cli",
    # The public paths: what they lead to; a path with others below it loads that when it is used. Nothing imports them.
    "doors": (
        "qiskit, .exceptions, lazy .results.execution_spans, lazy .results.noise_learner, "
        "lazy .results.estimator_pub, .wire, lazy .visualization, lazy .accounts, .models, "
        "lazy .options, .jobs, .session, .programs, .service, .primitives, "
        "lazy .noise, lazy .executor"
    ),
    "__init__": (
        "lazy .exceptions, lazy .wire, lazy .models, lazy .options, lazy .jobs, lazy .session, "
        "lazy .programs, lazy .service, lazy .primitives, lazy .noise, lazy .executor, lazy .transpiler"
    ),
    "compat": ".__init__",
}

# The official client's paths to what other places hold.
DOORS = (
    "api", "base_primitive", "batch", "calibrator", "decoders", "estimator", "execution_span", "executor_estimator",
    "executor_noise_learner", "executor_sampler", "fake_provider", "ibm_backend", "json", "noise_learner",
    "noise_learner_v3", "options_models", "program", "proxies", "qiskit_runtime_service", "quantum_program",
    "runtime_job_v2", "runtime_options", "runtime_program", "sampler", "utils", "version",
)  # fmt: skip

# Of the standard library only, and for every place.
LEAVES = (
    "_version",
    "_locks",
    "_frozen",
    "_recent",
    "_time",
    "_secret",
    "_calls",
    "_files",
    "_doors",
)


def modules() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in ROOT.rglob("*.py")
    )


def place_of(module: str) -> str | None:
    """Return the row that a module stands in, None if there is none."""
    if module.partition(".")[0] in DOORS:
        return "doors"
    fitting = [place for place in (*LAW, *LEAVES) if f"{module}.".startswith(f"{place}.")]
    return max(fitting, key=len, default=None)


def imports_of(module: str) -> list[tuple[str, bool]]:
    """Return (import, lazy) of a module: roots of third parties, and own modules with a leading dot."""
    path = ROOT / (module.replace(".", "/") + ".py")
    package = [PACKAGE, *module.split(".")[:-1]]
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, *, lazy: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                visit(child, lazy=lazy)
            return  # the rest is the type checker's view of names that are loaded on first use
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = [_module_of(source, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "door":
            found.extend((_door_leads(home), True) for home in door_of(node)[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LazyMethod":
            found.append((f".{ast.literal_eval(node.args[0]).partition(':')[0]}", True))
        found.extend((_short(name), lazy) for name in names if not _standard(name))
        inside = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            visit(child, lazy=inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), lazy=False)
    return found


def door_of(call: ast.Call) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a call of ``door`` says: module -> its names, for its own and for lent ones."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    own, lent = (ast.literal_eval(each) for each in (call.args[1], given.get("lent", ast.Dict([], []))))
    return own, lent


def _door_leads(home: str) -> str:
    return "qiskit" if home.startswith("qiskit.") else f".{home}"


def _module_of(source: str, name: str) -> str:
    path = ROOT.parent.joinpath(*source.split("."), name)
    return f"{source}.{name}" if path.is_dir() or path.with_suffix(".py").exists() else source


def _standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def _short(name: str) -> str:
    if name == PACKAGE or name.startswith(PACKAGE + "."):
        return name[len(PACKAGE) :] or ".__init__"
    return name.split(".")[0]


def allowed(name: str, place: str, *, lazy: bool) -> bool:
    entries = LAW.get(place, "").split(", ")
    target = name
    if name.startswith("."):
        other = place_of(name[1:])
        if other in {place, *LEAVES}:
            return True
        target = f".{other}"
    return target in entries or (lazy and f"lazy {target}" in entries)


@pytest.mark.parametrize("module", modules())
def test_a_module_obeys_the_law(module: str) -> None:
    place = place_of(module)
    assert place is not None, f"{module} is in no row of the law: give it one, deliberately"
    broken = [name for name, lazy in imports_of(module) if not allowed(name, place, lazy=lazy)]

    assert not broken, f"{module} imports {broken}, which the law of its row {place!r} forbids"


def test_the_law_names_no_place_that_is_gone_and_nothing_that_is_not_used() -> None:
    used: dict[str, set[str]] = {place: set() for place in LAW}
    for module in modules():
        place = place_of(module)
        for name, lazy in imports_of(module):
            other = f".{place_of(name[1:])}" if name.startswith(".") else name
            used.setdefault(place or "", set()).add(other if not lazy else f"lazy {other}")

    unused = {
        place: gone
        for place, row in LAW.items()
        if (
            gone := {
                entry
                for entry in row.split(", ")
                if entry and not {entry, f"lazy {entry}", entry.removeprefix("lazy ")} & used[place]
            }
        )
    }
    assert unused == {}
    assert {place_of(module) for module in modules()} - set(LEAVES) == set(LAW)


def test_arrows_point_one_way() -> None:
    order = [f".{place}" for place in LAW]
    upwards = [
        (place, entry)
        for place, row in LAW.items()
        for entry in row.split(", ")
        if entry.startswith(".") and order.index(entry) >= order.index(f".{place}")
    ]

    assert upwards == []


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("server.aer.simulation", ".server.primitives.jobs"),
        ("server.primitives.jobs", ".server.workers.pool"),
        ("server.workers.pool", ".server.jobs.store"),
        ("server.programs.process", ".server.jobs.launcher"),
        ("server.jobs.scheduler", ".server.state"),
        ("server.jobs.store", "starlette"),
        ("server.http.middleware", ".server.jobs.store"),
        ("server.routes.jobs", ".server.app"),
        ("server.routes.jobs", "qiskit_aer"),
        ("primitives.submit", ".noise.noise_learner"),
        ("wire.plain", ".visualization.spans"),
        ("rest.transport", "qiskit"),
        ("qasm.codec", ".wire.pubs"),
    ],
)
def test_the_law_forbids_what_it_should(module: str, forbidden: str) -> None:
    place = place_of(module)

    assert place is not None
    assert not allowed(forbidden, place, lazy=False)


def doors() -> list[str]:
    return [
        module
        for module in modules()
        if "door(" in (ROOT / (module.replace(".", "/") + ".py")).read_text() and module != "_doors"
    ]


@pytest.mark.parametrize("module", doors())
def test_a_door_tells_type_checkers_what_it_does(module: str) -> None:
    """The names of the table, which a program gets, are those that the block for type checkers imports."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")]
    table = door_of(next(call for call in calls if call.func.id == "door"))[0]
    served = {
        entry.partition("=")[0]: (home, entry.partition("=")[2] or entry)
        for home, entries in table.items()
        for entry in entries.split()
    }
    package = module.split(".")[:-1]
    checked, renamed = {}, {}
    for block in (node for node in tree.body if isinstance(node, ast.If)):
        for node in block.body:
            if isinstance(node, ast.ImportFrom):
                home = ".".join(
                    [*package[: len(package) - node.level + 1][: None if node.level else 0], node.module]
                )
                checked |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}
            elif isinstance(node, ast.Assign):
                renamed[node.targets[0].id] = checked[node.value.id]
    if checked.pop("*", None):
        checked |= {name: ("exceptions", name) for name in served if hasattr(exceptions, name)}
    kept = {name: home for name, home in checked.items() if name in served}

    assert kept | renamed == served
    assert {home for name, home in checked.items() if name not in served} <= set(renamed.values())


def test_the_launcher_of_programs_imports_nothing_of_ours() -> None:
    """It is run as a file, before anything of this package can be imported."""
    assert [name for name, _ in imports_of("server.programs.launcher")] == []


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    made = {"build", "dist", "__pycache__"}  # by tools, and ignored by git
    found = {
        path.name
        for path in ROOT.parent.iterdir()
        if not path.name.startswith(".") and path.suffix != ".egg-info" and path.name not in made
    }

    files = {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "Dockerfile",
        "CITATION.cff",
    }
    assert found == files | {PACKAGE, "tests", "docs", "examples", "benchmarks"}


def test_no_import_cycles() -> None:
    graph = {
        room: {name[1:] for name, lazy in imports_of(room) if name.startswith(".") and not lazy}
        for room in modules()
    }

    TopologicalSorter(graph).prepare()  # raises a CycleError that names the cycle


def test_plain_and_typed_never_meet() -> None:
    assert ".wire.typed" not in {name for name, _ in imports_of("wire.plain")}
    assert ".wire.plain" not in {name for name, _ in imports_of("wire.typed.__init__")}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        (PACKAGE, ["qiskit", "numpy", "requests"]),
        (f"{PACKAGE}.rest.api", ["qiskit", "numpy"]),
        (f"{PACKAGE}.rest.transport", ["qiskit", "numpy"]),
        (f"{PACKAGE}.service.service", ["qiskit_aer", "starlette", "uvicorn", "qiskit_ibm_runtime"]),
    ],
)
def test_import_loads_nothing_heavy(module: str, forbidden: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert printed == "[]"


@pytest.mark.parametrize("name", ["QiskitRuntimeService", "SamplerV2", "Session", "RuntimeEncoder"])
def test_qiskit_is_loaded_before_modules_of_ours(name: str) -> None:
    """From deep inside them it takes a tenth longer, by how CPython gives memory to calls (``_doors``)."""
    code = f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "qiskit":
            print(*(module for module in sys.modules if module.startswith("{PACKAGE}")))
sys.meta_path.insert(0, Finder())
from {PACKAGE} import {name}
"""

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert set(printed.split()) == {PACKAGE, f"{PACKAGE}._doors", f"{PACKAGE}._version"}


def test_the_core_is_a_slice_that_one_can_read() -> None:
    """What a sampler loads before it runs: primitives, options, qasm, and the half of wire that writes."""
    code = (
        "import sys; from qiskit_rest_primitives import SamplerV2; "
        f"print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == {PACKAGE!r} and getattr(m, '__file__', None)))"
    )
    files = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    loaded = {str(Path(file).resolve().relative_to(ROOT).with_suffix("")).replace("/", ".") for file in files}
    on_demand = {
        "noise",
        "executor",
        "programs",
        "visualization",
        "transpiler",
        "circuit",
        "server",
        "cli",
        "compat",
        "doors",
    }
    assert {name for name in loaded if place_of(name) in on_demand} == set()
    assert len(files) <= 60
    assert sum(len(Path(file).read_text(encoding="utf-8").splitlines()) for file in files) <= 10_000


def test_only_public_paths_list_their_names() -> None:
    """Inside, an underscore says what is private, and a name is imported from where it is defined, as mypy wants it."""
    by_hand = {"__init__", "exceptions", "session", "testing", "compat"}
    # Of the paths that lead on, those that have no door import what they hold.
    plain = {module for module in modules() if place_of(module) == "doors"} - {*doors(), "fake_provider"}
    lists = {
        module
        for module in modules()
        if any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for node in ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text()).body
        )
    }

    assert lists == by_hand | plain


def test_a_class_name_stands_for_one_thing() -> None:
    """What is the same on both sides of the wire may have one name; helpers of one file, with an underscore, any."""
    both_sides = {"Session"}
    homes: dict[str, list[str]] = {}
    for module in modules():
        for node in ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)

    assert {
        name: places for name, places in homes.items() if len(places) > 1 and name not in both_sides
    } == {}


def test_words_of_this_house_alone_name_nothing() -> None:
    """Neither a class, a function, an argument nor a variable: the field has words for what they stood for."""
    own = re.compile(r"(?i)(^|_)(desk|shelf|roster|ledger|imitation|blur|wish(es)?|handling|setback)(_|$)")
    used = {
        f"{module}: {name}"
        for module in modules()
        for node in ast.walk(ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text()))
        for name in (getattr(node, "id", None), getattr(node, "name", None), getattr(node, "arg", None))
        if isinstance(name, str) and own.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    }

    assert used == set()


def test_no_lock_is_bare() -> None:
    """A bare lock that is held when its process forks is held in the child for ever (fault C4)."""
    kinds = {"Lock", "RLock", "Condition"}
    bare = [
        f"{room}:{node.lineno}"
        for room in modules()
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
        for room in modules()
        if (lines := len((ROOT / (room.replace(".", "/") + ".py")).read_text().splitlines())) > 420
    }

    assert long == {}


def test_functions_stay_small() -> None:
    long = {}
    for room in modules():
        for node in ast.walk(ast.parse((ROOT / (room.replace(".", "/") + ".py")).read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                docstring = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)
                if lines > 60:
                    long[f"{room}.{node.name}"] = lines

    assert long == {}
