"""The images of a page as areas."""

from __future__ import annotations

from ingestkit_pdf.pdf.images import joined_images


def test_strips_of_a_scan_are_one_image() -> None:
    """Each strip of a scan would be read by itself, and words between two of them by neither."""
    strips = [(0, 1000 * row, 59500, 1000 * row + 990) for row in range(84)]
    assert joined_images([*strips, (0, -50, 70000, 10)], 59500, 84200) == [(0, 0, 59500, 83990)]


def test_images_by_the_thousand_are_one_area() -> None:
    """A small file with many images would keep a worker busy for half a minute, comparing."""
    dots = [
        (400 * column, 500 * row, 400 * column + 100, 500 * row + 100)
        for row in range(150)
        for column in range(140)
    ]
    assert joined_images(dots, 59500, 84200) == [(0, 0, 55700, 74600)]
