"""The fields of a form: names, values, and where they stand; and the signatures among them.

Fields are found by their widgets, page by page, because forms exist whose tree of fields has lost some;
then the tree is walked for fields that stand on no page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf.models import Box, FieldKind, FormField, Signature
from ingestkit_pdf.pdf.metadata import clean_text
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.signatures import read_signature
from ingestkit_pdf.pdf.values import (
    PageFrame,
    ancestors,
    beyond,
    descend,
    inherited,
    items,
    lines_of,
    text_of,
)

__all__ = ["Form", "read_form"]

_MAX_NODES = 100_000  # fields and groups of fields that are looked at
_MAX_OPTIONS = 1000  # of a choice that are kept
_READ_ONLY, _REQUIRED = 1 << 0, 1 << 1
_PASSWORD, _RADIO, _PUSH_BUTTON = 1 << 13, 1 << 15, 1 << 16
_HIDDEN = 1 << 1 | 1 << 5  # annotation flags Hidden and NoView
_KINDS = {"Tx": FieldKind.TEXT, "Ch": FieldKind.CHOICE, "Sig": FieldKind.SIGNATURE}

_get = _m.ll_pdf_dict_gets


@dataclass(slots=True)
class Form:
    """What was found.

    Attributes:
        fields: In the order of the pages, those on no page last.
        visible: Indices of the fields that a reader of the page sees.
        signatures: The signature fields that are signed.
        left_out: Fields beyond the limit, and widgets that could not be read.
    """

    fields: list[FormField] = field(default_factory=list)
    visible: set[int] = field(default_factory=set)
    signatures: list[Signature] = field(default_factory=list)
    left_out: int = 0


@dataclass(slots=True)
class _Place:
    """One widget of a field."""

    page: int
    box: Box | None
    state: str | None
    hidden: bool


def read_form(document: Document, scan: ObjectScan, *, limit: int, file_size: int) -> Form:
    """Read the fields of a document; what is broken is left out and counted.

    Args:
        document: The document.
        scan: Says which pages have widgets.
        limit: More fields are not read.
        file_size: In bytes, for what signatures cover.
    """
    form = Form()
    groups: dict[object, tuple[Any, list[_Place]]] = {}
    pdf = document.pdf.m_internal
    for number in sorted(scan.marked_pages):
        try:
            with guarded():
                page = _m.ll_pdf_lookup_page_obj(pdf, number - 1)
                form.left_out += _collect_widgets(page, number, groups)
        except ParserError:
            form.left_out += 1
    try:
        with guarded():
            root = _get(_get(_get(_m.ll_pdf_trailer(pdf), "Root"), "AcroForm"), "Fields")
            form.left_out += beyond(root)
            for node in _leaves(root):
                groups.setdefault(_key(node), (node, []))
    except ParserError:
        form.left_out += 1
    for node, places in groups.values():
        if len(form.fields) + len(form.signatures) >= limit:
            form.left_out += 1
            continue
        try:
            with guarded():
                _add(form, node, places, file_size)
        except ParserError:
            form.left_out += 1
    return form


def _collect_widgets(page: Any, number: int, groups: dict[object, tuple[Any, list[_Place]]]) -> int:
    """Add the widgets of a page to those of their fields; returns how many were left out."""
    frame = PageFrame(page)
    annotations = _get(page, "Annots")
    left_out = 0
    for widget in items(annotations):
        if _m.ll_pdf_to_name(_get(widget, "Subtype")) != "Widget":
            continue
        if len(groups) > _MAX_NODES:
            left_out += 1
            continue
        node = widget if _get(widget, "T") or not _get(widget, "Parent") else _get(widget, "Parent")
        place = _Place(
            page=number,
            box=frame.box(_get(widget, "Rect")),
            state=_state(widget),
            hidden=bool(_m.ll_pdf_to_int(_get(widget, "F")) & _HIDDEN),
        )
        groups.setdefault(_key(node), (node, []))[1].append(place)
    return left_out + (beyond(annotations) if groups else 0)  # without any field they are something else


def _key(node: Any) -> object:
    return _m.ll_pdf_to_num(node) or ("direct", int(node.this))


def _state(widget: Any) -> str | None:
    """Name of the state that a button shows; None for off, and for what is no button."""
    state = text_of(_get(widget, "AS"))
    return None if state == "Off" else state


def _leaves(fields: Any) -> Iterator[Any]:
    """The fields of the tree that have no fields below them."""
    for node in descend(items(fields), _fields_below):
        if _get(node, "T") and not any(True for _ in _fields_below(node)):
            yield node


def _fields_below(node: Any) -> Iterator[Any]:
    return (kid for kid in items(_get(node, "Kids")) if _get(kid, "T"))


def _add(form: Form, node: Any, places: list[_Place], file_size: int) -> None:
    kind_name = _m.ll_pdf_to_name(inherited(node, "FT"))
    flags = _m.ll_pdf_to_int(inherited(node, "Ff"))
    if kind_name == "Btn":
        push, radio = flags & _PUSH_BUTTON, flags & _RADIO
        kind = FieldKind.BUTTON if push else FieldKind.RADIO if radio else FieldKind.CHECKBOX
    else:
        kind = _KINDS.get(kind_name, FieldKind.UNKNOWN)
    name = ".".join(reversed([part for part in map(_own_name, ancestors(node)) if part]))
    value, options = _value(node, kind, places, secret=bool(flags & _PASSWORD))
    chosen = [place for place in places if place.state is not None] or places
    place = chosen[0] if chosen else None
    if kind is FieldKind.SIGNATURE:
        signed = inherited(node, "V")
        if signed:
            box, page = (place.box, place.page) if place else (None, None)
            form.signatures.append(read_signature(signed, name, page, box, file_size))
    if place is not None and not place.hidden:
        form.visible.add(len(form.fields))
    form.fields.append(
        FormField(
            name=name,
            kind=kind,
            page_number=place.page if place else None,
            box=place.box if place else None,
            label=clean_text(text_of(inherited(node, "TU"))),
            value=value,
            options=options,
            is_checked=value is not None if kind is FieldKind.CHECKBOX else None,
            is_required=bool(flags & _REQUIRED),
            is_read_only=bool(flags & _READ_ONLY),
            is_hidden=place is not None and place.hidden,
        )
    )


def _own_name(node: Any) -> str | None:
    return clean_text(text_of(_get(node, "T")))


def _value(node: Any, kind: FieldKind, places: list[_Place], *, secret: bool) -> tuple[str | None, list[str]]:
    """What is filled in, and what can be chosen."""
    value = inherited(node, "V")
    shown = _options(node)
    options = list(shown.values())
    if kind in {FieldKind.CHECKBOX, FieldKind.RADIO}:
        state = text_of(value) or next((place.state for place in places if place.state), None)
        if not state or state == "Off":
            return None, options
        if state.isdecimal() and int(state) < len(options):  # states that are numbers stand for options
            return options[int(state)], options
        return shown.get(state, state), options
    if secret or kind in {FieldKind.BUTTON, FieldKind.SIGNATURE}:
        return None, options
    if kind is FieldKind.CHOICE:
        found = [text_of(item) for item in items(value)] or [text_of(value)]
        chosen = [shown.get(item, item) for item in found if item]
        return "\n".join(chosen) or None, options
    return lines_of(value), options


def _options(node: Any) -> dict[str, str]:
    """What is stored for each option → what is shown."""
    options: dict[str, str] = {}
    for item in items(inherited(node, "Opt")):
        pair = [text_of(part) for part in items(item)]
        stored = pair[0] if pair else text_of(item)
        shown = pair[1] if len(pair) > 1 else stored
        if stored is not None and len(options) < _MAX_OPTIONS:
            options.setdefault(stored, clean_text(shown) or stored)
    return options
