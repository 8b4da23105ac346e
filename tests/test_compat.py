"""The alias: ``import qiskit_ibm_runtime`` leads to this package, when asked, and can be undone."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

OFFICIAL, OURS = "qiskit_ibm_runtime", "qiskit_rest_primitives"


def python(code: str, *arguments: str, cwd: Path | None = None) -> str:
    """Run a program in a process of its own, warnings being errors, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments, *(["-c", textwrap.dedent(code)] if code else [])],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if not key.startswith("QISKIT_IBM")},
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


SCRIPTS = {
    "programs of former years": (
        """
        from qiskit_ibm_runtime import ParameterNamespace, RuntimeProgram, RunnerResult
        from qiskit_ibm_runtime.program import ProgramBackend, ResultDecoder, UserMessenger
        from qiskit_ibm_runtime.program.user_messenger import UserMessenger as Again
        from qiskit_ibm_runtime.utils.runner_result import RunnerResult as Result

        def main(backend: ProgramBackend, user_messenger: UserMessenger, **kwargs):
            user_messenger.publish(kwargs)

        main(None, UserMessenger(), number=1)
        assert UserMessenger is Again and RunnerResult is Result
        """,
        '{"number": 1}',
    ),
    "fake backends come from the real package and run here": (
        """
        from qiskit import QuantumCircuit, transpile
        from qiskit_ibm_runtime import SamplerV2
        from qiskit_ibm_runtime.fake_provider import FakeManilaV2
        from qiskit_ibm_runtime.fake_provider.local_service import QiskitRuntimeLocalService
        import qiskit_ibm_runtime.fake_provider.fake_backend as module

        fake = FakeManilaV2()
        assert isinstance(fake, module.FakeBackendV2)
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        job = SamplerV2(mode=fake).run([transpile(circuit, fake)], shots=10)
        print(type(job).__module__, job.result()[0].data.meas.num_shots, QiskitRuntimeLocalService.__name__)
        """,
        "qiskit_rest_primitives.jobs.job 10 QiskitRuntimeLocalService",
    ),
    "passes": (
        """
        from qiskit_ibm_runtime.transpiler.passes import FoldRzzAngle, PadDelay
        from qiskit_ibm_runtime.transpiler.passes.basis import ConvertIdToDelay
        from qiskit_ibm_runtime.transpiler.passes.basis.fold_rzz_angle import convert_to_rzz_valid_pub
        from qiskit_ibm_runtime.transpiler.passes.cliffordization import ConvertISAToClifford
        from qiskit_ibm_runtime.transpiler.passes.scheduling import ASAPScheduleAnalysis, PadDynamicalDecoupling
        from qiskit_ibm_runtime.transpiler.passes.scheduling.pad_delay import PadDelay as Again
        from qiskit_ibm_runtime.transpiler.plugin import IBMTranslationPlugin
        from qiskit_ibm_runtime import SamplerV2

        own = (FoldRzzAngle, ConvertIdToDelay, convert_to_rzz_valid_pub, ConvertISAToClifford, IBMTranslationPlugin)
        print(*(one.__module__.removeprefix("qiskit_rest_" + "primitives.") for one in own))
        assert PadDelay is Again
        scheduling = {one.__module__.split(".")[0] for one in (PadDelay, ASAPScheduleAnalysis, PadDynamicalDecoupling)}
        assert scheduling == {"qiskit_ibm_" + "runtime"}
        """,
        (
            "transpiler.passes.basis transpiler.passes.basis transpiler.rzz transpiler.passes.cliffordization "
            "transpiler.translation"
        ),
    ),
    "every kind of path": (
        """
        import qiskit_ibm_runtime as runtime
        import qiskit_ibm_runtime.execution_span as spans
        import qiskit_ibm_runtime.options.zne_options
        from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2, Session, IBMInputValueError
        from qiskit_ibm_runtime.accounts import AccountNotFoundError
        from qiskit_ibm_runtime.api.exceptions import RequestsApiError
        from qiskit_ibm_runtime.base_primitive import BasePrimitiveV2
        from qiskit_ibm_runtime.circuit.library.xslow import XSlowGate
        from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
        from qiskit_ibm_runtime.decoders.executor.decoder import ExecutorResultDecoder
        from qiskit_ibm_runtime.decoders.executor_sampler.decoder import ClientSideSamplerResultDecoder
        from qiskit_ibm_runtime.executor_sampler import SamplerV2 as Newer
        from qiskit_ibm_runtime.models import BackendConfiguration
        from qiskit_ibm_runtime.noise_learner.noise_learner import NoiseLearner
        from qiskit_ibm_runtime.options import SamplerOptions
        from qiskit_ibm_runtime.options.twirling_options import TwirlingOptions
        from qiskit_ibm_runtime.options.utils import Unset
        from qiskit_ibm_runtime.options_models.twirling import TwirlingOptions as TwirlingModel
        from qiskit_ibm_runtime.results.quantum_program import QuantumProgramResult
        from qiskit_ibm_runtime.utils.noise_learner_result import PauliLindbladError
        from qiskit_ibm_runtime.version import __version__
        from qiskit_ibm_runtime.visualization import draw_execution_spans

        assert issubclass(SamplerV2, BasePrimitiveV2) and issubclass(Newer, BasePrimitiveV2)
        assert DEFAULT_DECODERS["executor"][:2] == [ExecutorResultDecoder, ClientSideSamplerResultDecoder]
        assert TwirlingOptions(enable_gates=True).enable_gates and SamplerOptions().default_shots is Unset
        assert runtime.options.zne_options.ZneOptions is runtime.options.ZneOptions
        assert runtime.visualization.draw_execution_spans is draw_execution_spans
        assert spans.slice_span.SliceSpan is spans.SliceSpan
        try:
            SamplerOptions(default_shots="many")
        except IBMInputValueError as error:
            print(type(error).__name__)
        """,
        "IBMInputValueError",
    ),
}


