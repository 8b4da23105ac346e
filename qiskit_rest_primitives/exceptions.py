"""Every public exception, under the name that the official client has for the module.

They live in ``errors``.
"""

from .errors import *  # noqa: F403
from .errors import __all__ as __all__
