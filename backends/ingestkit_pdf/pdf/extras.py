"""What a document has besides its pages' content: form, signatures, annotations, links and attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import Link
from ingestkit_pdf.pdf.annotations import Annotations, read_annotations
from ingestkit_pdf.pdf.attachments import Attachments, read_attachments
from ingestkit_pdf.pdf.forms import Form, read_form
from ingestkit_pdf.pdf.links import PageLink, link_result
from ingestkit_pdf.pdf.mupdf import Document
from ingestkit_pdf.pdf.objects import ObjectScan

__all__ = ["Extras"]

_MIB = 2**20  # bytes


@dataclass(slots=True)
class Extras:
    """Everything of a document that is no content of a page."""

    form: Form = field(default_factory=Form)
    annotations: Annotations = field(default_factory=Annotations)
    attachments: Attachments = field(default_factory=Attachments)
    links: list[Link] = field(default_factory=list)
    links_left_out: int = 0

    def add_links(self, page_number: int, links: Sequence[PageLink], document: Document, limit: int) -> None:
        """Follow the links of one page, as long as there is room for them."""
        room = limit - len(self.links)
        self.links.extend([link_result(page_number, link, document) for link in links[:room]])
        self.links_left_out += max(len(links) - room, 0)

    def read(
        self, document: Document, scan: ObjectScan, config: PDFProcessorConfig, *, file_size: int
    ) -> None:
        """Read what is read of the document as a whole."""
        self.form = read_form(document, scan, limit=config.max_form_fields, file_size=file_size)
        self.annotations = read_annotations(document, scan, limit=config.max_annotations)
        self.attachments = read_attachments(
            document, scan, limit=config.max_attachments, read_bytes=config.max_attachments_mb * _MIB
        )

    @property
    def left_out(self) -> dict[ErrorCode, int]:
        """How many of each kind had to be left out, where some had to."""
        numbers = {
            ErrorCode.W_FORM_FIELDS_LEFT_OUT: self.form.left_out,
            ErrorCode.W_ANNOTATIONS_LEFT_OUT: self.annotations.left_out,
            ErrorCode.W_ATTACHMENTS_LEFT_OUT: self.attachments.left_out,
            ErrorCode.W_LINKS_LEFT_OUT: self.links_left_out,
        }
        return {code: number for code, number in numbers.items() if number}
