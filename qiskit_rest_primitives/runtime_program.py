"""User programs, under the path of the years when the service ran them."""

from .programs.parameter_namespace import ParameterNamespace
from .programs.programs import RuntimeProgram

__all__ = ["ParameterNamespace", "RuntimeProgram"]
