"""The classes that tell when which data of a result were taken, under the name that the official client has for them.

They live in ``results.execution_spans``.
"""

from .results.execution_spans import (
    DoubleSliceSpan,
    ExecutionSpan,
    ExecutionSpans,
    ShapeType,
    SliceSpan,
    TwirledSliceSpan,
    TwirledSliceSpanV2,
)

__all__ = [
    "DoubleSliceSpan",
    "ExecutionSpan",
    "ExecutionSpans",
    "ShapeType",
    "SliceSpan",
    "TwirledSliceSpan",
    "TwirledSliceSpanV2",
]
