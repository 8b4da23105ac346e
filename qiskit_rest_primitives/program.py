"""What user programs are written with, under the path of the years when the service ran them."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .jobs.decoders import ResultDecoder as ResultDecoder
    from .programs.author import ProgramBackend as ProgramBackend
    from .programs.author import UserMessenger as UserMessenger
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "jobs.decoders": "ResultDecoder",
        "programs.author": "ProgramBackend UserMessenger",
        "wire.typed": "RuntimeDecoder RuntimeEncoder",
    },
    files={
        "program_backend": "ProgramBackend",
        "result_decoder": "ResultDecoder",
        "user_messenger": "UserMessenger",
    },
)
