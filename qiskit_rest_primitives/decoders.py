"""Decoders of results."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .jobs.decoders import DEFAULT_DECODERS as DEFAULT_DECODERS
    from .jobs.decoders import ResultDecoder as ResultDecoder
    from .wire.typed import RuntimeDecoder as RuntimeDecoder

__all__, __getattr__, __dir__ = door(
    __name__,
    {"jobs.decoders": "DEFAULT_DECODERS ResultDecoder", "wire.typed": "RuntimeDecoder"},
    files={"defaults": "DEFAULT_DECODERS", "result_decoder": "ResultDecoder RuntimeDecoder"},
)
