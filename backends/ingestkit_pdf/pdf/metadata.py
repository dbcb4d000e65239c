"""What the file says of itself: information dictionary, encryption, signatures, attachments, outline."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from ingestkit_pdf.models import DocumentMetadata, OutlineEntry
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.objects import ObjectScan

__all__ = ["clean_text", "has_telling_outline", "iso_date", "read_metadata", "read_outline"]

_MAX_OUTLINE_ENTRIES = 20_000  # that are read
_MAX_OUTLINE_DEPTH = 32  # entries below are left out
_FEW_ENTRIES, _ENTRIES_A_PAGE = 4, 0.25  # of an outline that tells all headings
_DATE = re.compile(
    r"(?:D:)?\s*(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?\s*(?:([Zz])|([+-])(\d{2})'?(\d{2})?'?)?"
)


def iso_date(text: str | None) -> str | None:
    """A PDF date (`D:20240131120000+01'00'`) as ISO 8601, as exact as it is; None when it is none."""
    match = _DATE.match(text.strip()) if text else None
    if not match:
        return None
    year, month, day, hour, minute, second, zulu, sign, offset_hours, offset_minutes = match.groups()
    try:
        parts = [int(part or default) for part, default in zip(match.groups(), "011000", strict=False)]
        datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc] # only checked
    except ValueError:
        return None
    date = "-".join(part for part in (year, month, day) if part)
    if not (day and hour and minute):
        return date
    zone = "Z" if zulu else f"{sign}{offset_hours}:{offset_minutes or '00'}" if sign else ""
    return f"{date}T{hour}:{minute}:{second or '00'}{zone}"


def read_metadata(
    document: Document,
    scan: ObjectScan,
    outline: list[OutlineEntry],
    *,
    size: int,
    sha256: str,
    linearized: bool,
    attachment_count: int,
) -> DocumentMetadata:
    """Everything the result says of the document as a whole; what cannot be read is left at its default."""
    info: dict[str, Any] = {}
    with suppress(ParserError), guarded():
        info = document.handle.metadata or {}
    catalog = _catalog_facts(document)
    return DocumentMetadata(
        title=clean_text(info.get("title")),
        author=clean_text(info.get("author")),
        subject=clean_text(info.get("subject")),
        keywords=clean_text(info.get("keywords")),
        creator=clean_text(info.get("creator")),
        producer=clean_text(info.get("producer")),
        creation_date=iso_date(info.get("creationDate")),
        modification_date=iso_date(info.get("modDate")),
        pdf_version=clean_text((info.get("format") or "").removeprefix("PDF ")),
        page_count=document.page_count,
        file_size_bytes=size,
        content_sha256=sha256,
        language=catalog.get("language"),
        encryption=clean_text(info.get("encryption")),
        is_encrypted=bool(info.get("encryption")),
        needs_password=scan.needed_password,
        is_signed=bool(scan.signed),
        is_tagged=catalog.get("tagged", False),
        is_linearized=linearized,
        is_repaired=document.is_repaired,
        has_form_fields=bool(scan.widget_pages),
        has_xfa=catalog.get("xfa", False),
        has_javascript=bool(scan.javascript),
        signature_count=len(scan.signed),
        attachment_count=attachment_count,
        outline=outline,
    )


def clean_text(value: str | None) -> str | None:
    """A string of the file on one line, without control characters and lone surrogates; None when blank."""
    if not value:
        return None
    cleaned = value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    return " ".join(cleaned.split()) or None


def _catalog_facts(document: Document) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    with suppress(ParserError), guarded():
        root = _m.pdf_dict_gets(_m.pdf_trailer(document.pdf), "Root")
        language = _m.pdf_dict_gets(root, "Lang")
        if language.m_internal:
            facts["language"] = clean_text(_m.pdf_to_text_string(language))
        mark = _m.pdf_dict_gets(_m.pdf_dict_gets(root, "MarkInfo"), "Marked")
        facts["tagged"] = bool(_m.pdf_to_bool(mark))
        facts["xfa"] = bool(_m.pdf_dict_gets(_m.pdf_dict_gets(root, "AcroForm"), "XFA").m_internal)
    return facts


def read_outline(document: Document) -> tuple[list[OutlineEntry], int]:
    """The document's outline in order, and how many entries of it are broken.

    MuPDF refuses an outline that runs in a circle as a whole; that counts as one broken entry.
    """
    entries: list[OutlineEntry] = []
    try:
        with guarded():
            root = _m.pdf_dict_gets(_m.pdf_trailer(document.pdf), "Root")
            if not _m.pdf_dict_gets(_m.pdf_dict_gets(root, "Outlines"), "First").m_internal:
                return [], 0
            node = _m.fz_load_outline(document.handle.this)
            if not node.m_internal:
                return [], 1
            broken = _walk_outline(node, document.page_count, entries)
    except ParserError:
        return [], 1
    return entries, broken


def has_telling_outline(document: Document) -> bool:
    """True when the outline has so many entries that it can name the headings of the document."""
    entries, _ = read_outline(document)
    return len(entries) >= max(_FEW_ENTRIES, document.page_count * _ENTRIES_A_PAGE)


def _walk_outline(node: Any, page_count: int, entries: list[OutlineEntry]) -> int:
    broken = 0
    stack: list[tuple[Any, int]] = [(node, 1)]
    while stack and len(entries) < _MAX_OUTLINE_ENTRIES:
        current, level = stack.pop()
        raw = current.m_internal
        page = raw.page.page
        external = bool(raw.uri) and not raw.uri.startswith("#")
        valid = 0 <= page < page_count
        broken += not valid and not external
        title = clean_text(raw.title)
        if title:
            entries.append(OutlineEntry(level=level, title=title, page_number=page + 1 if valid else None))
        following, child = current.next(), current.down()
        if following.m_internal:
            stack.append((following, level))
        if child.m_internal and level < _MAX_OUTLINE_DEPTH:
            stack.append((child, level + 1))
    return broken
