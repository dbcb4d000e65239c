"""Tables with rules, from words and paths alone."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.tables.fast import find_tables
from ingestkit_pdf.pdf.tables.model import PageInk, Table, Vector, Word
from ingestkit_pdf.pdf.tables.rules import read_rules


def word(text: str, x: float, y: float) -> Word:
    """A word whose line's top is at y."""
    return Word(x, y, x + 5.0 * len(text), y + 12, text)


def across(y: float, x0: float = 100, x1: float = 400) -> Vector:
    """A horizontal rule."""
    return Vector(x0, y - 0.25, x1, y + 0.25, False, False)


def down(x: float, y0: float = 100, y1: float = 200) -> Vector:
    """A vertical rule."""
    return Vector(x - 0.25, y0, x + 0.25, y1, False, False)


def grid() -> list[Vector]:
    """Five rows of twenty points and three columns of a hundred."""
    return [*(across(100 + 20 * row) for row in range(6)), *(down(100 + 100 * col) for col in range(4))]


def cells() -> list[Word]:
    """A word in each field of the grid."""
    return [word(f"r{row}c{col}", 110 + 100 * col, 104 + 20 * row) for row in range(5) for col in range(3)]


def find(words: list[Word], vectors: list[Vector]) -> list[Table]:
    """The tables of an A4 page."""
    return find_tables(PageInk(595, 842, words, vectors))


def test_a_full_grid_gives_its_rows_and_columns() -> None:
    """The plainest of all tables would be lost."""
    (table,) = find(cells(), grid())
    assert table.grid() == [[f"r{row}c{col}" for col in range(3)] for row in range(5)]
    assert table.box == (100, 100, 400, 200)


def test_a_missing_wall_merges_cells() -> None:
    """A heading over two columns would be cut in two or be given to one of them."""
    vectors = [item for item in grid() if item.x0 != 199.75]
    vectors += [down(200, 120, 200)]
    words = [item for item in cells() if item.text not in {"r0c0", "r0c1"}]
    words += [word("over", 165, 104), word("both", 190, 104)]
    (table,) = find(words, vectors)
    (span,) = [cell for cell in table.cells if cell.last_col > cell.col]
    assert (span.row, span.col, span.last_col, span.text) == (0, 0, 1, "over both")


def test_a_label_over_several_rows_is_one_cell() -> None:
    """The second line of a label would be a row of its own."""
    vectors = [item for item in grid() if item.y0 != 139.75]
    vectors += [across(140, 200, 400)]
    words = [item for item in cells() if item.text not in {"r1c0", "r2c0"}]
    words += [word("long", 110, 124), word("label", 110, 144)]
    (table,) = find(words, vectors)
    (span,) = [cell for cell in table.cells if cell.last_row > cell.row]
    assert (span.row, span.last_row, span.text) == (1, 2, "long label")


def test_sides_that_are_not_drawn_still_bound_the_table() -> None:
    """Tables that are open to the left and right would lose their first and last column."""
    vectors = [item for item in grid() if item.x0 not in {99.75, 399.75}]
    (table,) = find(cells(), vectors)
    assert (table.row_count, table.col_count) == (5, 3)


def test_lines_drawn_in_pieces_are_one_rule() -> None:
    """Word processors draw a border cell by cell, with gaps at the corners."""
    vectors = [
        Vector(
            100 + 100 * col + 1, 100 + 20 * row - 0.2, 200 + 100 * col - 1, 100 + 20 * row + 0.2, False, False
        )
        for row in range(6)
        for col in range(3)
    ] + [
        Vector(
            100 + 100 * col - 0.2, 100 + 20 * row + 1, 100 + 100 * col + 0.2, 120 + 20 * row - 1, True, False
        )
        for row in range(5)
        for col in range(4)
    ]
    (table,) = find(cells(), vectors)
    assert (table.row_count, table.col_count) == (5, 3)


def test_a_dashed_line_is_a_rule() -> None:
    """Tables with dotted or dashed lines would have no grid at all."""
    dashes = [
        Vector(x, 99.75 + 20 * row, x + 4, 100.25 + 20 * row, True, False)
        for row in range(6)
        for x in range(100, 400, 6)
    ]
    upright = [item for item in grid() if item.x1 - item.x0 < 1]
    (table,) = find(cells(), dashes + upright)
    assert (table.row_count, table.col_count) == (5, 3)


def test_the_edge_of_the_page_is_no_rule() -> None:
    """Pages with a border would be one frame, whatever stands on them."""
    border = [across(1, 0, 595), across(841, 0, 595), down(1, 0, 842), down(594, 0, 842)]
    rules = read_rules(border, 595, 842)
    assert (rules.horizontal, rules.vertical) == ([], [])


