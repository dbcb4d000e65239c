"""What is laid over a page: notes of its readers, and links."""

from __future__ import annotations

from ingestkit_pdf.models.base import Box, Model

__all__ = ["Annotation", "Link"]


class Annotation(Model):
    """A note, a mark or a stamp that was put on a page.

    Attributes:
        page_number: The page.
        kind: Its type as PDF names it: `Text` (a note), `FreeText` (typed on the page), `Highlight`,
            `Underline`, `StrikeOut`, `Stamp`, `Ink`, `FileAttachment`, ...
        text: What it says.
        author: Who made it.
        subject: What it is about.
        modified: When, ISO 8601.
        box: Where it is.
    """

    page_number: int
    kind: str
    text: str | None = None
    author: str | None = None
    subject: str | None = None
    modified: str | None = None
    box: Box | None = None


class Link(Model):
    """A place on a page that leads elsewhere: to `uri`, or to page `target_page` of the same document.

    Both are None where the target is missing from the file. The text of the link is in the page's text.
    """

    page_number: int
    box: Box
    uri: str | None = None
    target_page: int | None = None
