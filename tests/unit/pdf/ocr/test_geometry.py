"""Boxes find their way from a picture of a turned page back to the page."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.ocr.geometry import fitting_dpi, turned


@pytest.mark.parametrize("degrees", [0.0, 90.0, -90.0, 180.0])
def test_quarter_turns_there_and_back_change_nothing(degrees: float) -> None:
    """Chunks of a page that lay on its side would point at other places of it."""
    turn = turned((0, 0, 595, 842), degrees)
    box = (100.0, 200.0, 300.0, 220.0)
    assert turn.back(turn.forth(box)) == pytest.approx(box)
    wide, high = (842, 595) if degrees in {90.0, -90.0} else (595, 842)
    assert (turn.width, turn.height) == pytest.approx((wide, high))


def test_a_clockwise_turn_moves_the_top_to_the_right() -> None:
    """Pages would be turned the wrong way, and read upside down."""
    x0, y0, x1, y1 = turned((0, 0, 600, 800), 90).forth((0, 0, 600, 10))
    assert (x0, y0, x1, y1) == pytest.approx((790, 0, 800, 600))


def test_a_small_turn_keeps_a_box_around_its_text() -> None:
    """Boxes of a skewed page would miss the ends of its lines."""
    turn = turned((0, 0, 595, 842), 2)
    box = (100.0, 200.0, 300.0, 220.0)
    back = turn.back(turn.forth(box))
    assert (back[0], back[1]) <= (box[0], box[1])
    assert (back[2], back[3]) >= (box[2], box[3])
    assert 20 <= back[3] - back[1] < 40


def test_the_dpi_of_a_huge_page_is_lowered_to_the_cap() -> None:
    """A page of two by two metres would take gigabytes to paint."""
    assert fitting_dpi(595, 842, 300, 20_000_000) == 300
    dpi = fitting_dpi(5670, 5670, 300, 20_000_000)
    assert (5670 / 72 * dpi) ** 2 <= 20_000_000 < (5670 / 72 * (dpi + 1)) ** 2
    assert fitting_dpi(1e7, 1e7, 300, 20_000_000) == 1
