"""What a document holds: chunks and tables, with where they stand."""

from __future__ import annotations

from ingestkit_pdf.models.base import Box, Model
from ingestkit_pdf.models.enums import ContentType

__all__ = ["Chunk", "Heading", "PageBox", "TableResult", "TableSpan"]


class PageBox(Model):
    """A rectangle on a page."""

    page_number: int
    box: Box


class Heading(Model):
    """A heading of the document.

    Attributes:
        level: From 1, the highest.
        text: On one line.
        page_number: The page it begins on.
        box: Around it on that page.
    """

    level: int
    text: str
    page_number: int
    box: Box


class Chunk(Model):
    """A piece of the document for search: text that belongs together, and where it stands.

    Attributes:
        id: Stable for the same document and configuration: derived from the ingest key and the index.
        index: Position in the document, from 0.
        text: The text, at most `chunk_size_tokens` long unless one unbreakable unit is longer.
        page_numbers: The pages the text stands on, ascending, carried from the spans.
        heading_path: Titles of the enclosing headings, outermost first.
        content_type: What it holds.
        boxes: Around the chunk's text, by page; on a page one for each column that it stands in, and for what
            spans columns.
        token_count: Length in tokens as the chunker counts them.
        sha256: SHA-256 of the text in UTF-8, hex.
    """

    id: str
    index: int
    text: str
    page_numbers: list[int]
    heading_path: list[str] = []
    content_type: ContentType = ContentType.NARRATIVE
    boxes: list[PageBox] = []
    token_count: int = 0
    sha256: str = ""


class TableSpan(Model):
    """A cell over several rows or columns; its text stands in the first of them, the others are empty.

    Rows count from the first of `header_rows`, rows and columns from 0.
    """

    row: int
    col: int
    row_count: int
    col_count: int


class TableResult(Model):
    """One table as data; the header's cells, where it has one, are in `headers` and not in `rows`.

    Attributes:
        page_number: The page it stands on.
        table_index: Position among the tables of the page, from 0.
        rows: The text of every cell, row by row.
        headers: One name for each column: what stands above it in the header, joined.
        header_rows: The header as it is printed, row by row.
        spans: Its merged cells.
        box: Around it.
        caption: The text that names it (`Table 3: ...`).
        is_continuation: It goes on with a table of the page before.
        continuation_group_id: Name of the first of the tables that belong together, the same in all of them.
    """

    page_number: int
    table_index: int
    rows: list[list[str]] = []
    headers: list[str] | None = None
    header_rows: list[list[str]] = []
    spans: list[TableSpan] = []
    box: Box | None = None
    caption: str | None = None
    is_continuation: bool = False
    continuation_group_id: str | None = None
