"""``SamplerV2``: samples of classical registers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qiskit.primitives import BaseSamplerV2
from qiskit.primitives.containers import SamplerPubLike
from qiskit.primitives.containers.sampler_pub import SamplerPub

from .._calls import explained
from ..options.primitives import SamplerOptions, final_sampler_options
from ..wire.pubs import dump_sampler_pub
from .base import PubPrimitive
from .pubs import read_sampler_pubs
from .submit import check_device, submit_pubs

if TYPE_CHECKING:
    from ..jobs.job import RuntimeJobV2

DEFAULT_SHOTS: int = SamplerOptions._entries["default_shots"].service
"""What the service takes where nobody asks for shots."""


class SamplerV2(PubPrimitive[SamplerOptions], BaseSamplerV2):
    """Sampler that runs on a service.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``SamplerOptions`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    _options_class, _pub_class = SamplerOptions, SamplerPub

    def finalize_options(self) -> SamplerOptions:
        """Return a copy of the options in which what is left to the service is decided as the service does.

        These are the two switches of twirling.
        """
        return final_sampler_options(self._options)

    @explained(
        positional="give shots by name, as in sampler.run([circuit], shots=100); values of parameters stand in the PUB, "
        "as in sampler.run([(circuit, values)]).",
        missing="give a list of circuits or PUBs, as in sampler.run([circuit], shots=100).",
        circuits="circuits stand in PUBs, as in sampler.run([circuit]).",
        parameter_values="values of parameters stand in the PUB, as in sampler.run([(circuit, values)]).",
        precision="a sampler has shots, as in sampler.run([circuit], shots=100); precision= is for EstimatorV2.",
        backend="say where to run when the primitive is made, as in SamplerV2(mode=backend).",
        observables="a sampler has none; use EstimatorV2, as in estimator.run([(circuit, observables)]).",
    )
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
        place, options = self._ready()
        read = self._with_shots(read_sampler_pubs(pubs, shots), options)
        check_device(read, place.backend, options)
        return submit_pubs("sampler", read, place, options, dump_sampler_pub, dry_run=dry_run)

    def _with_shots(self, pubs: list[SamplerPub], options: SamplerOptions) -> list[SamplerPub]:  # noqa: ARG002
        """Return the PUBs with the shots that they are to have."""
        return pubs


class ExecutorSampler(SamplerV2):
    """The Sampler of the official client's newer family: with twirling, randomisations decide on the shots.

    It runs ``num_randomizations`` times ``shots_per_randomization`` shots, whatever else asks for shots; where one or both
    are "auto", as many as are needed for the shots asked for, which whole randomisations may exceed.
    """

    def _with_shots(self, pubs: list[SamplerPub], options: SamplerOptions) -> list[SamplerPub]:
        from ..options.randomizations import Randomizations

        final = final_sampler_options(options).twirling
        randomizations = Randomizations.load(final.sent())
        twirled = final.enable_gates or final.enable_measure
        default = options.default_shots if isinstance(options.default_shots, int) else None

        def resolved(pub: SamplerPub) -> SamplerPub:
            asked = pub.shots or default or DEFAULT_SHOTS
            total = randomizations.total(asked) if twirled else asked
            return SamplerPub(pub.circuit, pub.parameter_values, total, validate=False)

        return [resolved(pub) for pub in pubs]
