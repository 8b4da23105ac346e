"""Which version of ``noise-learner`` a job is for: circuits, whose layers are found (2), or boxes (3) (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...wire.noise_learning import is_request
from ..devices.device import Device
from .box_learner import run_box_learner
from .box_options import BoxOptions, load_box_options
from .learner_options import LearnerOptions, load_learner_options
from .noise_learner import Reader, run_learner

__all__ = ["options_of", "run"]


def options_of(params: Any) -> LearnerOptions | BoxOptions:
    """Check a job's params, its circuits or boxes aside, and read its options.

    Raises:
        ParamsError: An unknown key or a value that makes no sense, named with its JSON path.
    """
    return load_box_options(params) if is_request(params) else load_learner_options(params)


def run(
    params: Mapping[str, Any],
    options: LearnerOptions | BoxOptions,
    device: Device,
    read: Reader,
    *,
    seed: int | None,
) -> tuple[bytes, int]:
    """Run a job; the arguments and what is returned and raised are those of ``run_learner``."""
    if isinstance(options, BoxOptions):
        return run_box_learner(params, options, device, seed=seed)
    return run_learner(params, options, device, read, seed=seed)
