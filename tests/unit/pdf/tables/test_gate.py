"""Which pages are looked at for tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingestkit_pdf.pdf.lines import Fonts, read_lines
from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.tables.gate import may_have_tables
from support.made_pdf import PROSE, save


def passes(folder: Path, draw: Any, vectors: int = 0) -> bool:
    """What the gate says of the first page."""
    with open_document(str(save(folder, draw))) as document:
        content = document.read_page(0)
        lines = read_lines(content.blocks, content.width, content.height, Fonts()).lines
    return may_have_tables(lines, vectors)


def test_prose_in_two_columns_does_not_pass(tmp_path: Path) -> None:
    """Every page of every paper would pay for tables it has not."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_textbox((60, 80, 290, 700), PROSE * 12, fontsize=9)
        page.insert_textbox((310, 80, 540, 700), PROSE * 12, fontsize=9)

    assert not passes(tmp_path, draw)


def test_a_few_rows_pass_only_beside_drawings(tmp_path: Path) -> None:
    """Small ruled tables would be missed, or a date beside a place taken for a table."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(2):
            page.insert_text((72, 100 + 20 * row), "label")
            page.insert_text((300, 100 + 20 * row), "value")

    assert not passes(tmp_path, draw)
    assert passes(tmp_path, draw, vectors=8)


def test_many_rows_pass_without_drawings(tmp_path: Path) -> None:
    """Tables without rules would be missed."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(6):
            page.insert_text((72, 100 + 20 * row), "label")
            page.insert_text((300, 100 + 20 * row), "value")

    assert passes(tmp_path, draw)
