"""The tables of one page: the gate, the engine, the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import PageContent, load_layout_model
from ingestkit_pdf.pdf.source import RejectedError
from ingestkit_pdf.pdf.tables.fast import FastEngine
from ingestkit_pdf.pdf.tables.flow import with_tables
from ingestkit_pdf.pdf.tables.gate import may_have_tables
from ingestkit_pdf.pdf.tables.layout import LayoutEngine
from ingestkit_pdf.pdf.tables.model import Box, OutOfTimeError, TableEngine

__all__ = ["PageTables", "make_engine", "recognise", "uses_layout_model"]


@dataclass(frozen=True, slots=True)
class PageTables:
    """The lines of a page with its tables in them.

    Attributes:
        lines: In the order of the content stream, a `TableLine` in the place of each table.
        count: How many tables there are.
        sizes: Letters in the tables, by font size: they say nothing about the size of the body.
        gave_up: The page was beyond the limits: what tables it has stay text.
    """

    lines: list[Line]
    count: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    gave_up: bool = False


def uses_layout_model(config: PDFProcessorConfig) -> bool:
    """True when the configuration asks for PyMuPDF's layout model."""
    return "layout" in {config.layout_engine, config.table_engine}


def make_engine(config: PDFProcessorConfig) -> TableEngine | None:
    """The engine that the configuration names; None where tables stay text.

    Raises:
        RejectedError: It is not installed.
    """
    try:
        if uses_layout_model(config):
            load_layout_model()
    except ImportError as error:
        raise RejectedError(
            ErrorCode.E_PROCESS_TABLE_EXTRACT,
            "layout_engine = 'layout' needs PyMuPDF 2 with its layout model: install ingestkit-pdf[layout],"
            " or choose 'fast'",
            "structure",
        ) from error
    if config.table_engine == "none":
        return None
    engine = LayoutEngine if uses_layout_model(config) else FastEngine
    return engine(config.table_page_seconds)


def recognise(
    content: PageContent,
    lines: list[Line],
    number: int,
    config: PDFProcessorConfig,
    engine: TableEngine | None,
    *,
    fields: Sequence[Box] = (),
) -> PageTables:
    """Find the tables of a page and put them among its lines.

    Args:
        content: The page, interpreted.
        lines: Its lines, in the order of the content stream.
        number: Of the page, from 1.
        config: Says how much a page may cost.
        engine: What finds them.
        fields: Where something can be filled in: what has such cells is a form, and stays text.
    """
    vectors = content.vector_count
    if engine is None or not may_have_tables(lines, vectors):
        return PageTables(lines)
    if vectors > config.table_max_vectors:
        return PageTables(lines, gave_up=True)
    try:
        tables = engine.find(content, lines)
    except OutOfTimeError:
        return PageTables(lines, gave_up=True)
    tables = [table for table in tables if not any(_holds(table.box, field) for field in fields)]
    if not tables:
        return PageTables(lines)
    merged, taken = with_tables(lines, tables, number)
    sizes: dict[int, int] = {}
    for line in taken:
        for text, _, _, size, _, _ in line.spans:
            sizes[size] = sizes.get(size, 0) + len(text)
    return PageTables(merged, len(tables), sizes)


def _holds(box: Box, other: Box) -> bool:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
