"""What the file says of itself."""

from __future__ import annotations

from ingestkit_pdf.models.base import Model

__all__ = ["Attachment", "DocumentMetadata", "OutlineEntry"]


class Attachment(Model):
    """A file inside the document. It is listed, never opened, run or kept.

    Attributes:
        name: Its name as the document gives it, without folders; one line.
        size_bytes: Its size; None where it was not read.
        sha256: Of its content, hex; None where it was not read: it does not fit into what is left of
            `max_attachments_mb`, or is damaged.
        description: What the document says of it.
        mime_type: Its type as the document declares it.
        created: When, ISO 8601, as the document says.
        modified: Likewise.
        page_number: The page it is pinned to, for one that is.
    """

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    description: str | None = None
    mime_type: str | None = None
    created: str | None = None
    modified: str | None = None
    page_number: int | None = None


class OutlineEntry(Model):
    """One entry of the document's outline (bookmarks); level counts from 1."""

    level: int
    title: str
    page_number: int | None = None


class DocumentMetadata(Model):
    """What the file says of itself. Dates are ISO 8601 where the file's own date could be read.

    `language` is what the file declares; `detected_language` is that of most of its text, an ISO 639 code
    (`de`), None where it could not be told. `needs_password` is true of a document that opens only with one.
    """

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
    detected_language: str | None = None
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
