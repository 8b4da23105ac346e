"""The alias: ``import qiskit_ibm_runtime`` leads to this package, when asked, and can be undone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

from qiskit_rest_primitives.compat.table import FORMER, MISSING, MODULES

HOMES = sorted({home for table in (MODULES, FORMER) for names in table.values() for home in names.values()})


def python(code: str, *arguments: str, cwd: Path | None = None) -> str:
    """Run a program in a process of its own, warnings being errors, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments, *(["-c", textwrap.dedent(code)] if code else [])],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if not key.startswith("QISKIT_IBM")},
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("home", HOMES)
def test_everything_in_the_table_is_there(home: str) -> None:
    module, _, name = home.rpartition(".")

    assert (
        getattr(
            import_module(module if module.startswith("qiskit.") else f"qiskit_rest_primitives.{module}"),
            name,
        )
        is not None
    )


def test_a_name_is_either_there_or_missing() -> None:
    for table in (MODULES, FORMER):
        assert not {name for names in table.values() for name in names} & set(MISSING)
        assert not set(table) & set(MISSING)
    assert set(MODULES) & set(FORMER) == {""}
    assert not set(MODULES[""]) & set(FORMER[""])


def test_what_programs_were_written_with_is_where_it_was() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        from qiskit_ibm_runtime import ParameterNamespace, RuntimeProgram, RunnerResult
        from qiskit_ibm_runtime.program import ProgramBackend, ResultDecoder, UserMessenger
        from qiskit_ibm_runtime.program.user_messenger import UserMessenger as Again
        import qiskit_rest_primitives as ours

        def main(backend: ProgramBackend, user_messenger: UserMessenger, **kwargs):
            user_messenger.publish(kwargs)

        main(None, UserMessenger(), number=1)
        assert UserMessenger is Again is ours.UserMessenger and RunnerResult is ours.RunnerResult
        """
    )

    assert printed == '{"number": 1}\n'


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


def test_every_path_of_the_table_can_be_imported_from() -> None:
    printed = python(
        """
        import importlib
        from qiskit_rest_primitives import compat
        from qiskit_rest_primitives.compat.table import MODULES

        compat.install()
        for path, homes in MODULES.items():
            module = importlib.import_module(f"qiskit_ibm_runtime.{path}".rstrip("."))
            for name, home in homes.items():
                assert getattr(module, name) is compat._find(home), (path, name)
        from qiskit_ibm_runtime.base_primitive import BasePrimitiveV2
        from qiskit_ibm_runtime.options.twirling_options import TwirlingOptions
        from qiskit_ibm_runtime.fake_provider.local_service import QiskitRuntimeLocalService
        from qiskit_ibm_runtime.version import __version__
        from qiskit_ibm_runtime import SamplerV2
        assert issubclass(SamplerV2, BasePrimitiveV2) and TwirlingOptions(enable_gates=True).enable_gates
        print(__version__, QiskitRuntimeLocalService.__name__)
        """
    )

    assert printed.split() == ["0.51.0", "QiskitRuntimeLocalService"]


def test_missing_names_say_what_to_do_instead() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        for line in (
            "from qiskit_ibm_runtime import EstimatorV1",
            "from qiskit_ibm_runtime.options import TranspilationOptions",
            "from qiskit_ibm_runtime.transpiler.passes import PadDelay",
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

    assert (
        "no counterpart of qiskit_ibm_runtime.EstimatorV1: the primitives of version 1 are gone" in printed[0]
    )
    assert (
        "no counterpart of qiskit_ibm_runtime.options.TranspilationOptions: the primitives of" in printed[1]
    )
    assert "no counterpart of qiskit_ibm_runtime.transpiler.passes.PadDelay: import it from" in printed[2]
    assert "runtime_job: jobs of the V2 primitives are in qiskit_ibm_runtime.runtime_job_v2" in printed[3]
    assert "SamplerV1: the primitives of version 1 are gone" in printed[4]
    assert "no counterpart of qiskit_ibm_runtime.no_such_module" in printed[5]
    assert "cannot import name 'no_such_name'" in printed[6]
    assert printed[7] == "False Batch"


def test_fake_backends_come_from_the_real_package_and_run_here() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        from qiskit import QuantumCircuit, transpile
        from qiskit_ibm_runtime import SamplerV2
        from qiskit_ibm_runtime.fake_provider import FakeManilaV2
        import qiskit_ibm_runtime.fake_provider.fake_backend as module

        fake = FakeManilaV2()
        assert isinstance(fake, module.FakeBackendV2)
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        job = SamplerV2(mode=fake).run([transpile(circuit, fake)], shots=10)
        print(type(job).__module__, job.result()[0].data.meas.num_shots)
        """
    )

    assert printed.split() == ["qiskit_rest_primitives.jobs.job", "10"]


def test_passes_are_ours_and_those_that_schedule_are_the_real_packages() -> None:
    printed = python(
        """
        from qiskit_rest_primitives import compat

        compat.install()
        from qiskit_ibm_runtime.transpiler.passes import FoldRzzAngle
        from qiskit_ibm_runtime.transpiler.passes.basis import ConvertIdToDelay
        from qiskit_ibm_runtime.transpiler.plugin import IBMTranslationPlugin
        from qiskit_ibm_runtime.transpiler.passes.scheduling import ASAPScheduleAnalysis, PadDynamicalDecoupling
        from qiskit_ibm_runtime import SamplerV2
        for one in (FoldRzzAngle, ConvertIdToDelay, IBMTranslationPlugin, PadDynamicalDecoupling, SamplerV2):
            print(one.__module__)
        """
    ).split()

    assert printed[:3] == [f"qiskit_rest_primitives.{room}" for room in ("passes", "passes", "translation")]
    assert printed[3].startswith("qiskit_ibm_runtime.transpiler.passes.scheduling")
    assert printed[4] == "qiskit_rest_primitives.primitives.sampler"


def test_fake_backends_without_the_real_package_are_a_clear_error() -> None:
    printed = python(
        """
        import importlib.machinery, sys
        from qiskit_rest_primitives import compat

        class NotInstalled:
            def find_spec(self, name, path=None, target=None):
                if name == "qiskit_ibm_runtime":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, NotInstalled())
        compat.install()
        try:
            from qiskit_ibm_runtime.fake_provider import FakeManilaV2
        except ImportError as error:
            print(error)
        from qiskit_ibm_runtime import SamplerV2
        """
    )

    assert "install qiskit-ibm-runtime" in printed
    assert "local_heron" in printed


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
