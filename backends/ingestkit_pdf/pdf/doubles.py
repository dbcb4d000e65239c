"""Text that is drawn twice in the same place, to look bold or to have a shadow: it is read once."""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_pdf.pdf.lines import Line, Span

__all__ = ["without_doubles"]

_SAME_PLACE = 0.15  # of the font size: a shadow is no farther from its letters


def without_doubles(lines: Sequence[Line]) -> list[Line]:
    """The lines without the spans that an earlier line has in the same place.

    A span that is drawn twice begins a line of its own, so it is enough to look at how lines begin.
    """
    kept: list[Line] = []
    ends: dict[str, Line] = {}
    for line in lines:
        first = line.spans[0]
        other = ends.get(first[0])
        if other is not None and (rest := _rest(line, other)) is not line:
            if rest is not None:
                kept.append(rest)
            continue
        ends[first[0]] = ends[line.spans[-1][0]] = line
        kept.append(line)
    return kept


def _rest(line: Line, other: Line) -> Line | None:
    """What of a line is not in the other one; None for nothing."""
    if abs(line.base - other.base) > _SAME_PLACE * line.size:
        return line
    spans = [span for span in line.spans if not any(_is_same(span, one) for one in other.spans)]
    if len(spans) == len(line.spans):
        return line
    return line.of(spans) if any(span[0].strip() for span in spans) else None


def _is_same(span: Span, other: Span) -> bool:
    return span[0] == other[0] and abs(span[4] - other[4]) <= _SAME_PLACE * span[3]
