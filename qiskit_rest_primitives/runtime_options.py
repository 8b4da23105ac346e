"""``RuntimeOptions``."""

from .programs.runtime_options import RuntimeOptions

__all__ = ["RuntimeOptions"]
