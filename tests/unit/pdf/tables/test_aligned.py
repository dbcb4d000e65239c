"""Tables without rules, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ingestkit_pdf.pdf.tables.fast import find_tables
from ingestkit_pdf.pdf.tables.model import PageInk, Table, Word
from ingestkit_pdf.pdf.tables.textlines import text_lines


def line(y: float, *cells: tuple[float, str]) -> list[Word]:
    """Words of a line from (x, text); a text may have several words."""
    words = []
    for x, text in cells:
        left = x
        for part in text.split():
            words.append(Word(left, y, left + 5.0 * len(part), y + 12, part))
            left += 5.0 * len(part) + 2.5
    return words


def find(*lines: list[Word]) -> list[Table]:
    """The tables of an A4 page without drawings."""
    return find_tables(PageInk(595, 842, [word for words in lines for word in words], []))


def values(top: float = 120) -> list[list[Word]]:
    """Five lines of a label and two numbers."""
    return [
        line(top + 14 * row, (80, f"label number{row}"), (300, f"{row}.25"), (400, f"{row * 7},000"))
        for row in range(5)
    ]


def test_words_of_a_line_stand_in_order_however_they_were_painted() -> None:
    """Cells would change places in tables that are painted column by column from the right."""
    words = [
        Word(200, 100, 240, 112, "third"),
        Word(100, 101, 140, 113, "second"),
        Word(10, 99, 50, 111, "first"),
    ]
    words += [Word(10, 120, 50, 132, "below")]
    assert [line.text for line in text_lines(words)] == ["first second third", "below"]


def test_aligned_columns_are_a_table() -> None:
    """Most tables of papers and reports have no grid; they would all be lost."""
    (table,) = find(line(104, (80, "Kind"), (300, "Share"), (400, "Count")), *values())
    assert table.grid()[0] == ["Kind", "Share", "Count"]
    assert table.grid()[4] == ["label number3", "3.25", "21,000"]
    assert table.header_rows == 1


def test_a_heading_over_columns_spans_them() -> None:
    """Years above two columns each would stand over one of them, or push the columns into one."""
    (table,) = find(
        line(90, (285, "Both figures of the year")),
        line(104, (80, "Kind"), (300, "Share"), (400, "Count")),
        *values(),
    )
    (span,) = [cell for cell in table.cells if cell.last_col > cell.col]
    assert (span.col, span.last_col, span.text) == (1, 2, "Both figures of the year")


def test_a_label_that_wraps_is_one_cell() -> None:
    """The rest of a long label would be a row without values."""
    lines = values()
    lines.insert(3, line(160, (80, "and more of it")))
    for words in lines[4:]:
        words[:] = [word._replace(y0=word.y0 + 14, y1=word.y1 + 14) for word in words]
    (table,) = find(*lines)
    assert table.row_count == 5
    assert table.grid()[2][0] == "label number2 and more of it"


def test_text_around_a_table_stays_out_of_it() -> None:
    """Paragraphs above and below would become rows."""
    prose = "many words that run over the whole width of the page and are no part of anything else here"
    (table,) = find(line(80, (80, prose)), *values(), line(210, (80, prose)))
    assert table.row_count == 5


def test_a_line_of_text_ends_a_table() -> None:
    """Two tables with a sentence between them would be one, the sentence in it."""
    prose = "many words that run over the whole width of the page and are no part of anything else here"
    tables = find(*values(), line(192, (80, prose)), *values(208))
    assert [table.row_count for table in tables] == [5, 5]


def test_two_columns_of_prose_are_no_table() -> None:
    """Every paper in two columns would be a table from end to end."""
    left, right = "words of the left column that fill it all", "other words which fill the right column too"
    assert find(*(line(100 + 14 * row, (60, left), (310, right)) for row in range(30))) == []


def test_a_table_of_contents_is_no_table() -> None:
    """Contents would come as tables of titles and page numbers."""
    assert (
        find(*(line(100 + 14 * row, (80, f"Title {row} . . . . . ."), (500, str(row))) for row in range(12)))
        == []
    )


def entries(pages: Iterable[object]) -> list[list[Word]]:
    """Titles with something at the end of their lines."""
    return [
        line(124 + 14 * row, (80, f"Title of part {row}"), (500, str(page))) for row, page in enumerate(pages)
    ]


@pytest.mark.parametrize("title", ["Contents", "Inhaltsverzeichnis"])
def test_contents_without_leaders_are_no_table(title: str) -> None:
    """Contents whose page numbers just line up would come as tables, too."""
    pages = ["i", "iv", 1, 4, 4, 10, 21, 100]
    assert find(line(90, (80, title)), *entries(pages)) == []
    assert find(line(110, (80, title), (490, "Page")), *entries(pages)) == []


@pytest.mark.parametrize(
    ("title", "numbers"),
    [("Sales", [1, 4, 4, 10, 21, 100]), ("Contents", [80, 4, 77, 10, 21, 3]), ("Contents", ["1 %"] * 6)],
)
def test_other_numbers_at_the_end_of_lines_are_a_table(title: str, numbers: list[object]) -> None:
    """Every table of two columns would be taken for contents, even one of what is contained in something."""
    assert len(find(line(90, (80, title)), *entries(numbers))) == 1


def test_a_list_is_no_table() -> None:
    """Bullets and numbers before items would be the first column of a table."""
    texts = ["first item of the list with some text", "second", "third one with more words than the others"]
    assert find(*(line(100 + 14 * row, (80, "-"), (100, texts[row % 3])) for row in range(9))) == []


def test_right_to_left_tables_are_read_from_the_right() -> None:
    """The label of each row would come last, and its words in the wrong order."""
    (table,) = find(
        *(
            line(100 + 14 * row, (100, f"{row}.5"), (250, f"{row}00"), (400, "\u05e9\u05dc\u05d5\u05dd"))
            + line(100 + 14 * row, (422.5, "\u05e2\u05d5\u05dc\u05dd"))
            for row in range(5)
        )
    )
    assert table.grid()[2] == ["\u05e2\u05d5\u05dc\u05dd \u05e9\u05dc\u05d5\u05dd", "200", "2.5"]
