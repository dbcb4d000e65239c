"""From what an engine read to lines like those of native text: what follows sees no difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.ocr.geometry import Box
from ingestkit_pdf.pdf.ocr.model import OcrLine, OcrWord
from ingestkit_pdf.pdf.text import UNSPACED

__all__ = ["make_lines"]

_FIRST_BLOCK = 100_000  # native blocks are numbered from 0
_ASCENT, _DESCENT = 0.95, 0.25  # of the font size: how high MuPDF's own boxes are
_STEP = SCALE // 2  # font sizes are measured from letters: half points are as fine as they get
_SAME_SIZE = 0.13  # sizes that are nearer to the usual one are that; a heading is larger by 0.2
_RUN_GAP = 0.7  # of the font size: spaces in justified text are narrower, and cells further apart
_WIDE = 0.8  # of the font size: a gap between Chinese characters that is one


def make_lines(lines: Sequence[OcrLine], place: Callable[[Box], Box], scale: float) -> list[Line]:
    """Lines with their boxes where `place` puts them, in hundredths of a point.

    Args:
        lines: As the engine gave them.
        place: From pixels to points of the page.
        scale: Points a pixel.
    """
    made = [_make_line(line, place, scale) for line in lines]
    _even_out(made)
    return made


def _make_line(source: OcrLine, place: Callable[[Box], Box], scale: float) -> Line:
    size = max(round(source.size * scale * SCALE / _STEP), 1) * _STEP
    boxes = [_scaled(place((word.x0, word.y0, word.x1, word.y1))) for word in source.words]
    middle = source.words[len(source.words) // 2]
    base = _scaled(place((middle.x0, source.base, middle.x1, source.base)))[3]
    upright = source.is_upright and not _runs_down(boxes)
    if upright:  # as high as native lines, whatever letters are in it
        boxes = [(x0, base - int(_ASCENT * size), x1, base + int(_DESCENT * size)) for x0, _, x1, _ in boxes]
    line = Line(boxes[0], base, _FIRST_BLOCK + source.block)
    line.upright = upright
    for word, box in zip(source.words, boxes, strict=True):
        _append(line, word, size, box)
    return line


def _append(line: Line, word: OcrWord, size: int, box: tuple[int, int, int, int]) -> None:
    """Add a word: to the run of words before it, or as a run of its own after a wide gap."""
    x0, y0, x1, y1 = box
    if not line.spans:
        line.text, line.size, line.longest = word.text, size, len(word.text)
        line.spans.append((word.text, 0, "", size, x0, x1))
        return
    run, _, _, _, left, right = line.spans[-1]
    if UNSPACED.match(line.text[-1:]) and UNSPACED.match(word.text) and 0 < x0 - right < _WIDE * size:
        x0 = right
    length = len(line.text)
    line.extend(word.text, 0, size, (x0, y0, x1, y1))
    if max(x0 - right, left - x1) > _RUN_GAP * size:
        line.spans.append((word.text, 0, "", size, x0, x1))
    else:
        line.spans[-1] = (run + line.text[length:], 0, "", size, min(left, x0), max(right, x1))


def _scaled(box: Box) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (round(value * SCALE) for value in box)
    return x0, y0, x1, y1


def _runs_down(boxes: Sequence[tuple[int, int, int, int]]) -> bool:
    """True when the words stand below each other: the picture was turned, and the page was not."""
    width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    height = max(box[3] for box in boxes) - min(box[1] for box in boxes)
    return height > 2 * width and (len(boxes) > 1 or height > 4 * width)


def _even_out(lines: Sequence[Line]) -> None:
    """Give lines of nearly the same size the same, those of a block first, then those of the page.

    The size of a line is measured from its letters, and is a tenth off where it has no high or low ones.
    """
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    for members in [*blocks.values(), lines]:
        usual = _usual_size(members)
        for line in members:
            if line.size != usual and abs(line.size - usual) <= _SAME_SIZE * usual:
                line.size = usual
                line.spans = [
                    (text, style, name, usual, x0, x1) for text, style, name, _, x0, x1 in line.spans
                ]


def _usual_size(lines: Sequence[Line]) -> int:
    """The size that half of the letters reach."""
    sizes = sorted((line.size, len(line.text)) for line in lines)
    half, seen = sum(letters for _, letters in sizes) / 2, 0
    for size, letters in sizes:
        seen += letters
        if seen >= half:
            return size
    return 0
