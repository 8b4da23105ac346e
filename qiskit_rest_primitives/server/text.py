"""Text from outside: refused where it cannot be kept, and made fit to be kept and shown where it is an answer."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_QUOTED = 4_000
"""Characters of a reason or an error; what a stranger sent may be any length."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPES = ("\\ud", "\\uD", "\\u0000")
"""How JSON spells what its texts may hold and no database does; whoever spells neither is not looked at twice."""


class UnstorableTextError(ValueError):
    """A text holds NUL, or half of a surrogate pair, which is no character."""


def check_texts(source: str, value: Any) -> None:
    """Refuse a JSON document, read as ``value``, with a text, or a name of a member, that no database and no file can hold."""
    if not any(escape in source for escape in _ESCAPES):
        return
    plain = json.dumps(value, ensure_ascii=False)
    if _SURROGATE.search(plain):
        raise UnstorableTextError("a text holds half of a surrogate pair, which is not valid Unicode")
    if "\\u0000" in plain.replace("\\\\", ""):
        raise UnstorableTextError("a text holds the character NUL")


def storable(text: str) -> str:
    """Return a text without what cannot be kept: each half of a surrogate pair, and NUL, becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")


def readable(text: str, most: int = MOST_QUOTED) -> str:
    """Return a text fit for terminals and logs: control characters spelled out, and clipped in the middle."""
    if len(text) > most:
        left = most * 3 // 4
        text = f"{text[:left]} ... ({len(text) - most} characters left out) ... {text[left - most :]}"
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
