"""``SamplerV2`` of the newer family."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .primitives.sampler import ExecutorSampler

    Sampler = ExecutorSampler
    SamplerV2 = ExecutorSampler

__all__, __getattr__, __dir__ = door(
    __name__,
    {"primitives.sampler": "Sampler=ExecutorSampler SamplerV2=ExecutorSampler"},
    files={"sampler": "Sampler"},
)
