"""What the file says of itself."""

from __future__ import annotations

from ingestkit_pdf.models.base import Model

__all__ = ["DocumentMetadata", "OutlineEntry"]


class OutlineEntry(Model):
    """One entry of the document's outline (bookmarks); level counts from 1."""

    level: int
    title: str
    page_number: int | None = None


class DocumentMetadata(Model):
    """What the file says of itself. Dates are ISO 8601 where the file's own date could be read."""

    title: str | None = None
    author: str | None = None
    subject: str | None = None
    keywords: str | None = None
    creator: str | None = None
    producer: str | None = None
    creation_date: str | None = None
    modification_date: str | None = None
    pdf_version: str | None = None
    page_count: int = 0
    file_size_bytes: int = 0
    content_sha256: str = ""
    language: str | None = None
    encryption: str | None = None
    needs_password: bool = False
    is_encrypted: bool = False
    is_signed: bool = False
    is_tagged: bool = False
    is_linearized: bool = False
    is_repaired: bool = False
    has_form_fields: bool = False
    has_xfa: bool = False
    has_javascript: bool = False
    signature_count: int = 0
    attachment_count: int = 0
    outline: list[OutlineEntry] = []
