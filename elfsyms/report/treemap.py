# SPDX-License-Identifier: GPL-2.0-or-later
"""A treemap: numbers as areas that together are the whole.

Squarified, after Bruls, Huizing and van Wijk (2000): rows are filled along the shorter side for as long as their
boxes come nearer to squares. All lengths are shares of the whole's width and height, from 0 to 1, so that the
page may draw it in any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Box", "squarify"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its corner at the top left, and its sides."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """The share of the whole."""
        return self.width * self.height


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def squarify(sizes: Sequence[float], within: Box = WHOLE, aspect: float = 1.0) -> list[Box]:
    """Divide a box by sizes, in their order, which is best descending; nothing where all are zero.

    ``aspect`` is how many times wider than high the whole is drawn.

    >>> [round(box.area, 3) for box in squarify([6, 3, 1])]
    [0.6, 0.3, 0.1]
    """
    total = sum(sizes)
    if total <= 0:
        return [Box(within.left, within.top, 0.0, 0.0) for _ in sizes]
    areas = [within.area * size / total for size in sizes]
    boxes: list[Box] = []
    left = within
    while len(boxes) < len(areas):
        count = _row_length(areas[len(boxes) :], left, aspect)
        row = areas[len(boxes) : len(boxes) + count]
        placed, left = _lay_row(row, left, aspect)
        boxes += placed
    return boxes


def _row_length(areas: Sequence[float], box: Box, aspect: float) -> int:
    """Return how many of the areas make the best next row."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], box, aspect) <= _worst(
        areas[:count], box, aspect
    ):
        count += 1
    return count


def _worst(row: Sequence[float], box: Box, aspect: float) -> float:
    """Return how far from a square the worst box of a row is: 1 for a square."""
    placed, _ = _lay_row(row, box, aspect)
    shapes = (b.width * aspect / b.height if b.height and b.width else 1e9 for b in placed)
    return max(max(shape, 1 / shape) for shape in shapes)


def _lay_row(row: Sequence[float], box: Box, aspect: float) -> tuple[list[Box], Box]:
    """Lay a row along the shorter side of a box; return its boxes, and what is left of the box."""
    area = sum(row)
    if box.width * aspect >= box.height:
        width = min(area / box.height, box.width) if box.height else 0.0
        heights = [box.height * one / area if area else 0.0 for one in row]
        tops = [box.top + sum(heights[:i]) for i in range(len(row))]
        placed = [Box(box.left, top, width, h) for top, h in zip(tops, heights, strict=True)]
        return placed, Box(box.left + width, box.top, max(box.width - width, 0.0), box.height)
    height = min(area / box.width, box.height) if box.width else 0.0
    widths = [box.width * one / area if area else 0.0 for one in row]
    lefts = [box.left + sum(widths[:i]) for i in range(len(row))]
    placed = [Box(left, box.top, w, height) for left, w in zip(lefts, widths, strict=True)]
    return placed, Box(box.left, box.top + height, box.width, max(box.height - height, 0.0))
