"""User programs, under the path of the years when the service ran them."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .programs.parameter_namespace import ParameterNamespace as ParameterNamespace
    from .programs.programs import RuntimeProgram as RuntimeProgram

__all__, __getattr__, __dir__ = door(
    __name__, {"programs.parameter_namespace": "ParameterNamespace", "programs.programs": "RuntimeProgram"}
)
