"""One import line for every documented path: what the official client documents stands here under the same path and name.

Evidence for what is documented: its API reference (``docs/apidocs`` of its repository, a page for each name of the ``autosummary``
tables of its modules), the guides at quantum.cloud.ibm.com/docs/guides, its README, and the examples in its docstrings.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path

OFFICIAL, OURS = "qiskit_ibm_runtime", "qiskit_rest_primitives"
ROOT = Path(str(importlib.util.find_spec(OFFICIAL).origin)).parent

UNDOCUMENTED: dict[str, str] = {
    "Requests and answers of its own HTTP client; QiskitRuntimeService is the documented way.": """
        api.auth api.client api.client_parameters api.rest api.rest.base api.rest.cloud_backend api.rest.program_job
        api.rest.runtime api.rest.runtime_session api.session api.utils
    """,
    "How AccountManager reads its file and asks for instances; save_account and saved_accounts are the documented way.": """
        accounts.storage accounts.utils
    """,
    "Versions of the schema of a program's inputs <-> what run() was given; each is of one program and nobody's to call.": """
        calibrator.converters calibrator.converters.converters_0_1 calibrator.params_converters
        noise_learner_v3.converters noise_learner_v3.converters.version_0_1 noise_learner_v3.converters.version_0_2
        noise_learner_v3.converters.version_0_3 noise_learner_v3.params_converters options_models.converters
        quantum_program.converters quantum_program.converters.converters_0_1 quantum_program.converters.converters_0_2
        quantum_program.converters.converters_1_0 quantum_program.converters.converters_1_1
        quantum_program.converters.converters_2_0 quantum_program.datatree quantum_program.params_converters
    """,
    "Steps of decoding; decoders.result_decoder and decoders.defaults are what a program names, and job.result() decodes.": """
        decoders.calibrator decoders.calibrator.converters decoders.calibrator.decoder decoders.executor.converters
        decoders.executor_estimator.post_processor_v0_1 decoders.executor_noise_learner.post_processor_v0_1
        decoders.executor_sampler.converters decoders.executor_sampler.post_processor_v0_1
        decoders.executor_sampler.utils decoders.noise_learner decoders.noise_learner_v3
        decoders.noise_learner_v3.converters decoders.noise_learner_v3.decoder decoders.runner
    """,
    "Steps by which run() of the client-side primitives makes a quantum program, imported by its tests alone.": """
        executor.calculate_twirling_shots executor.dynamical_decoupling executor_estimator.finalize_options
        executor_estimator.pec executor_estimator.prepare executor_estimator.trex executor_estimator.utils
        executor_noise_learner.prepare executor_sampler.finalize_options executor_sampler.prepare
        executor_sampler.utils noise_learner_v3.find_learning_protocol noise_learner_v3.learning_protocol
        noise_learner_v3.validation
    """,
    "The base of the pydantic models of options; the options themselves are the documented names.": "options_models.base",
    "Documents of a backend -> Target and models; backend.target, configuration() and properties() are the documented way.": """
        ibm_qubit_properties utils.backend_converter utils.backend_decoder
    """,
    "Helpers of its own code.": "utils.converters utils.default_session utils.deprecation utils.utils utils.validations",
    "What draws the documented figures, which take the text and the results themselves.": """
        visualization.circuit_schedule visualization.utils
    """,
}
"""Why modules need no counterpart here -> those modules. A new one of the official client is judged before it stands here."""


@cache
def official() -> dict[str, ast.Module]:
    """Return path -> source of every module of the official client, the top included."""
    files = {path.relative_to(ROOT).with_suffix(""): path for path in sorted(ROOT.rglob("*.py"))}
    return {
        ".".join(part for part in (OFFICIAL, *file.parts) if part != "__init__"): ast.parse(
            path.read_text("utf-8")
        )
        for file, path in files.items()
        # The snapshots of devices are taken from the official client, one file of the package for each.
        if file.parts[:2] != ("fake_provider", "backends")
    }


def here(path: str) -> object:
    """Return the module of that path of the official client here, None if there is none."""
    name = path.replace(OFFICIAL, OURS, 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith(str(error.name)):
            raise
        return None


def documented() -> dict[str, list[str]]:
    """Return module -> names of its tables of contents, for all that have one."""
    found = {}
    for path, source in official().items():
        text = ast.get_docstring(source) or ""
        tables = re.findall(
            r"^ *\.\. autosummary::\n(?: +:\w+:.*\n)*\n((?: +[\w.]+ *(?:\n|$))+)", text, re.MULTILINE
        )
        names = [name for table in tables for name in table.split()]
        if names:
            found[path] = names
    return found


def test_every_module_is_here_or_was_found_to_be_undocumented() -> None:
    missing = {path.partition(".")[2] for path in official() if here(path) is None}

    judged = [path for paths in UNDOCUMENTED.values() for path in paths.split()]
    assert missing == set(judged)
    assert len(judged) == len(missing)


def test_every_documented_name_is_here() -> None:
    pages = documented()

    # docs/apidocs of the official client's repository.
    assert {page.partition(".")[2] for page in pages} >= {
        "", "debug_tools", "execution_span", "fake_provider", "models", "noise_learner", "noise_learner_v3", "options",
        "options_models", "quantum_program", "results", "transpiler.passes", "transpiler.passes.scheduling",
        "visualization",
    }  # fmt: skip
    assert sum(map(len, pages.values())) > 120
    lacking = {
        path: [name for name in names if not hasattr(here(path), name)] for path, names in pages.items()
    }
    assert {path: names for path, names in lacking.items() if names} == {}
