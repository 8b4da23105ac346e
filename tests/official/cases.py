"""Jobs of samplers and estimators in which every option is set once, for both clients, and what makes their results equal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp

from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute


@dataclass(frozen=True)
class Case:
    """One job.

    Attributes:
        options: What is set, by dotted names.
        run: Keywords of ``run()``.
        pubs: Which PUBs of ``Jobs``.
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


@contextmanager
def line_server() -> Iterator[Any]:
    """Serve one small device with noise, to both clients, with the same seed for all jobs."""

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
        yield server


class Jobs:
    """Submits jobs of one client's primitives to the server of ``line_server``.

    Args:
        service: The client's, connected.
        primitives: Its sampler and its estimator.
        options: What is set besides a case's options.
    """

    def __init__(self, service: Any, primitives: tuple[Any, Any], options: dict[str, Any]) -> None:
        self.backend = service.backend("local_line")
        self._sampler, self._estimator = primitives
        self._options = options
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
            return [(self.turned, observables[0], self.angles[0, :1], 0.3)]
        if name == "projectors":
            return [(self.turned, [{"10I": 0.5, "Z+I": 1.0}], self.angles[0, 0])]
        assert name == "shapes"
        return [
            (self.turned, [[each] for each in observables], self.angles[0]),
            (self.bell, SparsePauliOp("ZZ").apply_layout(self.bell.layout)),
            (self.turned, observables[1], self.angles[:, :1]),
        ]

    def run(self, kind: str, case: Case, pubs: list[Any] | None = None) -> Any:
        """Submit the job of a case, or of other PUBs with its options."""
        options = self._options | case.nested()
        if kind == "sampler":
            return self._sampler(self.backend, options=options).run(
                pubs or self.sampled(case.pubs), **case.run
            )
        estimator = self._estimator(self.backend, options=options)
        pubs = pubs or self.estimated(case.pubs)
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


CASES = [("sampler", name) for name in SAMPLERS] + [("estimator", name) for name in ESTIMATORS]


def case_of(kind: str, name: str) -> Case:
    """Return a case by an entry of ``CASES``."""
    return (SAMPLERS if kind == "sampler" else ESTIMATORS)[name]


def assert_same_results(mine: Any, theirs: Any, *, one_job: bool = True) -> None:
    """Compare what our client and the official one read, to the last bit; metadata of ours may hold more.

    Args:
        mine: What ours read.
        theirs: What the official one read.
        one_job: Whether both read the same job, whose times are the same.
    """
    assert len(mine) == len(theirs) > 0
    for index, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        assert list(left.data) == list(right.data)
        assert left.data.shape == right.data.shape
        for register in right.data:
            assert_equal(left.data[register], right.data[register], f"[{index}].data.{register}")
        assert_equal(left.metadata, right.metadata, f"[{index}].metadata")
        assert type(left).__name__ == type(right).__name__
        assert set(left.metadata) >= {
            "shots", "target_precision", "num_randomizations", "circuit_metadata", "resilience"
        }  # fmt: skip
        assert left.metadata["shots"] > 0
    times = set() if one_job else {"executor"}
    assert_equal(
        {name: value for name, value in mine.metadata.items() if name not in times},
        {name: value for name, value in theirs.metadata.items() if name not in times},
        "metadata",
    )
