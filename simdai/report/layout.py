"""Where axes stand in a figure, by the measured size of the words around them.

Matplotlib's own layouts draw a figure twice; a report of some thirty figures would take twice as long.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

GAP = 4.0  # points between words and what stands beside them
LINE = 1.25  # height of a line of text, in sizes of its font


@functools.lru_cache(maxsize=4096)
def width(words: str, size: float) -> float:
    """Width of a line of words in the report's font of ``size`` points, in points."""
    if not words:
        return 0.0
    font = FontProperties(family="DejaVu Sans", size=size)
    return float(text_to_path.get_text_width_height_descent(words, font, False)[0])


def place(figure: Figure, axes: Sequence[Axes], columns: int, ends: Sequence[float]) -> None:
    """Set axes in equal rows and columns with room for ticks, labels, titles and what stands at their right.

    Parameters
    ----------
    axes : (n,) in reading order
    columns : of the grid
    ends : (n,) widths in points of the words at the right of each
    """
    wide, high = figure.get_size_inches() * 72
    rows = -(-len(axes) // columns)
    left = [max(map(_left, axes[j::columns])) for j in range(columns)]
    right = [max(*(ends[j::columns]), 2.5 * GAP) + GAP for j in range(columns)]
    top, bottom = max(map(_above, axes)), max(map(_below, axes))
    w = (wide - sum(left) - sum(right)) / columns
    h = high / rows - top - bottom
    for k, ax in enumerate(axes):
        i, j = divmod(k, columns)
        x = sum(left[: j + 1]) + sum(right[:j]) + j * w
        y = high - (i + 1) * (top + h) - i * bottom
        ax.set_position((x / wide, y / high, w / wide, h / high))
        # Given the place of a label, Matplotlib need not measure all ticks again to find it.
        ax.yaxis.set_label_coords(-(_ticks(ax) + 2.5 * GAP) / w, 0.5)


def _words(axis: Axis) -> list[str]:
    """The words at an axis's ticks within its range."""
    low, high = sorted(axis.get_view_interval())
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    return list(axis.get_major_formatter().format_ticks(places))


def _points(size: Any) -> float:
    """The size in points of a font whose size may be said in words."""
    return float(FontProperties(size=size).get_size_in_points())


def _ticks(ax: Axes) -> float:
    """Width of the words at the vertical axis."""
    size = _points(rcParams["ytick.labelsize"])
    return max((width(words, size) for words in _words(ax.yaxis)), default=0.0)


def _left(ax: Axes) -> float:
    label = _points(rcParams["axes.labelsize"]) * LINE + GAP if ax.get_ylabel() else 0.0
    return _ticks(ax) + 2 * GAP + label


def _above(ax: Axes) -> float:
    return GAP + (_points(rcParams["axes.titlesize"]) * LINE + 1.5 * GAP if ax.get_title("left") else 0.0)


def _below(ax: Axes) -> float:
    _words(ax.xaxis)  # a date that all ticks share is known once they are named
    more = bool(ax.xaxis.get_major_formatter().get_offset()) + bool(ax.get_xlabel())
    return 2 * GAP + _points(rcParams["xtick.labelsize"]) * LINE * (1 + more)
