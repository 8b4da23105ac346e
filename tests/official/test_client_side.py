"""Jobs of the official client's unmodified client-side primitives, read by both clients, are equal to the last bit."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp

from qiskit_rest_primitives.decoders import ResultDecoder
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute

pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
new_sampler = pytest.importorskip(
    "qiskit_ibm_runtime.executor_sampler", reason="pip install qiskit-ibm-runtime>=0.51 to compare with it"
)
new_estimator = pytest.importorskip("qiskit_ibm_runtime.executor_estimator", reason="as above")
models = pytest.importorskip("qiskit_ibm_runtime.options_models", reason="as above")

pytestmark = [
    # The official client's own, and that of a server which honours fewer options than the service.
    pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning"),
    pytest.mark.filterwarnings("ignore:Setting `max_execution_time` via:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning"),
    # Of qiskit-mitigation: few shots spread nowhere.
    pytest.mark.filterwarnings("ignore:No positive, finite standard errors:UserWarning"),
]


@dataclass(frozen=True)
class Case:
    """One job.

    Attributes:
        options: What is set, by dotted names.
        run: Keywords of ``run()``.
        pubs: Which PUBs of ``Place``.
        noise: Whether the noise of the circuits' layers is given.
    """

    options: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    pubs: str = "sweep"
    noise: bool = False

    def nested(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in self.options.items():
            *folders, last = name.split(".")
            holder = made
            for folder in folders:
                holder = holder.setdefault(folder, {})
            holder[last] = value
        return made


TWIRLED = {"twirling.num_randomizations": 3, "twirling.shots_per_randomization": 8}
GATES = {"twirling.enable_gates": True, **TWIRLED}
READOUT = {"twirling.enable_measure": True, **TWIRLED}
DECOUPLED = {"dynamical_decoupling.enable": True}
RAW = {"resilience_level": 0}
FOLDED = {"resilience.zne_mitigation": True, **TWIRLED}
COMMON = {
    "environment.log_level": "ERROR",
    "environment.job_tags": ["both", "ways"],
    "environment.max_execution_time": 300,
    "max_execution_time": 300,
    "simulator.angle_decimals": 4,
    "simulator.warn_absent": False,
    "simulator.layer_noise_model": None,
}

SAMPLERS: dict[str, Case] = {
    "defaults": Case(run={"shots": 9}),
    "several registers": Case({"default_shots": 11}, pubs="registers"),
    "shots of the PUBs": Case(pubs="shots"),
    "no parameters": Case({"default_shots": 8}, pubs="plain"),
    "many parameters": Case({"default_shots": 5}, pubs="vector"),
    "a circuit that branches": Case({"default_shots": 6}, pubs="dynamic"),
    "twirled gates": Case({**GATES, "twirling.group": "pauli", "twirling.strategy": "active"}),
    "twirled readout": Case({**READOUT, "twirling.strategy": "active-circuit"}, pubs="registers"),
    "twirled with all": Case({**GATES, **READOUT, "twirling.strategy": "all", "twirling.group": "local_c1"}),
    "balanced twirls": Case({**READOUT, "twirling.group": "balanced_pauli"}),
    "local twirls": Case({**GATES, **READOUT, "twirling.group": "local_pauli"}, pubs="plain"),
    "twirls as it likes": Case(
        {"twirling.enable_gates": True, "twirling.strategy": "active-accum"}, {"shots": 70}
    ),
    "kerneled": Case({"execution.meas_type": "kerneled"}, {"shots": 7}, pubs="registers"),
    "averaged": Case({"execution.meas_type": "avg_kerneled"}, {"shots": 7}),
    "kerneled twirls": Case({**GATES, "execution.meas_type": "kerneled"}),
    "averaged twirls": Case({**GATES, "execution.meas_type": "avg_kerneled"}),
    "decoupled": Case(
        {
            **DECOUPLED,
            "dynamical_decoupling.sequence_type": "XpXm",
            "dynamical_decoupling.skip_reset_qubits": True,
        },
        {"shots": 8},
    ),
    "decoupled at the edges": Case(
        {
            **DECOUPLED,
            **GATES,
            "dynamical_decoupling.sequence_type": "XY4",
            "dynamical_decoupling.extra_slack_distribution": "edges",
            "dynamical_decoupling.scheduling_method": "asap",
        }
    ),
    "how it runs": Case(
        {
            "execution.init_qubits": False,
            "execution.rep_delay": 1e-4,
            "execution.scheduler_timing": True,
            "execution.stretch_values": True,
            "experimental": {"execution": {"scheduler_timing": True}},
            **COMMON,
        },
        {"shots": 8},
    ),
    "private": Case({"environment.private": True, "simulator.seed_simulator": 3}, {"shots": 8}),
    "checked only": Case(run={"shots": 8, "dry_run": True}),
}

ESTIMATORS: dict[str, Case] = {
    "defaults": Case(run={"precision": 0.2}),
    "raw": Case({**RAW, "default_precision": 0.25}),
    "shots": Case({**RAW, "default_shots": 33}),
    "several shapes": Case({**RAW, "default_shots": 12}, pubs="shapes"),
    "projectors": Case({**RAW, "default_shots": 12}, pubs="projectors"),
    "precision of the PUBs": Case(RAW, pubs="precision"),
    "twirled gates": Case({**RAW, **GATES, "default_shots": 24, "twirling.group": "local_c1"}),
    "twirled readout": Case({**RAW, **READOUT, "default_shots": 24, "twirling.strategy": "all"}),
    "readout mitigated": Case(
        {
            "resilience_level": 1,
            "resilience.measure_mitigation": True,
            "resilience.measure_noise_learning.num_randomizations": 4,
            **TWIRLED,
        },
        pubs="shapes",
    ),
    "level 2": Case({"resilience_level": 2, **TWIRLED}),
    "folded": Case(
        {
            **RAW,
            **FOLDED,
            "resilience.zne.amplifier": "gate_folding",
            "resilience.zne.noise_factors": [1, 2, 3],
            "resilience.zne.extrapolator": ["exponential", "linear", "fallback"],
            "resilience.zne.extrapolated_noise_factors": [0, 0.5],
        }
    ),
    "folded at the front": Case(
        {
            **RAW,
            **FOLDED,
            "resilience.zne.amplifier": "gate_folding_front",
            "resilience.zne.noise_factors": [1, 1.5, 2, 3, 4],
            "resilience.zne.extrapolator": [
                "polynomial_degree_2",
                "double_exponential",
                "polynomial_degree_3",
            ],
        },
        pubs="precision",
    ),
    "folded at the back": Case(
        {**FOLDED, "resilience.zne.amplifier": "gate_folding_back", "resilience.zne.extrapolator": "fallback"}
    ),
    "amplified": Case(
        {
            **FOLDED,
            "resilience.zne.amplifier": "pea",
            "resilience.zne.noise_factors": [1, 3],
            "resilience.zne.extrapolator": "linear",
        },
        noise=True,
    ),
    "cancelled": Case(
        {
            **RAW,
            **TWIRLED,
            "resilience.pec_mitigation": True,
            "resilience.pec.max_overhead": 2,
            "resilience.pec.noise_gain": 0.5,
        },
        noise=True,
    ),
    "cancelled with readout": Case(
        {**TWIRLED, "resilience.pec_mitigation": True, "resilience.pec.max_overhead": None}, noise=True
    ),
    "decoupled": Case(
        {
            **RAW,
            **DECOUPLED,
            "default_shots": 12,
            "dynamical_decoupling.sequence_type": "XX",
            "dynamical_decoupling.extra_slack_distribution": "middle",
            "dynamical_decoupling.scheduling_method": "asap",
            "dynamical_decoupling.skip_reset_qubits": True,
        }
    ),
    "how it runs": Case(
        {
            **RAW,
            "default_shots": 12,
            "execution.init_qubits": False,
            "execution.rep_delay": 1e-4,
            "execution.scheduler_timing": True,
            "execution.stretch_values": True,
            "experimental": {},
            **COMMON,
        }
    ),
    "private": Case({**RAW, "default_shots": 12, "environment.private": True}),
    "checked only": Case({**RAW, "default_shots": 12}, {"dry_run": True}),
}


class Place:
    """Where the jobs run, and what.

    Args:
        ours: Our client, connected.
        official: The official one, connected to the same server.
    """

    def __init__(self, ours: Any, official: Any) -> None:
        self.ours = ours
        self.backend = official.service.backend("local_line")
        self._passes = generate_preset_pass_manager(0, backend=self.backend, seed_transpiler=3)
        turned = QuantumCircuit(2, metadata={"of": "mine", "at": [1, None]})
        turned.ry(Parameter("theta"), 0)
        turned.rx(Parameter("alpha"), 1)
        turned.cz(0, 1)
        turned.sx(1)
        self.turned = self._passes.run(turned)
        bell = QuantumCircuit(2)
        bell.h(0)
        bell.cx(0, 1)
        self.bell = self._passes.run(bell)
        self.angles = np.linspace(0, 3, 12).reshape(2, 3, 2)

    def sampled(self, name: str) -> list[Any]:
        turned = self.turned.copy()
        turned.measure_all()
        if name == "sweep":
            return [(turned, self.angles), (turned, [0.1, 0.2])]
        if name == "shots":
            return [(turned, self.angles[0], 6), (turned, [0.1, 0.2], 6)]
        if name == "plain":
            return [self._passes.run(self.bell.measure_all(inplace=False))]
        if name == "vector":
            return [(self._passes.run(_vector()), np.linspace(0, 3, 24).reshape(2, 12))]
        if name == "dynamic":
            return [self._passes.run(_branching())]
        assert name == "registers"
        return [self._passes.run(_registers()), (turned, self.angles[0])]

    def estimated(self, name: str) -> list[Any]:
        layout = self.turned.layout
        observables = [
            SparsePauliOp(terms).apply_layout(layout) for terms in (["ZZ", "XI"], ["ZI"], ["YY", "II"])
        ]
        if name == "sweep":
            return [(self.turned, observables, self.angles)]
        if name == "precision":
            return [(self.turned, observables[0], self.angles[0], 0.3)]
        if name == "projectors":
            return [(self.turned, [{"10I": 0.5, "Z+I": 1.0}], self.angles[0, 0])]
        assert name == "shapes"
        return [
            (self.turned, [[each] for each in observables], self.angles[0]),
            (self.bell, SparsePauliOp("ZZ").apply_layout(self.bell.layout)),
            (self.turned, observables[1], self.angles[:, :1]),
        ]

    def run(self, kind: str, case: Case) -> Any:
        """Submit a job of the official client's."""
        options = case.nested()
        if kind == "sampler":
            return new_sampler.Sampler(self.backend, options=options).run(self.sampled(case.pubs), **case.run)
        estimator = new_estimator.Estimator(self.backend, options=options)
        pubs = self.estimated(case.pubs)
        if case.noise:
            layers = estimator.find_unique_layers(pubs)
            estimator.options.resilience.layer_noise_model = [(layer, _noise(layer)) for layer in layers]
        return estimator.run(pubs, **case.run)


