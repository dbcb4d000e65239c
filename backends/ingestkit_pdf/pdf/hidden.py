"""Text that a reader of the page does not see: invisible, faint, white on white, covered, too small.

Most pages are cleared by the few colours that their text is in. On the others each run, which has one, is
judged as a whole: invisible, or white with or without something painted behind it. Only where it lies partly
on that, its letters are looked at.

What is hidden is taken out of the lines, because nobody who read the document has agreed to it. Invisible
text on a picture that fills much of the page stays: it is what an earlier OCR has read of that picture.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestkit_pdf.pdf.bands import Bands
from ingestkit_pdf.pdf.covered import Suspect, covered_runs, is_nearly_white
from ingestkit_pdf.pdf.lines import TINY_SIZE, Line, PageText, Span
from ingestkit_pdf.pdf.mupdf import SCALE, PageContent

__all__ = ["take_hidden"]

_CHAR = re.compile(
    rb'<char c="([^"]*)" quad="([-\d.e]+) ([-\d.e]+) ([-\d.e]+)(?: [-\d.e]+){4} ([-\d.e]+)"'
    rb'[^>]*? color="#([0-9a-f]{6})" alpha="#([0-9a-f]{2})"'
)
_MIN_CHARS = 3  # fewer are strays
_FAINT = 0x0D  # opacity of 255 below which nobody sees text: 5 %
_SCAN = 0.3  # of the page: a smaller picture is not what a scanner made
_SLACK = SCALE  # a point

_Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _HiddenRun:
    """A run with letters that cannot be seen: its box in hundredths of a point, and what is left of it."""

    x0: float
    y0: float
    x1: float
    y1: float
    visible: str


def take_hidden(content: PageContent, text: PageText, *, keep: bool) -> int:
    """Take text that cannot be seen out of the lines of a page, unless it is to be kept.

    Returns:
        How many characters it has, kept or not; 0 where it is only a stray letter or two.
    """
    count = text.off_page_chars + text.tiny_chars
    runs: list[_HiddenRun] = []
    if text.lines:
        area = content.width * content.height * SCALE**2
        scans = [box for box in text.images if (box[2] - box[0]) * (box[3] - box[1]) > _SCAN * area]
        colours = {run.argb for run in content.runs()}
        if any(_is_faint(colour) or is_nearly_white(colour) for colour in colours):
            found, runs = _by_runs(content, scans) or _by_letters(content, scans)
            count += found
        if suspects := covered_runs(content, colours):
            found, covered = _covered(content, suspects, scans)
            count += found
            runs += covered
    if count < _MIN_CHARS:
        return 0
    if not keep and (runs or text.tiny_chars):
        text.lines = [line for line in _seen(text.lines, runs) if line.text.strip()]
    return count


def _is_faint(colour: int) -> bool:
    return colour >> 24 < _FAINT


def _by_runs(content: PageContent, scans: Sequence[_Box]) -> tuple[int, list[_HiddenRun]] | None:
    """How many letters are hidden, and the runs to take out; None where whole runs are not enough to tell."""
    painted: list[_Box] | None = None
    count, hidden = 0, []
    for run in content.runs():
        is_faint = _is_faint(run.argb)
        if not is_faint and not is_nearly_white(run.argb):
            continue
        box = run.bbox.x, run.bbox.y, run.bbox.x + run.bbox.w, run.bbox.y + run.bbox.h
        is_long = len(run.text) > 2
        if not is_faint:
            painted = content.painted_areas() if painted is None else painted
            if (is_seen := _lies_on(box, painted, is_long=is_long)) is None:
                return None
            if is_seen:
                continue
        if (is_scan := _lies_on(box, scans, is_long=is_long)) is None:
            return None
        letters = sum(not letter.isspace() for letter in run.text)
        count += letters
        if letters and not is_scan:
            hidden.append(_HiddenRun(*box, ""))
    return count, hidden


def _lies_on(box: _Box, areas: Sequence[_Box], *, is_long: bool) -> bool | None:
    """Whether a run lies on one of the areas, with the line through its middle; None: partly.

    Of one that runs up or down all has to lie there.
    """
    x0, y0, x1, y1 = box
    touched = [area for area in areas if x0 <= area[2] and area[0] <= x1 and y0 <= area[3] and area[1] <= y1]
    if not touched:
        return False
    if not is_long or y1 - y0 <= 2 * (x1 - x0):
        y0 = y1 = (y0 + y1) / 2
    return any(a0 <= x0 and b0 <= y0 and x1 <= a1 and y1 <= b1 for a0, b0, a1, b1 in touched) or None


def _by_letters(content: PageContent, scans: Sequence[_Box]) -> tuple[int, list[_HiddenRun]]:
    """The same for pages on which single letters have to be looked at."""
    painted: list[_Box] | None = None
    count, runs = 0, []
    for run in content.letters():
        if b'alpha="#0' not in run and b'color="#f' not in run:
            continue
        chars = _CHAR.findall(run)
        visible, hidden, is_scan = [], 0, False
        for letter, *quad, color, alpha in chars:
            colour = int(alpha + color, 16)
            is_white = not _is_faint(colour) and is_nearly_white(colour)
            if not _is_faint(colour) and not is_white:
                visible.append(letter)
                continue
            x0, y0, x1, y1 = (float(value) * SCALE for value in quad)
            if is_white:
                painted = content.painted_areas() if painted is None else painted
                if _is_on((x0, y0, x1, y1), painted):
                    visible.append(letter)
                    continue
            hidden += not letter.isspace()
            is_scan = is_scan or _is_on((x0, y0, x1, y1), scans)
        count += hidden
        if hidden and not is_scan:
            runs.append(_run(chars, visible))
    return count, runs


def _covered(
    content: PageContent, suspects: Sequence[Suspect], scans: Sequence[_Box]
) -> tuple[int, list[_HiddenRun]]:
    """How many letters are covered, and the runs to take them out of."""
    printed: list[list[tuple[bytes, ...]]] | None = None
    count, runs = 0, []
    for suspect in suspects:
        box = suspect.run.bbox
        x0, y0, x1, y1 = box.x, box.y, box.x + box.w, box.y + box.h
        letters, visible = suspect.run.text, ""
        if not any(start <= x0 + _SLACK and end >= x1 - _SLACK for start, end in suspect.parts):
            if printed is None:
                printed = [_CHAR.findall(run) for run in content.letters()]
            letters, visible = _parted(suspect, printed)
        count += sum(not letter.isspace() for letter in letters)
        if letters.strip() and not _is_on((x0, y0, x1, y1), scans):
            runs.append(_HiddenRun(x0, y0, x1, y1, visible))
    return count, runs


def _parted(suspect: Suspect, printed: Sequence[Sequence[tuple[bytes, ...]]]) -> tuple[str, str]:
    """The letters of a run that are covered, and those that are not."""
    box = suspect.run.bbox
    for chars in printed:
        if not chars or abs(float(chars[0][1]) * SCALE - box.x) > _SLACK:
            continue
        x1, y0 = float(chars[-1][3]) * SCALE, float(chars[0][2]) * SCALE
        if abs(x1 - box.x - box.w) > _SLACK or not box.y - _SLACK <= y0 <= box.y + box.h:
            continue
        middles = [(float(char[1]) + float(char[3])) / 2 * SCALE for char in chars]
        inside = [any(start <= x <= end for start, end in suspect.parts) for x in middles]
        covered = b"".join(char[0] for char, is_in in zip(chars, inside, strict=True) if is_in)
        seen = b"".join(char[0] for char, is_in in zip(chars, inside, strict=True) if not is_in)
        return html.unescape(covered.decode("utf-8", "replace")), html.unescape(
            seen.decode("utf-8", "replace")
        )
    return "", suspect.run.text


def _run(chars: Sequence[tuple[bytes, ...]], visible: Sequence[bytes]) -> _HiddenRun:
    boxes = [[float(value) * SCALE for value in char[1:5]] for char in chars]
    left = html.unescape(b"".join(visible).decode("utf-8", "replace"))
    return _HiddenRun(
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
        left,
    )


def _is_on(box: _Box, areas: Sequence[_Box]) -> bool:
    """True when the middle of the box lies on something that was painted: white on a coloured ground."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in areas)


def _seen(lines: Sequence[Line], runs: Sequence[_HiddenRun]) -> Iterator[Line]:
    """The lines without what is hidden in them."""
    middles = [(line.y0 + line.y1) / 2 for line in lines]
    bands = Bands(((run.y0 - _SLACK, run.y1 + _SLACK, run) for run in runs), middles)
    for line, middle in zip(lines, middles, strict=True):
        near = [run for run in bands.around(middle) if run.y0 - _SLACK <= middle <= run.y1 + _SLACK]
        spans = [(_visible(span, near), *span[1:]) for span in line.spans]
        if all(new[0] == old[0] for new, old in zip(spans, line.spans, strict=True)):
            yield line
        else:
            rest = line.of([span for span in spans if span[0]])
            if rest is not None:
                yield rest


def _visible(span: Span, runs: Sequence[_HiddenRun]) -> str:
    text, _, _, size, x0, x1 = span
    if size < TINY_SIZE and text.strip():
        return ""
    for run in runs:
        if abs(run.x0 - x0) <= _SLACK and abs(run.x1 - x1) <= _SLACK:
            return run.visible
        if not run.visible and run.x0 - _SLACK <= x0 and x1 <= run.x1 + _SLACK:
            return ""
    return text
