"""Frozen dataclasses that Python makes with their first instance, for those that a program may never use.

To make one takes half a millisecond, and all that are declared would take a third of an import.
"""

from __future__ import annotations

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


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(declared: Made) -> Made:
    """Make a class what ``@dataclass(frozen=True)`` makes it, when it is first called, copied or unpickled.

    Not for a class with subclasses, and not for one whose signature users read: until then it has no fields.
    """
    made, written = False, dict(vars(declared))

    def new(kind: type[Any], /, *_: Any, **__: Any) -> Any:
        nonlocal made
        if not made:
            with _MAKING:
                if not made:
                    _restore(declared, written)
                    dataclass(frozen=True)(declared)
                    made = True
        return object.__new__(kind)

    declared.__new__ = new
    written["__new__"] = new
    return declared


def _restore(declared: type[Any], written: dict[str, Any]) -> None:
    """Take a class back to what was written, in a child of a process that forked while it was half made."""
    for name in vars(declared).keys() - written.keys():
        delattr(declared, name)
    for name, value in written.items():
        if vars(declared).get(name) is not value:
            setattr(declared, name, value)
