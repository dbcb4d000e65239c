"""One walk over the objects that can act: JavaScript, form fields, signatures, attached files.

JavaScript is looked for where a viewer would find it (catalog, pages, annotations, form fields, outline),
never in the words of a page. MuPDF's low-level calls are used here: they hand out borrowed pointers, cost a
third of the wrapped ones, and the walk over 5,000 annotations stays near 20 ms. Every loop is bounded,
because objects may point at each other in circles.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m

__all__ = ["ObjectScan", "scan_objects"]

_MAX_DEPTH = 32  # of nested objects in which scripts are looked for
_MAX_NODES = 100_000  # of fields, annotations and names in which scripts are looked for
_SIGNATURE_FIELD = "Sig"
_PUSH_BUTTON = 1 << 16  # of the flags of a button

_get = _m.ll_pdf_dict_gets
_item = _m.ll_pdf_array_get
_len = _m.ll_pdf_array_len
_name = _m.ll_pdf_to_name


@dataclass(slots=True)
class ObjectScan:
    """What the walk found.

    Attributes:
        javascript: Where a script was found: `catalog`, `names`, `page`, `annotation`, `field`, `outline`.
        widget_pages: Pages (from 1) with form fields that can be filled in.
        marked_pages: Pages with annotations other than links: fields, notes, marks, attached files.
        signed: What tells the signatures of signature fields apart, those that stand on no page included.
        needed_password: The document opened only with the password of its job.
        attachments: Files attached to a page.
    """

    javascript: set[str] = field(default_factory=set)
    widget_pages: set[int] = field(default_factory=set)
    marked_pages: set[int] = field(default_factory=set)
    signed: set[int] = field(default_factory=set)
    attachments: int = 0
    needed_password: bool = False
    nodes: int = 0


def scan_objects(document: Document) -> ObjectScan:
    """Walk over the document's objects; what cannot be read is left out, and shows when it is used."""
    scan = ObjectScan()
    pdf = document.pdf.m_internal
    with suppress(ParserError), guarded():
        root = _get(_m.ll_pdf_trailer(pdf), "Root")
        _scan_catalog(root, scan)
        with suppress(ParserError), guarded():
            _scan_fields(_get(_get(root, "AcroForm"), "Fields"), scan, 0)
        with suppress(ParserError), guarded():
            _scan_outline(_get(_get(root, "Outlines"), "First"), scan, 0)
    for index in range(document.page_count):
        with suppress(ParserError), guarded():
            _scan_page(_m.ll_pdf_lookup_page_obj(pdf, index), index + 1, scan)
    return scan


def _scan_catalog(root: Any, scan: ObjectScan) -> None:
    if _runs_script(_get(root, "OpenAction"), scan) or _has_script_event(_get(root, "AA"), scan):
        scan.javascript.add("catalog")
    scripts = _get(_get(root, "Names"), "JavaScript")
    if scripts and (_len(_get(scripts, "Names")) or _len(_get(scripts, "Kids"))):
        scan.javascript.add("names")


def _scan_page(page: Any, number: int, scan: ObjectScan) -> None:
    if _has_script_event(_get(page, "AA"), scan):
        scan.javascript.add("page")
    annotations = _get(page, "Annots")
    if not annotations:
        return
    for index in range(min(_len(annotations), _MAX_NODES)):
        annotation = _item(annotations, index)
        action = _get(annotation, "A")
        if action and _runs_script(action, scan):
            scan.javascript.add("annotation")
        subtype = _name(_get(annotation, "Subtype"))
        if subtype == "Link":
            continue
        scan.marked_pages.add(number)
        if _has_script_event(_get(annotation, "AA"), scan):
            scan.javascript.add("annotation")
        if subtype == "Widget":
            _scan_widget(annotation, number, scan)
        elif subtype == "FileAttachment":
            scan.attachments += 1


def _scan_widget(widget: Any, number: int, scan: ObjectScan) -> None:
    if not _is_signature(widget, scan) and not _is_push_button(widget):
        scan.widget_pages.add(number)


def _is_push_button(widget: Any) -> bool:
    parent = _get(widget, "Parent")
    flags = int(_m.ll_pdf_to_int(_get(widget, "Ff") or _get(parent, "Ff")))
    return _name(_get(widget, "FT") or _get(parent, "FT")) == "Btn" and bool(flags & _PUSH_BUTTON)


def _is_signature(node: Any, scan: ObjectScan) -> bool:
    """Whether it is a signature field, or the place of one; notes whether it is signed."""
    parent = _get(node, "Parent")
    if _name(_get(node, "FT") or _get(parent, "FT")) != _SIGNATURE_FIELD:
        return False
    owner = node if _get(node, "V") else parent
    value = _get(owner, "V")
    if value:
        scan.signed.add(_m.ll_pdf_to_num(value) or _m.ll_pdf_to_num(owner))
    return True


def _scan_fields(fields: Any, scan: ObjectScan, depth: int) -> None:
    if not fields or depth > _MAX_DEPTH:
        return
    for index in range(_len(fields)):
        scan.nodes += 1
        if scan.nodes > _MAX_NODES:
            return
        node = _item(fields, index)
        if _has_script_event(_get(node, "AA"), scan) or _runs_script(_get(node, "A"), scan):
            scan.javascript.add("field")
        _is_signature(node, scan)
        kids = _get(node, "Kids")
        if kids:
            _scan_fields(kids, scan, depth + 1)


def _scan_outline(node: Any, scan: ObjectScan, depth: int) -> None:
    while node and depth <= _MAX_DEPTH:
        scan.nodes += 1
        if scan.nodes > _MAX_NODES:
            return
        action = _get(node, "A")
        if action and _runs_script(action, scan):
            scan.javascript.add("outline")
        first = _get(node, "First")
        if first:
            _scan_outline(first, scan, depth + 1)
        node = _get(node, "Next")


def _has_script_event(events: Any, scan: ObjectScan) -> bool:
    if not events or not _m.ll_pdf_is_dict(events):
        return False
    return any(
        _runs_script(_m.ll_pdf_dict_get_val(events, index), scan)
        for index in range(_m.ll_pdf_dict_len(events))
    )


def _runs_script(action: Any, scan: ObjectScan, depth: int = 0) -> bool:
    """True when the action, or one that follows it, runs JavaScript."""
    if not action or depth > _MAX_DEPTH or not _m.ll_pdf_is_dict(action):
        return False
    scan.nodes += 1
    if scan.nodes > _MAX_NODES:
        return False
    if _get(action, "JS") or _name(_get(action, "S")) == "JavaScript":
        return True
    following = _get(action, "Next")
    if not following:
        return False
    if _m.ll_pdf_is_array(following):
        return any(_runs_script(_item(following, index), scan, depth + 1) for index in range(_len(following)))
    return _runs_script(following, scan, depth + 1)
