"""Text that shows itself nowhere: not in a repr, not in a formatted text, not in a traceback with variables."""

from __future__ import annotations

from typing import Any

__all__ = ["Secret"]

MASK = "***"


class Secret(str):
    """A token, key or password.

    It is the text itself for whoever sends or compares it (``encode``, ``+``, ``==``, JSON); what shows values to people
    (``repr``, ``str``, ``format``, debuggers, crash reporters) sees stars, and it cannot be pickled.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Secret:
        """Make it of a text, or of a secret: ``str`` of one would be the stars."""
        return super().__new__(cls, "".join(text))

    def __repr__(self) -> str:
        return repr(MASK)

    def __str__(self) -> str:
        return MASK

    def __format__(self, form: str) -> str:
        return format(MASK, form)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A secret cannot be pickled; reconnect from the saved account or the environment.")

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return self.__reduce__()

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self

    def reveal(self) -> str:
        """Return the text as plain text."""
        return "".join(self)
