"""Patches of ink are counted before Tesseract, which has no patience with many, is asked."""

from __future__ import annotations

import random

from ingestkit_pdf.pdf.ocr.model import Picture
from ingestkit_pdf.pdf.ocr.specks import ink_patches
from support.scans import picture_of, story_page

import pymupdf  # isort: skip


def specks(count: int, *, ink: int = 0, width: int = 1000, height: int = 1024) -> Picture:
    """White paper with so many specks of 2 by 2 pixels, on a grid so that none touch."""
    samples = bytearray(b"\xff" * (width * height))
    places = [(x, y) for y in range(0, height - 4, 4) for x in range(0, width - 4, 4)]
    for x, y in random.Random(2).sample(places, count):
        for row in (y, y + 1):
            samples[row * width + x : row * width + x + 2] = bytes([ink, ink])
    return Picture(bytes(samples), width, height, 300)


def test_specks_are_counted() -> None:
    """A noisy scan would occupy a worker for minutes."""
    for count in (500, 20_000):
        assert abs(ink_patches(specks(count)) - count) < 0.15 * count


def test_faint_specks_are_counted_too() -> None:
    """Noise in light grey would slip through: Tesseract looks for the level of ink, too."""
    assert abs(ink_patches(specks(5000, ink=215)) - 5000) < 750


def test_a_page_of_text_has_about_as_many_as_letters() -> None:
    """Ordinary pages would be taken for noise and read without columns."""
    with pymupdf.open() as document:
        picture = picture_of(story_page(document, ["Nothing but letters here, and all of them black."] * 20))
    found = ink_patches(Picture(picture.samples, picture.width, picture.height, 200))
    assert 400 < found < 1200


def test_an_empty_picture_has_none() -> None:
    """A blank page would break the count."""
    assert ink_patches(Picture(b"\xff" * 10_000, 100, 100, 72)) == 0
