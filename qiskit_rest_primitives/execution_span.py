"""When which data of a result were taken."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .results.execution_spans import DoubleSliceSpan as DoubleSliceSpan
    from .results.execution_spans import ExecutionSpan as ExecutionSpan
    from .results.execution_spans import ExecutionSpans as ExecutionSpans
    from .results.execution_spans import ShapeType as ShapeType
    from .results.execution_spans import SliceSpan as SliceSpan
    from .results.execution_spans import TwirledSliceSpan as TwirledSliceSpan
    from .results.execution_spans import TwirledSliceSpanV2 as TwirledSliceSpanV2

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "results.execution_spans": (
            "DoubleSliceSpan ExecutionSpan ExecutionSpans ShapeType SliceSpan TwirledSliceSpan "
            "TwirledSliceSpanV2"
        )
    },
    files={
        "double_slice_span": "DoubleSliceSpan",
        "execution_span": "ExecutionSpan ShapeType",
        "execution_spans": "ExecutionSpans",
        "slice_span": "SliceSpan",
        "twirled_slice_span": "TwirledSliceSpan TwirledSliceSpanV2",
    },
)