@pytest.mark.parametrize("way", ["alias", "changed"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_under_the_alias_and_with_its_import_lines_changed(name: str, way: str) -> None:
    script, printed = SCRIPTS[name]
    code = textwrap.dedent(script)
    if way == "alias":
        code = f"from {OURS} import compat\ncompat.install()\n{code}"
    else:
        code = f"{code.replace(OFFICIAL, OURS)}\nimport sys\nassert '{OURS}.compat' not in sys.modules"

    assert python(code).strip() == printed


def test_imports_lead_here_and_can_be_undone() -> None:
    printed = python(
        """
        import sys
        from qiskit_rest_primitives import compat

        compat.install()
        compat.install()
        from qiskit_ibm_runtime import SamplerV2, QiskitRuntimeService, Session, IBMInputValueError
        from qiskit_ibm_runtime.options import SamplerOptions
        from qiskit_ibm_runtime.options.utils import Unset
        import qiskit_ibm_runtime.execution_span as spans
        import qiskit_rest_primitives as ours
        assert SamplerV2 is ours.SamplerV2 and SamplerOptions is ours.SamplerOptions
        assert spans.SliceSpan is ours.results.execution_spans.SliceSpan
        assert sys.modules["qiskit_ibm_runtime"].__version__.startswith("0.")
        names = {}
        exec("from qiskit_ibm_runtime import *", names)
        assert "json" not in names and names["Batch"] is ours.Batch

        compat.uninstall()
        compat.uninstall()
        assert not any(name.startswith("qiskit_ibm_runtime") for name in sys.modules)
        import qiskit_ibm_runtime
        assert qiskit_ibm_runtime.SamplerV2 is not ours.SamplerV2
        try:
            compat.install()
        except ImportError as error:
            print(error)
        """
    )

    assert "before the first import" in printed
    assert "python -m qiskit_rest_primitives.compat" in printed


def test_every_module_of_the_alias_is_the_module_of_that_path_here() -> None:
    """What the official client has on disk leads to the same objects under both roots, or to no module under either."""
    root = Path(str(importlib.util.find_spec(OFFICIAL).origin)).parent
    files = (path.relative_to(root).with_suffix("") for path in root.rglob("*.py"))
    paths = {".".join(part for part in file.parts if part != "__init__") for file in files}
    lent = ("fake_provider", "transpiler.passes.scheduling")
    known = sorted(path for path in paths if path not in ("", "version") and not path.startswith(lent))

    found = json.loads(
        python(
            f"""
            import importlib, json
            from qiskit_rest_primitives import compat

            def load(name):
                try:
                    return importlib.import_module(name)
                except ModuleNotFoundError as error:
                    assert name.startswith(error.name), error
                    return None

            compat.install()
            there = []
            for path in {known!r}:
                ours, alias = (load(root + "." + path) for root in ("{OURS}", "{OFFICIAL}"))
                assert ours is alias, path
                if ours is not None:
                    there.append(path)
                    public = getattr(ours, "__all__", [])
                    assert set(public) <= set(dir(ours)), path
                    assert None not in [getattr(ours, name) for name in public], path
            top = importlib.import_module("{OFFICIAL}")
            own = importlib.import_module("{OURS}")
            assert all(getattr(top, name) is getattr(own, name) for name in own.__all__ if name != "__version__")
            print(json.dumps(there))
            """
        )
    )

    assert len(found) > 100
    assert {"accounts.exceptions", "options.twirling_options", "utils.json", "circuit.library.xslow"} <= set(
        found
    )
    assert not {"api.client", "utils.backend_decoder", "options_models.base"} & set(found)


def test_what_the_official_docstrings_import_is_imported_with_the_name_changed() -> None:
    root = Path(str(importlib.util.find_spec(OFFICIAL).origin)).parent
    texts = [
        node.value
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    line = re.compile(
        rf"^\s*(?:>>> )?(from {OFFICIAL}[\w.]* import (?:\([^)]*\)|[^\n(]+)|import {OFFICIAL}[\w. ]*)",
        re.MULTILINE,
    )
    found = sorted(
        {" ".join(each.replace("... ", "").split()) for text in texts for each in line.findall(text)}
    )
    lines = [each.replace(OFFICIAL, OURS) for each in found]

    printed = python(
        f"""
        for line in {lines!r}:
            try:
                exec(line, {{}})
            except ImportError as error:
                print(error)
        """
    )

    assert len(lines) > 30
    assert printed == ""


def test_the_version_under_the_alias_is_the_official_clients() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        import qiskit_ibm_runtime, qiskit_rest_primitives
        from qiskit_ibm_runtime.version import __version__
        print(__version__, qiskit_ibm_runtime.__version__, qiskit_rest_primitives.__version__ == __version__)
        """
    )

    assert printed.split() == ["0.51.0", "0.51.0", "False"]


def test_what_is_there_names_no_module_that_only_this_package_has() -> None:
    """Completion of the top and of the packages below shows what is for users (faults D, tab completion)."""
    printed = python(
        """
        import qiskit_rest_primitives as ours
        from qiskit_rest_primitives import SamplerV2
        from qiskit_rest_primitives.options import SamplerOptions

        private = {"primitives", "qasm", "wire", "rest", "jobs", "noise", "programs", "service"}
        print(sorted(private & {*dir(ours), *ours.__all__}))
        print([name for name in dir(ours.options) if not name.startswith("__") and not name[0].isupper()])
        """
    )

    assert printed.splitlines() == ["[]", "['utils']"]


def test_missing_names_say_what_to_do_instead() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        for line in (
            "from qiskit_ibm_runtime import EstimatorV1",
            "from qiskit_ibm_runtime.options import TranspilationOptions",
            "from qiskit_ibm_runtime.runtime_job import RuntimeJob",
            "from qiskit_ibm_runtime import SamplerV1",
            "import qiskit_ibm_runtime.no_such_module",
            "from qiskit_ibm_runtime import no_such_name",
        ):
            try:
                exec(line)
            except ImportError as error:
                print(error)
        import qiskit_ibm_runtime
        print(hasattr(qiskit_ibm_runtime, "no_such_name"), sorted(dir(qiskit_ibm_runtime))[0])
        """
    ).splitlines()

    assert "no counterpart of EstimatorV1: the primitives of version 1 are gone" in printed[0]
    assert "no counterpart of TranspilationOptions: the primitives of" in printed[1]
    assert "runtime_job: jobs of the V2 primitives are in qiskit_ibm_runtime.runtime_job_v2" in printed[2]
    assert "SamplerV1: the primitives of version 1 are gone" in printed[3]
    assert "no counterpart of qiskit_ibm_runtime.no_such_module" in printed[4]
    assert "cannot import name 'no_such_name'" in printed[5]
    assert printed[6] == "False AccountAlreadyExistsError"


@pytest.mark.parametrize("root", [OFFICIAL, OURS])
def test_what_is_borrowed_is_a_clear_error_without_the_real_package(root: str) -> None:
    printed = python(
        f"""
        import sys

        class NotInstalled:
            def find_spec(self, name, path=None, target=None):
                if name == "qiskit_ibm_runtime":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, NotInstalled())
        if "{root}" == "{OFFICIAL}":
            from qiskit_rest_primitives import compat
            compat.install()
        for line in (
            "from {root}.fake_provider import FakeManilaV2",
            "from {root}.transpiler.passes.scheduling import PadDelay",
            "from {root}.transpiler.passes import PadDelay",
        ):
            try:
                exec(line)
            except ImportError as error:
                print(error)
        from {root} import SamplerV2
        from {root}.transpiler.passes import *
        assert FoldRzzAngle
        """
    ).splitlines()

    assert len(printed) == 3
    assert "install qiskit-ibm-runtime" in printed[0]
    assert "local_heron" in printed[0]
    assert all("use the passes of that name in qiskit.transpiler.passes" in line for line in printed[1:])


@pytest.mark.parametrize("start", [["program.py"], ["-m", "program"]], ids=["file", "module"])
def test_a_program_runs_unchanged(tmp_path: Path, start: list[str]) -> None:
    (tmp_path / "neighbour.py").write_text("from qiskit_ibm_runtime import EstimatorV2\n")
    (tmp_path / "program.py").write_text(
        "import sys\nfrom neighbour import EstimatorV2\n"
        "if __name__ == '__main__':\n    print(EstimatorV2.__module__, sys.argv[1:])\n"
    )

    printed = python("", "-m", "qiskit_rest_primitives.compat", *start, "--shots", "5", cwd=tmp_path)

    assert printed == "qiskit_rest_primitives.primitives.estimator ['--shots', '5']\n"


def test_a_call_without_a_program_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qiskit_rest_primitives.compat"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("usage: python -m qiskit_rest_primitives.compat (program.py | -m module)")


def test_results_are_decoded_by_the_decoder_of_that_name() -> None:
    from qiskit_rest_primitives.jobs.decoders import ResultDecoder

    plain = '{"results": [{"data": {"meas": {"samples": ["0x0", "0x3"], "num_bits": 2}}, "metadata": {}}]}'

    assert ResultDecoder.is_applicable(plain)
    assert not ResultDecoder.is_applicable({})
    assert ResultDecoder.decode(plain)[0].data.meas.get_counts() == {"00": 1, "11": 1}
    assert ResultDecoder.decode('{"a": [1, 2]}') == {"a": [1, 2]}
