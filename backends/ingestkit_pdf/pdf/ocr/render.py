"""A page, or an area of it, as a picture: MuPDF paints it turned as it is wanted."""

from __future__ import annotations

import math

from ingestkit_pdf.pdf.mupdf import PageContent, guarded, mupdf
from ingestkit_pdf.pdf.ocr.geometry import Turn
from ingestkit_pdf.pdf.ocr.model import Picture

__all__ = ["render"]

_WHITE = 0xFF  # what a page is painted on


def render(content: PageContent, turn: Turn, dpi: int) -> Picture:
    """Paint what `turn` shows of a page, in grey on white, annotations left out.

    Raises:
        ParserError: MuPDF cannot.
        OutOfMemoryError: It was refused memory.
    """
    scale = dpi / 72
    width, height = max(math.ceil(turn.width * scale), 1), max(math.ceil(turn.height * scale), 1)
    sin, cos = math.sin(math.radians(turn.degrees)), math.cos(math.radians(turn.degrees))
    with guarded():
        matrix = mupdf.FzMatrix(
            cos * scale, sin * scale, -sin * scale, cos * scale, -turn.left * scale, -turn.top * scale
        )
        grey = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_GRAY)
        pixmap = mupdf.FzPixmap(grey, mupdf.FzIrect(0, 0, width, height), mupdf.FzSeparations(), 0)
        mupdf.fz_clear_pixmap_with_value(pixmap, _WHITE)
        device = mupdf.fz_new_draw_device(matrix, pixmap)
        mupdf.fz_run_page_contents(content.page, device, mupdf.FzMatrix(), mupdf.FzCookie())
        mupdf.fz_close_device(device)
        samples = bytes(mupdf.fz_pixmap_samples_memoryview(pixmap))
        mupdf.fz_empty_store()  # decoded images stay in it: hundreds of megabytes
    return Picture(samples, width, height, dpi)
