"""What is loaded and run before workers are forked: they share it, and the first document is not late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.language import load_detector
from ingestkit_pdf.pdf.mupdf.binding import pymupdf
from ingestkit_pdf.pdf.ocr import load_binding
from ingestkit_pdf.pdf.pipeline import process_document
from ingestkit_pdf.pdf.tokens import load_tokenizer, tokenizer_identity

__all__ = ["warm_up"]

_REHEARSALS = 10
"""Runs after which Python 3.11 has specialised most of what a page runs through: 8 of a function's calls."""


def warm_up(*tokenizers: str) -> None:
    """Load the language detector, the OCR engine's library where there is one, and tokenizers.

    Then read a document of our own a few times: what is imported, compiled and specialised by that, each
    worker would otherwise do for itself, and is slow for as long as it does.

    Args:
        tokenizers: Besides the default one; which may be files.

    Raises:
        TokenizerError: One of them cannot be used.
    """
    load_detector()
    load_binding()
    config = PDFProcessorConfig()
    for name in (config.tokenizer, *tokenizers):
        load_tokenizer(name)
        tokenizer_identity(name)
    with _sample() as path:
        for _ in range(_REHEARSALS):
            process_document(path, config.model_dump())


@contextmanager
def _sample() -> Iterator[str]:
    """The path of two pages with what is common: a heading, a paragraph, a list, a ruled table, a link."""
    with pymupdf.open() as document:
        for number in (1, 2):
            page = document.new_page()
            page.insert_text((72, 72), f"{number}. A heading of the sample", fontsize=18, fontname="hebo")
            lines = ["A paragraph has lines of common words, and they are read from left to right."] * 12
            page.insert_text((72, 110), lines, fontsize=10)
            page.insert_text((72, 300), [f"\u2022 Item {item} of a list" for item in range(3)], fontsize=10)
            for row, column in product(range(4), range(3)):
                cell = pymupdf.Rect(0, 0, 120, 20) + (72 + 120 * column, 400 + 20 * row) * 2
                page.draw_rect(cell)
                page.insert_text(pymupdf.Point(4, 14) + cell.tl, f"cell {row} {column}", fontsize=9)
            area = pymupdf.Rect(72, 60, 200, 80)
            page.insert_link({"kind": pymupdf.LINK_URI, "uri": "https://example.org", "from": area})
        document.set_toc([[1, "The first page", 1], [1, "The second page", 2]])
        data = document.tobytes()
    with os.fdopen(os.memfd_create("ingestkit-sample", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(data)
        yield f"/proc/self/fd/{file.fileno()}"
