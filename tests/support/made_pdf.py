"""Documents made with PyMuPDF for the tests of the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PageResult, ProcessingResult
from ingestkit_pdf.pdf import process_document

import pymupdf  # isort: skip # after the pipeline, which sets it up

PROSE = (
    "The quick brown fox jumps over the lazy dog while the keeper of the garden counts his apples. "
    "Nothing in this paragraph is of any importance, except that it has enough words to be a text. "
)


def run(path: Path | str, **config: Any) -> ProcessingResult:
    """The result of the document under a configuration."""
    return process_document(str(path), PDFProcessorConfig(**config).model_dump())


def save(folder: Path, draw: Callable[[Any], None], name: str = "made.pdf", **options: Any) -> Path:
    """A document that `draw` has filled."""
    document = pymupdf.open()
    draw(document)
    path = folder / name
    document.save(path, **options)
    document.close()
    return path


def prose_page(document: Any, text: str = PROSE * 4, **options: Any) -> Any:
    """A new page with a paragraph on it."""
    page = document.new_page(**options)
    page.insert_textbox((72, 100, 523, 740), text, fontsize=11)
    return page


def write_lines(page: Any, lines: list[tuple[float, str]], top: float = 100, **options: Any) -> None:
    """Lines of (x, text) under each other."""
    for row, (x, text) in enumerate(lines):
        page.insert_text((x, top + 14 * row), text, **({"fontsize": 11} | options))


def headings_of(result: ProcessingResult) -> list[str]:
    """The headings of the document as Markdown has them."""
    assert result.errors == []
    return [line for line in result.markdown.splitlines() if line.startswith("#")]


def picture(width: int = 60, height: int = 60, grey: int = 90) -> bytes:
    """A grey PNG."""
    pixmap = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, width, height), False)
    pixmap.clear_with(grey)
    data: bytes = pixmap.tobytes("png")
    return data


def only_page(result: ProcessingResult) -> PageResult:
    """The page of a document of one page that was read."""
    assert result.errors == []
    (page,) = result.pages
    return page