def _noise(layer: Any) -> PauliLindbladMap:
    width = len(layer.qubits)
    return PauliLindbladMap.from_sparse_list([("X", [0], 0.02), ("ZZ", [0, 1], 0.01)], num_qubits=width)


def _vector() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    for number in range(12):
        circuit.rx(Parameter(f"p{number}"), number % 2)
    circuit.measure_all()
    return circuit


def _branching() -> QuantumCircuit:
    circuit = QuantumCircuit(
        QuantumRegister(2), ClassicalRegister(1, "first"), ClassicalRegister(1, "second")
    )
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.cregs[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def _registers() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "low"), ClassicalRegister(1, "high"))
    circuit.sx([0, 1, 2])
    circuit.cz(0, 1)
    circuit.measure([0, 1, 2], [1, 0, 2])
    return circuit


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    """The server of both clients here: one small device with noise, the same seed for all jobs."""

    def seeded(program_id: str, params: bytes, device: Any) -> Any:
        return execute(program_id, params, device, seed=7)

    line = GenericBackendV2(
        3,
        ["cz", "rx", "rz", "sx", "x"],
        coupling_map=[[0, 1], [1, 2]],
        control_flow=True,
        seed=5,
        noise_info=True,
    )
    line.name = "local_line"
    with serve([device_of(line)], settings=lambda settings: replace(settings, execute=seeded)) as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def place(ours: Any, official: Any) -> Place:
    return Place(ours, official)


