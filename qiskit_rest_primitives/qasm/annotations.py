"""Annotations of boxes inside QPY: what to twirl, where noise goes, which basis is measured (rest-api.md 4.7).

The classes are those of the package samplomatic, which need not be installed: what is read then, and always on the
server, are records with the same attributes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from qiskit.circuit.annotation import Annotation, QPYSerializer

from .._calls import even_half_made

NAMESPACE = "samplomatic"

_FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ChangeBasis": ("change_basis", ("decomposition", "mode", "ref")),
    "InjectNoise": ("inject_noise", ("ref", "modifier_ref")),
    "Tag": ("tag", ("ref",)),
    "Twirl": ("twirl", ("group", "dressing", "decomposition")),
}
"""Kind -> the end of its namespace, and its texts in the order in which they are written."""


class AnnotationRecord(Annotation):
    """What an annotation says, without the package whose class it is: its kind, and its texts as attributes.

    Kinds are ``ChangeBasis``, ``InjectNoise``, ``Tag`` and ``Twirl``.
    """

    def __init__(self, kind: str, texts: dict[str, str]) -> None:
        self.kind = kind
        self.namespace = f"{NAMESPACE}.{_FIELDS[kind][0]}"
        self.__dict__.update(texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnnotationRecord) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.items()))

    @even_half_made
    def __repr__(self) -> str:
        return (
            f"{self.kind}({', '.join(f'{name}={getattr(self, name)!r}' for name in _FIELDS[self.kind][1])})"
        )


def find_annotation(annotations: Iterable[Any], kind: str) -> Any:
    """Return the first annotation of a kind, an object of its own class or a record; None if there is none."""
    return next((entry for entry in annotations if _kind_of(entry) == kind), None)


def _kind_of(annotation: Any) -> str:
    return annotation.kind if isinstance(annotation, AnnotationRecord) else type(annotation).__name__


class AnnotationRecords(QPYSerializer):
    """Writes annotations, and reads them as records.

    A payload is the name of the kind after its length (16 bits), then the lengths of its texts (64 bits each), then the
    texts, all big-endian and in UTF-8.
    """

    def dump_annotation(self, namespace: str, annotation: Any) -> Any:  # noqa: ARG002 (Qiskit's signature)
        """Write an annotation; NotImplemented for those that have no form."""
        kind = _kind_of(annotation)
        if kind not in _FIELDS:
            return NotImplemented
        texts = [str.encode(getattr(annotation, name)) for name in _FIELDS[kind][1]]
        lengths = struct.pack(f"!{len(texts)}Q", *map(len, texts))
        return struct.pack("!H", len(kind)) + kind.encode() + lengths + b"".join(texts)

    def load_annotation(self, payload: bytes) -> Any:
        """Read an annotation, inverse of ``dump_annotation``; a ``ValueError`` if it is cut off, or not UTF-8."""
        kind, texts = _read(payload)
        return Annotation() if texts is None else self._made(kind, texts)

    def _made(self, kind: str, texts: dict[str, str]) -> Any:
        return AnnotationRecord(kind, texts)


class LibraryAnnotations(AnnotationRecords):
    """The same, but reads objects of samplomatic where that is installed."""

    def _made(self, kind: str, texts: dict[str, str]) -> Any:
        try:
            from samplomatic import annotations
        except ImportError:
            return AnnotationRecord(kind, texts)
        return getattr(annotations, kind)(**texts)


def _read(payload: bytes) -> tuple[str, dict[str, str] | None]:
    """Return the kind and its texts; None for a kind that is not known here."""
    try:
        (length,) = struct.unpack_from("!H", payload)
        kind = payload[2 : 2 + length].decode()
        if kind not in _FIELDS:
            return kind, None
        names, at = _FIELDS[kind][1], 2 + length
        lengths = struct.unpack_from(f"!{len(names)}Q", payload, at)
    except struct.error as cause:
        raise ValueError(f"an annotation is cut off: {cause}") from cause
    at += 8 * len(names)
    texts = {}
    for name, size in zip(names, lengths, strict=True):
        if at + size > len(payload):
            raise ValueError(f"the {name} of a {kind} annotation is cut off")
        texts[name] = payload[at : at + size].decode()
        at += size
    return kind, texts
