"""Tools that predict what noise does to a circuit."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .neat import Neat as Neat
    from .neat import NeatPubResult as NeatPubResult
    from .neat import NeatResult as NeatResult

__all__, __getattr__, __dir__ = door(
    __name__,
    {"debug_tools.neat": "Neat NeatPubResult NeatResult"},
    modules="neat",
    files={"neat_results": "NeatPubResult NeatResult"},
)
