"""Where on a page something can be filled in."""

from __future__ import annotations

from contextlib import suppress

from ingestkit_pdf.models import Box
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.values import PageFrame, inherited, items

__all__ = ["field_boxes"]

_BUTTON, _SIGNATURE = "Btn", "Sig"
_PUSH_BUTTON = 1 << 16

_get = _m.ll_pdf_dict_gets


def field_boxes(document: Document, index: int) -> list[Box]:
    """The boxes, in points, of the fields of page `index` (from 0); of those that could be read.

    Push buttons hold nothing, and signatures stand under what is said.
    """
    boxes: list[Box] = []
    with suppress(ParserError), guarded():
        page = _m.ll_pdf_lookup_page_obj(document.pdf.m_internal, index)
        frame = PageFrame(page)
        for widget in items(_get(page, "Annots")):
            if _m.ll_pdf_to_name(_get(widget, "Subtype")) != "Widget":
                continue
            kind = _m.ll_pdf_to_name(inherited(widget, "FT"))
            is_push_button = kind == _BUTTON and _m.ll_pdf_to_int(inherited(widget, "Ff")) & _PUSH_BUTTON
            box = frame.box(_get(widget, "Rect"))
            if box is not None and kind != _SIGNATURE and not is_push_button:
                boxes.append(box)
    return boxes
