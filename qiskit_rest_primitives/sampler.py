"""``SamplerV2``: samples of classical registers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qiskit.primitives import BaseSamplerV2
from qiskit.primitives.containers import SamplerPubLike
from qiskit.providers import BackendV2

from .backend import IBMBackend
from .checks import read_sampler_pubs
from .job import RuntimeJobV2
from .options import SamplerOptions, read_options
from .session import Session
from .submit import check_device, place_of, submit
from .wire.circuits import dump_circuit
from .wire.pubs import dump_sampler_pub

__all__ = ["SamplerV2"]


class SamplerV2(BaseSamplerV2):
    """Sampler that runs on a service.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``SamplerOptions`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    version = 2

    def __init__(
        self,
        mode: BackendV2 | Session | None = None,
        options: SamplerOptions | Mapping[str, Any] | None = None,
    ) -> None:
        self._place = place_of(mode)
        self._options = read_options(SamplerOptions, options)

    @property
    def mode(self) -> Session | None:
        """The session or batch that jobs run in; None for single jobs."""
        return self._place.session

    @property
    def options(self) -> SamplerOptions:
        """The options of the jobs to come; can be set to an object or a dict."""
        return self._options

    @options.setter
    def options(self, options: SamplerOptions | Mapping[str, Any]) -> None:
        self._options = read_options(SamplerOptions, options)

    def backend(self) -> IBMBackend:
        """Return the backend that jobs run on."""
        return self._place.backend

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None, dry_run: bool = False
    ) -> RuntimeJobV2:
        """Submit one job.

        Args:
            pubs: Circuits, or tuples ``(circuit, parameter_values, shots)`` of which the tail can be left
                out. Circuits must fit the backend (transpiled), unless it is a simulator.
            shots: Shots of the PUBs that give none; then ``options.default_shots``, then the service's
                default of 4096.
            dry_run: Have the job checked and timed by the mock twin of the backend; samples are random.

        Returns:
            The job; its result holds one SamplerPubResult per PUB, with a BitArray per classical register.

        Raises:
            IBMInputValueError: If a PUB is malformed or does not fit the backend; nothing was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._place, self._options
        read = read_sampler_pubs(pubs, shots)
        check_device(read, place.backend, options)
        circuits = [dump_circuit(pub.circuit, circuit_format=options.circuit_format) for pub in read]
        written = [dump_sampler_pub(pub, circuit) for pub, circuit in zip(read, circuits, strict=True)]
        return submit(
            place,
            "sampler",
            written,
            options,
            circuits=circuits,
            shapes=[pub.shape for pub in read],
            dry_run=dry_run,
        )
