"""The public names: all there, loaded on first use, and nothing else leaks from a star import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import qiskit_rest_primitives
from qiskit_rest_primitives import exceptions


@pytest.mark.parametrize("name", qiskit_rest_primitives.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(qiskit_rest_primitives, name) is not None


def test_star_import_brings_the_public_names_only() -> None:
    code = (
        "before = set(globals()); from qiskit_rest_primitives import *\n"
        "import qiskit_rest_primitives as package\n"
        "print(set(globals()) - before - {'before', 'package'} == set(package.__all__))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "True"


def test_every_exception_class_is_exported() -> None:
    classes = {name for name in exceptions.__all__ if isinstance(getattr(exceptions, name), type)}

    assert classes - set(qiskit_rest_primitives.__all__) == {
        # Internal bases, names for ``except`` under the alias, and Qiskit's own class which users import from Qiskit.
        "ApiError",
        "ApiIBMProtocolError",
        "AuthenticationLicenseError",
        "CloudResourceNameResolutionError",
        "QiskitBackendNotFoundError",
        "UserTimeoutExceededError",
    }


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SamplerV3'"):
        qiskit_rest_primitives.SamplerV3  # noqa: B018


def test_short_names_are_the_v2_classes() -> None:
    assert qiskit_rest_primitives.Sampler is qiskit_rest_primitives.SamplerV2
    assert qiskit_rest_primitives.Estimator is qiskit_rest_primitives.EstimatorV2
