"""Hebrew and Arabic: telling them, and putting the runs of a line in the order in which they are read."""

from __future__ import annotations

import re

__all__ = ["Span", "is_right_to_left", "turned"]

Span = tuple[str, int, str, int, int, int]
"""Text, style bits, font name, font size, x0, x1."""

_SPACE = 0.15  # of the font size: a wider gap is one
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LETTER_LTR = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u058f\u3040-\u9fff\uac00-\ud7a3]")


def is_right_to_left(text: str) -> bool:
    """True when most letters of `text` are Hebrew or Arabic."""
    if text.isascii() or not _RTL.search(text):
        return False
    return len(_RTL.findall(text)) > len(_LETTER_LTR.findall(text))


def turned(spans: list[Span], size: int, cell_gap: float) -> tuple[list[Span], str, int]:
    """The spans of a right-to-left line from the right; Latin ones side by side keep their order.

    Args:
        spans: In the order of the content.
        size: Font size of the line.
        cell_gap: A wider gap is no space between words.

    Returns:
        The spans, their text, and how many pieces have wide gaps between them.
    """
    groups: list[list[Span]] = []
    is_latin = False
    for span in sorted(spans, key=lambda item: -item[5]):
        was_latin, is_latin = is_latin, bool(_LETTER_LTR.search(span[0]) and not _RTL.search(span[0]))
        if is_latin and was_latin:
            groups[-1].insert(0, span)
        else:
            groups.append([span])
    text, cells, last = "", 1, None
    for group in groups:
        x0, x1 = min(span[4] for span in group), max(span[5] for span in group)
        gap = last - x1 if last is not None else 0
        cells += gap > cell_gap
        text = _with(text, _run(group, size), gap > _SPACE * size)
        last = x0
    return [span for group in groups for span in group], text, cells


def _run(group: list[Span], size: int) -> str:
    """The text of spans side by side; the space at the right end of Latin ones comes before them."""
    if len(group) == 1 and not _LETTER_LTR.search(group[0][0]):
        return group[0][0]
    text, last = "", group[0][4]
    for run, *_, x0, x1 in group:
        text = _with(text, run, x0 - last > _SPACE * size)
        last = x1
    return " " * text.endswith(" ") + text.strip() + " " * text.startswith(" ")


def _with(text: str, run: str, is_apart: bool) -> str:
    return text + (" " if is_apart and not (text.endswith(" ") or run.startswith(" ")) else "") + run
