"""``SamplerV2``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .primitives.sampler import SamplerV2 as SamplerV2

    Sampler = SamplerV2

__all__, __getattr__, __dir__ = door(__name__, {"primitives.sampler": "Sampler=SamplerV2 SamplerV2"})
