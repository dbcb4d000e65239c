"""The engines that are compared, each behind the same questions: which tables, Markdown, language?

What is not installed is left out: `load` raises ImportError, and the report says so.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from _truth.markdown import tables as tables_in_markdown
from _truth.tables import Cell, Table, from_rows

__all__ = ["ENGINES", "Engine"]


class Engine:
    """What is common: a name for the report, and what it can be asked for.

    Attributes:
        asks: Of `tables`, `markdown` and `language`.
    """

    asks: frozenset[str] = frozenset()

    def load(self) -> str:
        """Import what is needed, and say which version it is."""
        raise NotImplementedError

    def tables(self, path: str) -> list[Table]:
        """The tables of a document."""
        raise NotImplementedError

    def markdown(self, path: str) -> str:
        """A document as Markdown or plain text."""
        raise NotImplementedError

    def language(self, path: str) -> str | None:
        """The language of a document, an ISO 639 code."""
        raise NotImplementedError


class Ours(Engine):
    """The pipeline, as the configuration of `layout_engine` says; tables come from `table_data`."""

    asks = frozenset({"tables", "markdown", "language"})

    def __init__(self, layout_engine: str) -> None:
        self._layout_engine = layout_engine

    def load(self) -> str:
        from ingestkit_pdf.config import PARSER_VERSION, PDFProcessorConfig
        from ingestkit_pdf.pdf import process_document

        if self._layout_engine == "layout":
            from ingestkit_pdf.pdf.mupdf import load_layout_model

            load_layout_model()
        self._process = process_document
        self._config = PDFProcessorConfig(
            layout_engine=self._layout_engine,
            reject_javascript=False,
            reject_javascript_override_reason="benchmark: read every document",
        ).model_dump()
        return PARSER_VERSION

    def tables(self, path: str) -> list[Table]:
        # The truth is of tables with text, and other engines for tables read no pictures.
        config = {**self._config, "ocr_engine": "none"}
        return [_of_result(table) for table in self._process(path, config).table_data]

    def markdown(self, path: str) -> str:
        text: str = self._process(path, self._config).markdown
        return text

    def language(self, path: str) -> str | None:
        found: str | None = self._process(path, self._config).metadata.detected_language
        return found


def _of_result(table: Any) -> Table:
    spans = {(span.row, span.col): span for span in table.spans}
    cells = []
    header = table.header_rows or ([table.headers] if table.headers else [])
    for row, texts in enumerate([*header, *table.rows]):
        for col, text in enumerate(texts):
            span = spans.get((row, col))
            last_row = row + span.row_count - 1 if span else row
            last_col = col + span.col_count - 1 if span else col
            cells.append(Cell(row, col, last_row, last_col, text))
    return Table(table.page_number, cells)


class FindTables(Engine):
    """`Page.find_tables()` of PyMuPDF on every page; from 2.0 on with its layout model, if it is there."""

    asks = frozenset({"tables"})

    def load(self) -> str:
        import pymupdf

        pymupdf.TOOLS.mupdf_display_errors(False)
        pymupdf.TOOLS.mupdf_display_warnings(False)
        self._open = pymupdf.open
        return f"pymupdf {pymupdf.__version__}"

    def tables(self, path: str) -> list[Table]:
        with self._open(path) as document:
            return [
                from_rows(page.number + 1, table.extract())
                for page in document
                for table in page.find_tables().tables
            ]


class PdfPlumber(Engine):
    """pdfplumber with its default settings on every page."""

    asks = frozenset({"tables"})

    def load(self) -> str:
        import pdfplumber

        self._open = pdfplumber.open
        return f"pdfplumber {pdfplumber.__version__}"

    def tables(self, path: str) -> list[Table]:
        with self._open(path) as document:
            return [
                from_rows(page.page_number, rows) for page in document.pages for rows in page.extract_tables()
            ]


class Camelot(Engine):
    """camelot with one of its flavours, on every page."""

    asks = frozenset({"tables"})

    def __init__(self, flavor: str) -> None:
        self._flavor = flavor

    def load(self) -> str:
        import camelot

        self._read = camelot.read_pdf
        return f"camelot {camelot.__version__}"

    def tables(self, path: str) -> list[Table]:
        found = self._read(path, pages="all", flavor=self._flavor, suppress_stdout=True)
        return [from_rows(int(table.page), table.df.values.tolist()) for table in found]


class PyMuPDF4LLM(Engine):
    """pymupdf4llm's Markdown; its tables are read from there."""

    asks = frozenset({"tables", "markdown"})

    def load(self) -> str:
        import pymupdf
        import pymupdf4llm

        pymupdf.TOOLS.mupdf_display_errors(False)
        pymupdf.TOOLS.mupdf_display_warnings(False)
        self._to_markdown = pymupdf4llm.to_markdown
        return f"pymupdf4llm {pymupdf4llm.__version__}"

    def _chunks(self, path: str) -> list[Any]:
        chunks: list[Any] = self._to_markdown(path, page_chunks=True, show_progress=False)
        return chunks

    def tables(self, path: str) -> list[Table]:
        return [
            from_rows(number, rows)
            for number, chunk in enumerate(self._chunks(path), start=1)
            for rows in tables_in_markdown(chunk["text"])
        ]

    def markdown(self, path: str) -> str:
        return "\n".join(chunk["text"] for chunk in self._chunks(path))


class PlainText(Engine):
    """`Page.get_text()`, nothing else."""

    asks = frozenset({"markdown"})

    def load(self) -> str:
        import pymupdf

        pymupdf.TOOLS.mupdf_display_errors(False)
        pymupdf.TOOLS.mupdf_display_warnings(False)
        self._open = pymupdf.open
        return f"pymupdf {pymupdf.__version__}"

    def markdown(self, path: str) -> str:
        with self._open(path) as document:
            return "\n".join(page.get_text() for page in document)


class PdfToText(Engine):
    """Poppler's pdftotext."""

    asks = frozenset({"markdown"})

    def load(self) -> str:
        program = shutil.which("pdftotext")
        if program is None:
            raise ImportError("pdftotext is not on the path: install poppler-utils")
        self._program = program
        return "pdftotext"

    def markdown(self, path: str) -> str:
        done = subprocess.run([self._program, path, "-"], capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace")


ENGINES: dict[str, Callable[[], Engine]] = {
    "fast": lambda: Ours("fast"),
    "layout": lambda: Ours("layout"),
    "find_tables": FindTables,
    "pdfplumber": PdfPlumber,
    "camelot-stream": lambda: Camelot("stream"),
    "camelot-lattice": lambda: Camelot("lattice"),
    "pymupdf4llm": PyMuPDF4LLM,
    "plain-text": PlainText,
    "pdftotext": PdfToText,
}
"""What `--engines` can name, in the order of the report."""
