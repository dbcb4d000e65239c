"""What a page says is said once, whether it has become a cell or has stayed a line."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.lines import Fonts, Line, read_lines
from ingestkit_pdf.pdf.mupdf import Document, ParserError, open_document
from ingestkit_pdf.pdf.tables import TableLine, make_engine, recognise
from support.made_pdf import PROSE, run, save

CONFIG = PDFProcessorConfig(table_page_seconds=5)
_MAX_PAGES = 60  # of a document of the corpus


def letters(lines: Sequence[Line]) -> Counter[str]:
    """How often each letter stands in lines and cells, in whatever order and form."""
    texts = [
        text
        for line in lines
        for text in ([cell.text for cell in line.table.cells] if isinstance(line, TableLine) else [line.text])
    ]
    plain = unicodedata.normalize("NFKD", "".join(texts))
    return Counter(char for char in plain if char.isalnum())


def pages(document: Document) -> Iterator[tuple[list[Line], list[Line]]]:
    """The lines of each page, and the lines with tables among them."""
    engine = make_engine(CONFIG)
    count = document.page_count
    for index in range(0, count, max(count // _MAX_PAGES, 1)):
        try:
            content = document.read_page(index)
        except ParserError:
            continue
        lines = read_lines(content.blocks, content.width, content.height, Fonts()).lines
        yield lines, recognise(content, list(lines), index + 1, CONFIG, engine).lines


def grid(page: Any, left: float, top: float, texts: list[list[str]], width: float = 110) -> None:
    """Draw a ruled table."""
    rows, cols = len(texts), len(texts[0])
    for row in range(rows + 1):
        page.draw_line((left, top + 20 * row), (left + width * cols, top + 20 * row))
    for col in range(cols + 1):
        page.draw_line((left + width * col, top), (left + width * col, top + 20 * rows))
    for row, cells in enumerate(texts):
        for col, text in enumerate(cells):
            page.insert_text((left + width * col + 5, top + 20 * row + 14), text, fontsize=9)


COSTS = [["Part", "Hours", "Cost"], *([f"INNER {row}", f"{row}5", f"{row}50"] for row in range(4))]


def nested(document: Any) -> None:
    """A table of labels and values whose last row holds another table and a sum."""
    page = document.new_page()
    for row in range(3):
        page.insert_text((80, 168 + 30 * row), f"Label {row}")
        page.insert_text((280, 168 + 30 * row), f"Value {row}")
    for y in (150, 180, 210, 240, 440):
        page.draw_line((72, y), (472, y))
    for x, bottom in ((72, 440), (472, 440), (272, 240)):
        page.draw_line((x, 150), (x, bottom))
    grid(page, 92, 270, COSTS)
    page.insert_text((100, 400), "GRAND TOTAL 5,738")


def beside(document: Any) -> None:
    """A line that begins left of a table, one that goes on behind it, and one that goes through its rules."""
    page = document.new_page()
    page.insert_textbox((72, 60, 523, 140), PROSE)
    grid(page, 150, 200, COSTS)
    page.insert_text((40, 234), "ATTENTION: a long label that reaches into the table", fontsize=9)
    page.insert_text((400, 254), "150 dollars of the customer's money", fontsize=9)
    page.insert_text((100, 274), "through every column of it and beyond the last, to the end", fontsize=11)


def in_a_box(document: Any) -> None:
    """A table in one box with a long text."""
    page = document.new_page()
    page.draw_rect((72, 200, 522, 520))
    grid(page, 72, 200, [[f"a{row}", f"{row}.5", f"{row}00"] for row in range(5)], width=150)
    page.insert_textbox((80, 320, 515, 500), PROSE * 3)


def turned(document: Any) -> None:
    """A table beside which a line runs up in the same frame."""
    page = document.new_page()
    grid(page, 150, 200, COSTS)
    page.draw_rect((130, 200, 150, 300))
    page.insert_text((145, 290), "ALL RIGHTS RESERVED", fontsize=7, rotate=90)


@pytest.mark.parametrize("draw", [nested, beside, in_a_box, turned])
def test_every_letter_is_in_a_cell_or_in_a_line(tmp_path: Path, draw: Any) -> None:
    """Text in a table's box but in none of its cells would vanish without a word, or come twice."""
    with open_document(str(save(tmp_path, draw))) as document:
        ((before, after),) = pages(document)
    assert any(isinstance(line, TableLine) for line in after)
    assert letters(after) == letters(before)


def test_every_letter_of_real_documents_is_in_a_cell_or_in_a_line(corpus: Path) -> None:
    """What made documents do not think of would be lost."""
    wrong = []
    for path in sorted([*(corpus / "bench").rglob("*.pdf"), *(corpus / "valid").rglob("*.pdf")]):
        with open_document(str(path)) as document:
            wrong += [
                (path.name, (letters(before) - letters(after), letters(after) - letters(before)))
                for before, after in pages(document)
                if letters(after) != letters(before)
            ]
    assert wrong == []


def test_a_table_in_a_cell_of_another_is_kept(tmp_path: Path) -> None:
    """The inner table would be lost with all of its values."""
    outer, inner = run(save(tmp_path, nested)).table_data
    assert (inner.headers, inner.rows) == (COSTS[0], COSTS[1:])
    assert outer.rows[-1][0] == "GRAND TOTAL 5,738"


def test_turned_text_is_one_word_of_its_cell(tmp_path: Path) -> None:
    """Names of columns that run up would be read backwards, word by word."""

    def draw(document: Any) -> None:
        page = document.new_page()
        grid(page, 150, 200, COSTS)
        for x in (150, 260, 370, 480):
            page.draw_line((x, 100), (x, 200))
        page.draw_line((150, 100), (480, 100))
        for col, text in enumerate(("ALL RIGHTS RESERVED", "HOURS OF WORK", "COST OF PARTS")):
            page.insert_text((200 + 110 * col, 195), text, fontsize=8, rotate=90)
        page.insert_text((250, 234), "crossed by a rule", fontsize=9)

    (table,) = run(save(tmp_path, draw)).table_data
    assert table.header_rows[0] == ["ALL RIGHTS RESERVED", "HOURS OF WORK", "COST OF PARTS"]
