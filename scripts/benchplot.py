# SPDX-License-Identifier: GPL-2.0-or-later
"""A small picture of how the cost grows with the number of symbols, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["plot"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 60, 44, 24, 150
COLOURS = ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb", "#000000")


def plot(points: Sequence[tuple[int, dict[str, float]]]) -> str:
    """Return a line for each step and one for their sum, seconds over symbols, both axes from zero."""
    most = max(count for count, _ in points)
    highest = max(sum(seconds.values()) for _, seconds in points)

    def point(count: float, seconds: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * count / most
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * seconds / highest
        return f"{x:.1f},{y:.1f}"

    series = {step: [(count, seconds[step]) for count, seconds in points] for step in points[0][1]}
    series["all"] = [(count, sum(seconds.values())) for count, seconds in points]
    lines = [_series(i, name, [point(*one) for one in line]) for i, (name, line) in enumerate(series.items())]
    return "\n".join([_head(), *_axes(most, highest), *lines, "</svg>"]) + "\n"


def _head() -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    )


def _axes(most: int, highest: float) -> list[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    return [
        f'<path d="M{LEFT},{TOP} V{base} H{right}" fill="none" stroke="#444444"/>',
        f'<text x="{LEFT - 6}" y="{TOP + 4}" text-anchor="end">{highest:.2f} s</text>',
        f'<text x="{LEFT - 6}" y="{base + 4}" text-anchor="end">0</text>',
        f'<text x="{right}" y="{base + 18}" text-anchor="end">{most:,} symbols</text>',
        f'<text x="{LEFT}" y="{base + 34}">seconds by step; both axes begin at zero</text>',
    ]


def _series(index: int, name: str, points: Sequence[str]) -> str:
    colour = COLOURS[index % len(COLOURS)]
    y = TOP + 16 * index + 8
    return (
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{WIDTH - RIGHT + 14}" y="{y}" fill="{colour}">{name}</text>'
    )
