"""The ``__type__`` / ``__value__`` form (``support_qiskit: true``, rest-api.md 4.12): values <-> JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qiskit.primitives.containers import PrimitiveResult

from .. import jsonio
from ..arrays import MAX_BYTES, Allowance
from ..jsonio import DecodeError
from .writers import RuntimeEncoder as RuntimeEncoder
from .writers import write_tagged

if TYPE_CHECKING:
    from ..expected import Build

_SCALARS = (str, int, float, bool, type(None))
_PLAIN = frozenset(_SCALARS)
_LONG = 1 << 16  # bytes of text from which the content of an array is worth lifting
_ARRAY = re.compile(rb'"__type__"\s*:\s*"ndarray"\s*,\s*"__value__"\s*:\s*"')
_MARK = "lifted array "


def dump(value: Any) -> Any:
    """Write any value of rest-api.md 4.12 as nested JSON values. Inverse: ``load``.

    Tuples become lists and keys become text, as in JSON; NaN and infinities stay floats.

    Raises:
        TypeError: A value has no form.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {
            key if type(key) is str else _key(key): item if type(item) in _PLAIN else dump(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [item if type(item) in _PLAIN else dump(item) for item in value]
    if isinstance(value, _SCALARS):  # numpy.float64, str enums...
        return value
    return dump(write_tagged(value))


def load(
    document: Any, *, path: str = "$", max_bytes: int = MAX_BYTES, build: Build = PrimitiveResult
) -> Any:
    """Read a JSON value, as ``jsonio.loads`` returned it, in which any object may be tagged. Inverse of ``dump``.

    Unknown tags are left as dicts. ``max_bytes`` bounds all that the document may unpack to; ``build`` makes the result of a
    primitive that the document is, not those within it.
    """
    # What only writes, as a primitive that is made, leaves them unloaded.
    from .readers import DecodeContext, read_nested

    try:
        return read_nested(document, DecodeContext(path, Allowance(max_bytes), build))
    except RecursionError as cause:
        raise DecodeError("the document is nested too deeply to be read", path) from cause


def parse(body: bytes) -> Any:
    """Parse a whole body for ``load`` like ``jsonio.loads``, without a second copy of the text of long arrays.

    Their base64 text is left where it stands in the body and a mark is parsed in its place; the reader of
    arrays then gets the piece of the body itself. Anything that looks unusual is parsed in the ordinary way.
    """
    skeleton, lifted = _lift(body)
    if not lifted:
        return jsonio.loads(body)

    def put_back(node: dict[str, Any]) -> dict[str, Any]:
        value = node.get("__value__")
        if type(value) is str and value in lifted and node.get("__type__") == "ndarray":
            node["__value__"] = lifted.pop(value)
        return node

    try:
        document = jsonio.loads(skeleton, object_hook=put_back)
    except DecodeError:  # its places would be those of the skeleton
        return jsonio.loads(body)
    return document if not lifted else jsonio.loads(body)


def _lift(body: bytes) -> tuple[bytes, dict[str, memoryview]]:
    """Return the body with a mark in the place of each long array's text, and the texts by their marks.

    A match ends behind the quote that opens a string: the quote behind ``__value__`` is not escaped, and a colon
    and a quote follow no string but a key. Without a backslash in it, the string ends at the next quote.
    """
    texts: dict[str, memoryview] = {}
    rest: list[bytes] = []
    done = at = 0
    while match := _ARRAY.search(body, at):
        at = body.find(b'"', match.end())
        if at < 0:
            break
        if at - match.end() >= _LONG and body.find(b"\\", match.end(), at) < 0:
            mark = f"{_MARK}{len(texts)}"
            rest += [body[done : match.end()], mark.encode()]
            texts[mark] = memoryview(body)[match.end() : at]
            done = at
    skeleton = b"".join([*rest, body[done:]]) if texts else body
    # No other text may read like a mark, not even one whose letters are written as numbers.
    unique = skeleton.count(_MARK.encode()) == len(texts) and b"\\u00" not in skeleton
    return (skeleton, texts) if unique else (body, {})


class RuntimeDecoder(json.JSONDecoder):
    """JSON decoder for ``json.loads(text, cls=RuntimeDecoder)``. Inverse of ``RuntimeEncoder``.

    Takes, and ignores, the ``encoding`` argument some callers pass.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("encoding", None)
        super().__init__(*args, object_hook=self._tagged, **kwargs)
        self._allowance = Allowance()

    def decode(self, s: str, *args: Any, **kwargs: Any) -> Any:
        """Read one JSON document; a ``DecodeError`` if a known tag holds something else than belongs to it."""
        self._allowance = Allowance()
        return super().decode(s, *args, **kwargs)

    def _tagged(self, node: dict[str, Any]) -> Any:
        from .readers import DecodeContext, read_tagged

        return read_tagged(node, DecodeContext("$", self._allowance)) if "__type__" in node else node


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    raise TypeError(f"a key of type {type(key).__name__} has no wire form")
