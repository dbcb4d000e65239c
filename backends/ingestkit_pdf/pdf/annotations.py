"""Notes and marks on the pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf.models import Annotation
from ingestkit_pdf.pdf.metadata import clean_text, iso_date
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.values import PageFrame, beyond, items, lines_of, text_of

__all__ = ["Annotations", "read_annotations"]

_OTHERS = frozenset({"Link", "Widget", "Popup"})
_HIDDEN = 1 << 1 | 1 << 5  # Hidden and NoView

_get = _m.ll_pdf_dict_gets


@dataclass(slots=True)
class Annotations:
    """What was found; `visible` are the indices of those that a reader of the page can see."""

    found: list[Annotation] = field(default_factory=list)
    visible: set[int] = field(default_factory=set)
    left_out: int = 0


def read_annotations(document: Document, scan: ObjectScan, *, limit: int) -> Annotations:
    """Read the annotations of a document that are neither links nor fields; the broken ones are counted."""
    annotations = Annotations()
    pdf = document.pdf.m_internal
    for number in sorted(scan.marked_pages):
        try:
            with guarded():
                page = _m.ll_pdf_lookup_page_obj(pdf, number - 1)
                frame = PageFrame(page)
                nodes = list(items(_get(page, "Annots")))
                annotations.left_out += beyond(_get(page, "Annots"))
        except ParserError:
            annotations.left_out += 1
            continue
        for node in nodes:
            try:
                with guarded():
                    _add(annotations, node, number, frame, limit)
            except ParserError:
                annotations.left_out += 1
    return annotations


def _add(annotations: Annotations, node: Any, number: int, frame: PageFrame, limit: int) -> None:
    kind = clean_text(_m.ll_pdf_to_name(_get(node, "Subtype")))
    if kind is None or kind in _OTHERS:
        return
    if len(annotations.found) >= limit:
        annotations.left_out += 1
        return
    if not _m.ll_pdf_to_int(_get(node, "F")) & _HIDDEN:
        annotations.visible.add(len(annotations.found))
    annotations.found.append(
        Annotation(
            page_number=number,
            kind=kind,
            text=lines_of(_get(node, "Contents")),
            author=clean_text(text_of(_get(node, "T"))),
            subject=clean_text(text_of(_get(node, "Subj"))),
            modified=iso_date(text_of(_get(node, "M"))),
            box=frame.box(_get(node, "Rect")),
        )
    )
