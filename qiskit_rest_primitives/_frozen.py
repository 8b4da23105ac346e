"""Frozen dataclasses that Python makes with their first instance, for those that a program may never use.

To make one takes half a millisecond, a tenth of what importing a primitive may cost for all that are declared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ._locks import fork_safe_lock

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        """Say nothing to those who do not check types."""
        return lambda made: made


Made = TypeVar("Made", bound=type[Any])
_MAKING = fork_safe_lock()
if hasattr(os, "register_at_fork"):  # no child begins with a class that is half made
    os.register_at_fork(
        before=_MAKING.acquire, after_in_parent=_MAKING.release, after_in_child=_MAKING.release
    )


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(declared: Made) -> Made:
    """Make a class what ``@dataclass(frozen=True)`` makes it, when it is first called, copied or unpickled.

    Not for a class with subclasses, and not for one whose signature users read: until then it has no fields.
    """
    made = False

    def new(kind: type[Any], /, *_: Any, **__: Any) -> Any:
        nonlocal made
        if not made:
            with _MAKING:
                if not made:
                    dataclass(frozen=True)(declared)
                    made = True
        return object.__new__(kind)

    declared.__new__ = new
    return declared
