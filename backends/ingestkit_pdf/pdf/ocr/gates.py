"""Which pages are read by OCR, and what of them: decided from what is known of a page anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.pdf.classify import PageProfile
from ingestkit_pdf.pdf.images import IntBox, around, joined_images, letters_on
from ingestkit_pdf.pdf.lines import Line

__all__ = ["Need", "what_to_read"]

_MAX_AREAS = 4  # more are read as one: each has a cost of its own


@dataclass(frozen=True, slots=True)
class Need:
    """What of a page has to be read.

    Attributes:
        lack: The warning that reading it answers.
        areas: Boxes in hundredths of a point; none for the whole page.
        replaces: What is read takes the place of the page's own text, which is garbled.
        must_be_sure: Doubtful words are left out: there may be no text at all, or some that is better.
    """

    lack: ErrorCode
    areas: tuple[IntBox, ...] = ()
    replaces: bool = False
    must_be_sure: bool = True


def what_to_read(
    profile: PageProfile,
    images: Sequence[IntBox],
    lines: Sequence[Line],
    size: tuple[int, int],
    config: PDFProcessorConfig,
) -> Need | None:
    """What of a page has to be read by OCR; None for nearly every page.

    Args:
        profile: The page's verdict: what it lacks decides.
        images: Boxes of its images.
        lines: Its own text.
        size: Width and height of the page.
        config: How much own text an image may have on it, and how small it may be.
    """
    if not profile.lacks:
        return None
    if ErrorCode.W_PAGE_GARBLED_TEXT in profile.lacks:
        return Need(ErrorCode.W_PAGE_GARBLED_TEXT, replaces=True)
    if ErrorCode.W_PAGE_NEEDS_OCR in profile.lacks:
        return Need(ErrorCode.W_PAGE_NEEDS_OCR, must_be_sure=False)
    if ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY in profile.lacks:
        return Need(ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY)
    if ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ in profile.lacks:
        areas = _areas(images, lines, size, config)
        return Need(ErrorCode.W_PAGE_IMAGE_TEXT_NOT_READ, areas) if areas else None
    return None


def _areas(
    images: Sequence[IntBox], lines: Sequence[Line], size: tuple[int, int], config: PDFProcessorConfig
) -> tuple[IntBox, ...]:
    """The images that may carry text of their own, those that touch taken together.

    One with much text on it is a ground, or a scan that comes with its text.
    """
    width, height = size
    smallest = config.ocr_min_image_ratio * width * height
    areas = [
        box
        for box in joined_images(images, width, height)
        if (box[2] - box[0]) * (box[3] - box[1]) >= smallest
        and letters_on(box, lines) <= config.ocr_image_max_chars
    ]
    if len(areas) > _MAX_AREAS:
        return (around(areas),)
    return tuple(areas)