def assert_equal(mine: Any, theirs: Any, where: str) -> None:
    """Compare to the last bit; dicts of ours may hold more, and classes are those of each client."""
    if isinstance(theirs, BitArray):
        assert mine == theirs, where
    elif isinstance(theirs, np.ndarray):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype), where
        assert mine.tobytes() == theirs.tobytes(), where
    elif isinstance(theirs, dict):
        assert set(mine) >= set(theirs), where
        for name, value in theirs.items():
            assert_equal(mine[name], value, f"{where}.{name}")
    elif isinstance(theirs, (list, tuple)):
        assert (type(mine), len(mine)) == (type(theirs), len(theirs)), where
        for index, value in enumerate(theirs):
            assert_equal(mine[index], value, f"{where}[{index}]")
    elif is_dataclass(theirs):
        assert not isinstance(theirs, type)
        assert_equal(asdict(mine), asdict(theirs), where)
    else:
        assert type(mine) is type(theirs), where
        assert mine == theirs, where


@pytest.mark.parametrize(
    ("kind", "name"), [("sampler", name) for name in SAMPLERS] + [("estimator", name) for name in ESTIMATORS]
)
def test_both_clients_read_the_same(kind: str, name: str, place: Place) -> None:
    case = (SAMPLERS if kind == "sampler" else ESTIMATORS)[name]
    job = place.run(kind, case)
    theirs = job.result()
    if case.options.get("environment.private"):
        # Its result can be read once, so ours reads that of another job, whose seed is the same.
        job = place.run(kind, case)
    again = place.ours.service.job(job.job_id())

    mine = again.result()

    assert len(mine) == len(theirs) > 0
    for index, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        assert list(left.data) == list(right.data)
        assert left.data.shape == right.data.shape
        for register in right.data:
            assert_equal(left.data[register], right.data[register], f"[{index}].data.{register}")
        assert_equal(left.metadata, right.metadata, f"[{index}].metadata")
        assert type(left).__name__ == type(right).__name__
        assert set(left.metadata) >= {
            "shots",
            "target_precision",
            "num_randomizations",
            "circuit_metadata",
            "resilience",
        }
        assert left.metadata["shots"] > 0
    timing = {"executor"} if not case.options.get("environment.private") else set()
    assert_equal(
        {name: value for name, value in mine.metadata.items() if name not in {"executor"} - timing},
        {name: value for name, value in theirs.metadata.items() if name not in {"executor"} - timing},
        "metadata",
    )
    spans = mine.metadata["execution"]["execution_spans"]
    if kind == "sampler":
        assert spans.pub_idxs == list(range(len(mine)))
        assert sum(span.size for span in spans) == sum(pub.data.size * pub.metadata["shots"] for pub in mine)
    raw = again.result(decoder=ResultDecoder)
    assert (raw._semantic_role, type(raw).__name__) == (f"{kind}_v2", "QuantumProgramResult")


