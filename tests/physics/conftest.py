"""Running jobs the way a server does: params as bytes in, result bytes out and decoded."""

from __future__ import annotations

import json

import pytest
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.devices.device import default_devices
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import result_body
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.pubs import dump_estimator_pub, dump_sampler_pub


@pytest.fixture(scope="session")
def devices():
    return {device.name: device for device in default_devices()}


@pytest.fixture(scope="session")
def ideal(devices):
    return devices["aer_simulator"]


@pytest.fixture(scope="session")
def heron(devices):
    return devices["local_heron"]


@pytest.fixture
def run_sampler():
    """Return a function: pubs, device, options -> result with the user's register names."""

    def run(pubs, device, *, seed=7, typed=True, options=None, **params):
        coerced = [SamplerPub.coerce(pub, params.get("shots")) for pub in pubs]
        encoded = [dump_circuit(pub.circuit) for pub in coerced]
        written = [dump_sampler_pub(pub, circuit) for pub, circuit in zip(coerced, encoded, strict=True)]
        body = {"pubs": written, "version": 2, "support_qiskit": typed, "options": options or {}, **params}
        outcome = execute("sampler", json.dumps(body).encode(), device, seed=seed)
        hints = DecodeHints(tuple(circuit.map for circuit in encoded), tuple(pub.shape for pub in coerced))
        return result_body.load_result(outcome.body, hints)

    return run


@pytest.fixture
def run_estimator():
    """Return a function: pubs, device, options -> result."""

    def run(pubs, device, *, seed=7, typed=True, options=None, **params):
        coerced = [EstimatorPub.coerce(pub, params.get("precision")) for pub in pubs]
        encoded = [dump_circuit(pub.circuit) for pub in coerced]
        written = [dump_estimator_pub(pub, circuit) for pub, circuit in zip(coerced, encoded, strict=True)]
        body = {"pubs": written, "version": 2, "support_qiskit": typed, "options": options or {}, **params}
        outcome = execute("estimator", json.dumps(body).encode(), device, seed=seed)
        return result_body.load_result(outcome.body, DecodeHints(shapes=tuple(pub.shape for pub in coerced)))

    return run
