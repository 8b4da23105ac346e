"""The ``Executor`` and the quantum programs that it runs."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .executor import Executor as Executor

__all__, __getattr__, __dir__ = door(__name__, {"executor.executor": "Executor"}, modules="executor")
