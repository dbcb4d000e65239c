"""Text that a reader of the page does not see: invisible, white on white, too small.

MuPDF's HTML has the colour of every run and leaves it out where text is invisible, so most pages are
cleared by one print in C and one search. Only pages with invisible or white text are looked at closely.
"""

from __future__ import annotations

import re

from ingestkit_pdf.pdf.lines import PageText
from ingestkit_pdf.pdf.mupdf import PageContent

__all__ = ["hidden_characters"]

_SUSPECT_HTML = re.compile(rb'font-size:[\d.]+pt(?:;color:#(?:f[a-f0-9]){3})?">')
_LINE = re.compile(
    rb'<line bbox="([-\d.e]+) ([-\d.e]+) ([-\d.e]+) ([-\d.e]+)"[^>]*? text="([^"]*)">\s*<font[^>]*>\s*'
    rb'<char [^>]*?color="#([0-9a-f]{6})" alpha="#([0-9a-f]{2})"'
)
_ENTITY = re.compile(rb"&[^;]{1,8};")
_WHITE = re.compile(b"(?:f[a-f0-9]){3}")
_MIN_CHARS = 3


def hidden_characters(content: PageContent, text: PageText) -> int:
    """How many characters of the page cannot be seen; 0 where it is only a stray letter or two."""
    hidden = text.off_page_chars + text.tiny_chars
    if text.lines and _SUSPECT_HTML.search(content.html()):
        hidden += _count(content)
    return hidden if hidden >= _MIN_CHARS else 0


def _count(content: PageContent) -> int:
    invisible, white = 0, []
    for match in _LINE.finditer(content.xml()):
        letters = len(_ENTITY.sub(b"x", match.group(5)).strip())
        if match.group(7) == b"00":
            invisible += letters
        elif _WHITE.fullmatch(match.group(6)):
            box = tuple(float(match.group(i)) for i in range(1, 5))
            white.append((box, letters))
    if white:
        painted = content.painted_areas()
        invisible += sum(letters for box, letters in white if not _is_on(box, painted))
    return invisible


def _is_on(box: tuple[float, ...], areas: list[tuple[float, float, float, float]]) -> bool:
    """True when the middle of the box lies on something that was painted: white on a coloured ground."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in areas)