def test_rows_without_rules_are_found_by_their_values() -> None:
    """A body of ten lines between two rules would be one row of ten lines."""
    vectors = [across(100), across(120), across(240), *(down(x, 100, 240) for x in (100, 200, 300, 400))]
    words = [word(text, x, 104) for text, x in (("Country", 110), ("First", 210), ("Second", 310))]
    for row in range(6):
        words += [word(f"Land{row}", 110, 124 + 18 * row)]
        words += [word(f"{row}.5", 210, 124 + 18 * row), word(f"{row}0", 310, 124 + 18 * row)]
    (table,) = find(words, vectors)
    assert (table.row_count, table.header_rows) == (7, 1)
    assert table.grid()[3] == ["Land2", "2.5", "20"]


def test_lines_of_one_cell_are_not_rows() -> None:
    """Cells with several lines of text would be torn apart."""
    vectors = [across(100), across(120), across(160), *(down(x, 100, 160) for x in (100, 250, 400))]
    words = [word("Term", 110, 104), word("Meaning", 260, 104)]
    words += [
        word("pool", 110, 124),
        word("workers", 260, 124),
        word("12", 110, 138),
        word("14", 260, 138),
    ]
    (table,) = find(words, vectors)
    assert table.grid() == [["Term", "Meaning"], ["pool 12", "workers 14"]]


@pytest.mark.parametrize("side", ["box", "page"])
def test_a_box_around_text_is_no_table(side: str) -> None:
    """Framed notes and pages with a border would be read as tables."""
    x0, y0, x1, y1 = (100, 100, 400, 200) if side == "box" else (1, 1, 594, 841)
    frame = [across(y0, x0, x1), across(y1, x0, x1), down(x0, y0, y1), down(x1, y0, y1)]
    words = [word("words", 110 + 28 * col, 110 + 16 * row) for row in range(5) for col in range(6)]
    assert find(words, frame) == []


def test_a_frame_around_a_page_of_text_is_no_table() -> None:
    """The text of a sheet with a title block at its edge would be one cell."""
    vectors = [
        across(20, 20, 580),
        across(800, 20, 580),
        *(across(20 + 130 * row, 460, 580) for row in range(6)),
    ]
    vectors += [down(x, 20, 800) for x in (20, 460, 580)]
    block = [word("title", 470, 50 + 130 * row) for row in range(6)]
    text = [word("text", 30 + 25 * col, 30 + 16 * row) for row in range(42) for col in range(16)]
    assert find(text + block, vectors) == []
    assert find(text[:20] + block, vectors)


def test_a_drawing_is_no_table() -> None:
    """Charts would be read as tables with a label here and there."""
    vectors = [across(100 + 5 * row) for row in range(21)] + [down(100 + 10 * col) for col in range(31)]
    words = [word(text, 120 + 60 * index, 110 + 20 * index) for index, text in enumerate("abcd")]
    assert find(words, vectors) == []


def test_labels_in_a_drawing_are_no_table() -> None:
    """The legend of a chart would be read as a table."""
    vectors = [across(100 + 5 * row) for row in range(21)] + [down(100 + 10 * col) for col in range(31)]
    words = [
        word(text, 112 + 100 * (index % 2), 101 + 20 * (index // 2)) for index, text in enumerate("abcdef")
    ]
    assert find(words, vectors) == []


def test_a_header_above_the_frame_is_taken_in() -> None:
    """A table whose body is shaded would come without the names of its columns."""
    words = cells() + [word(text, x, 86) for text, x in (("Name", 110), ("Size", 210), ("Age", 310))]
    (table,) = find(words, grid())
    assert table.grid()[0] == ["Name", "Size", "Age"]
    assert table.header_rows == 1
    assert table.box[1] == 86


def test_a_caption_above_the_frame_is_not() -> None:
    """The caption would name columns."""
    caption = [word("Table 1.2", 110, 86), word("what all of this is about", 230, 86)]
    (table,) = find(cells() + caption, grid())
    assert table.grid()[0] == ["r0c0", "r0c1", "r0c2"]


def test_a_currency_sign_goes_to_its_amount() -> None:
    """Accounts would have a column of nothing but dollars before each column of amounts."""
    words = []
    for row in range(5):
        words += [word(f"item{row}", 110, 104 + 20 * row), word("$", 210, 104 + 20 * row)]
        words += [word(f"{row}00", 310, 104 + 20 * row)]
    (table,) = find(words, grid())
    assert table.grid()[2] == ["item2", "$ 200"]
