"""Pages whose text stands on its head: they are turned before anything is made of their lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestkit_pdf.pdf.lines import Line

__all__ = ["is_upside_down", "turn_over"]

_SHARE = 0.8  # of the lines that run across the page


def is_upside_down(lines: Sequence[Line]) -> bool:
    """True when the baseline of nearly every line is near the top of its box: letters hang from it."""
    upright = hanging = 0
    for line in lines:
        if line.upright:
            upright += 1
            hanging += 2 * (line.base - line.y0) < line.y1 - line.y0
    return hanging > 0 and hanging >= _SHARE * upright


def turn_over(lines: Iterable[Line], width: int, height: int) -> None:
    """Give lines the places that they have when the page is turned by half."""
    for line in lines:
        line.x0, line.x1 = width - line.x1, width - line.x0
        line.y0, line.y1 = height - line.y1, height - line.y0
        line.base = height - line.base
        line.spans = [
            (text, style, name, size, width - x1, width - x0)
            for text, style, name, size, x0, x1 in line.spans
        ]