def test_jobs_of_sessions_and_copies_of_jobs_are_read_alike(place: Place, official: Any) -> None:
    with official.Session(backend=place.backend) as session:
        job = new_sampler.Sampler(session).run(place.sampled("plain"), shots=8)
        theirs = job.result()
    again = place.ours.service.job(job.job_id())

    # As another process would have it, before the result was asked for and after.
    for handle in (pickle.loads(pickle.dumps(again)), again, pickle.loads(pickle.dumps(again))):
        mine = handle.result()
        assert handle.session_id == session.session_id
        assert mine[0].data.meas == theirs[0].data.meas
        assert mine.metadata["execution"]["execution_spans"].pub_idxs == [0]


CHECKS = {"pre_circuit": {"enable": True, "x_pulse_type": "rx", "strategy": "edge"}}
LEARNERS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "checked after": {"bit_flip_checks": {"post_circuit": {"enable": True, "x_pulse_type": "rx"}}},
    "checked before": {"bit_flip_checks": CHECKS},
    "checked before and after": {
        "bit_flip_checks": CHECKS | {"post_circuit": {"enable": True, "x_pulse_type": "rx"}}
    },
}


@pytest.mark.parametrize("name", LEARNERS)
def test_both_clients_learn_the_same_noise(name: str, place: Place) -> None:
    pytest.importorskip(
        "qiskit_noise_learning", reason="pip install qiskit-rest-primitives[noise-learning] on Python 3.11+"
    )
    learner_of = pytest.importorskip("qiskit_ibm_runtime.executor_noise_learner").NoiseLearnerV3
    annotations = pytest.importorskip("samplomatic")
    circuit = QuantumCircuit(3)
    with circuit.box([annotations.Twirl(), annotations.InjectNoise("layer")]):
        circuit.cz(0, 1)
    few = {"num_randomizations": 2, "shots_per_randomization": 16, "layer_pair_depths": [0, 1, 2]}
    job = learner_of(place.backend, options=few | LEARNERS[name]).run(list(circuit))
    again = place.ours.service.job(job.job_id())

    mine, theirs = again.result(), job.result()

    if name == "checked after":
        # The official client forgets these, so that they are asked for by hand.
        selection = importlib.import_module("qiskit_noise_learning.analysis.flip_post_select")
        stage = selection.FlipPostSelect(creg_identifier=selection.suffix_creg_identifier("_ps"), mode="node")
        learning = importlib.import_module("qiskit_noise_learning.protocols")
        raw = again.result(decoder=ResultDecoder)
        (kept,), _, _ = learning.process_vanilla_result(raw, raw_data_stage=stage)
        assert_equal(mine[0]._rates, kept.rates, "rates")
        assert mine[0]._rates.tolist() != theirs[0]._rates.tolist()
        return

    assert type(mine).__name__ == type(theirs).__name__ == "NoiseLearnerV3Results"
    assert len(mine) == len(theirs) == 1
    for left, right in zip(mine, theirs, strict=True):
        assert left._generators == right._generators
        assert_equal(left._rates, right._rates, "rates")
        assert_equal(left._rates_std, right._rates_std, "rates_std")
    assert mine.to_pauli_lindblad_maps() == theirs.to_pauli_lindblad_maps()
    assert mine.to_dict(list(circuit)).keys() == {"layer"}


def leaves(model: Any, prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        if hasattr(info.annotation, "model_fields"):
            yield from leaves(info.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    ("cases", "model"), [(SAMPLERS, models.SamplerOptions), (ESTIMATORS, models.EstimatorOptions)]
)
def test_every_option_is_set_once(cases: dict[str, Case], model: Any) -> None:
    given = {name for case in cases.values() for name in case.options}
    given |= {"resilience.layer_noise_model" for case in cases.values() if case.noise}

    # An image is one of IBM's, which no other service has.
    assert set(leaves(model)) - given == {"environment.image"} | (
        {"simulator.seed_simulator"} if model is models.EstimatorOptions else set()
    )
    assert len(SAMPLERS) + len(ESTIMATORS) >= 40
