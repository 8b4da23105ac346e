"""``SamplerV2``."""

from .primitives.sampler import SamplerV2
from .primitives.sampler import SamplerV2 as Sampler

__all__ = ["Sampler", "SamplerV2"]
