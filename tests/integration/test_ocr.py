"""Scans are read by Tesseract, in workers that may open nothing but its language data."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.models import IngestionMethod, PageStatus, PDFType, ProcessingResult
from support.documents import text_pdf
from support.made_pdf import PROSE, prose_page, save
from support.scans import STORY, needs_tesseract, picture_of, scan, story_page

import pymupdf  # isort: skip

pytestmark = needs_tesseract

CONFIG = PDFProcessorConfig(ocr_engine="tesseract")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Two workers, confined as far as this host can."""
    limits = PoolLimits(memory_bytes=2 * 1024**3)
    with WorkerPool(PIPELINE, workers=2, limits=limits, sandbox=Sandbox.AUTO) as workers:
        yield workers


def run(pool: WorkerPool, path: Path, **config: Any) -> ProcessingResult:
    """The result of a document in a worker."""
    settings = PDFProcessorConfig(**{"ocr_engine": "tesseract", "ocr_dpi": 200, **config}).model_dump()
    outcome = pool.submit(
        PoolTask(job_id=str(path), file_path=str(path), config=settings, timeout=120)
    ).result(120)
    assert isinstance(outcome, PoolResult), outcome
    return ProcessingResult.model_validate_json(outcome.body)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def share_read(result: ProcessingResult) -> float:
    """Share of the story's words that came out."""
    story = words(" ".join(STORY))
    found = set(words(result.markdown))
    return sum(word in found for word in story) / len(story)


@pytest.mark.parametrize("degrees", [2, 180, 268])
def test_a_scan_is_read_however_it_lies(pool: WorkerPool, tmp_path: Path, degrees: float) -> None:
    """Pages that were fed askew or sideways would come out as noise."""
    result = run(pool, scan(tmp_path, degrees=degrees, lines=[*STORY, *STORY]))
    assert result.errors == []
    assert share_read(result) >= 0.97
    (page,) = result.pages
    assert (page.status, page.warnings) == (PageStatus.OK, [])
    assert page.ocr is not None
    assert page.ocr.confidence > 0.85
    assert (page.ocr.language, page.ocr.script, page.quality.extraction_method) == (
        "eng",
        "Latin",
        "tesseract",
    )
    off = (page.ocr.turned_degrees + degrees + 180) % 360 - 180
    assert abs(off) < 0.5
    assert page.language == "en"
    boxes = [box.box for chunk in result.chunks for box in chunk.boxes]
    assert boxes
    for x0, y0, x1, y1 in boxes:
        assert -1 <= x0 < x1 <= page.width + 1
        assert -1 <= y0 < y1 <= page.height + 1


def test_the_result_says_that_it_was_ocr(pool: WorkerPool, tmp_path: Path) -> None:
    """Who reads the result could not tell certain text from read text."""
    result = run(pool, scan(tmp_path))
    assert result.classification.pdf_type is PDFType.SCANNED
    assert result.ingestion_method is IngestionMethod.OCR_PIPELINE
    assert result.ocr_result is not None
    assert (result.ocr_result.pages_ocrd, result.ocr_result.engine_used) == (1, "tesseract")
    assert result.ocr_result.avg_confidence > 0.85
    assert result.ocr_result.low_confidence_pages == []
    assert result.ocr_result.ocr_duration_seconds > 0


def test_boxes_are_where_the_words_are(pool: WorkerPool, tmp_path: Path) -> None:
    """A click on a chunk of a scan would show another place of the page."""
    (chunk,) = run(pool, scan(tmp_path)).chunks
    x0, y0, x1, y1 = chunk.boxes[0].box
    assert (x0, y0) == pytest.approx((72, 120 - 14), abs=4)
    assert y1 == pytest.approx(120 + 1.6 * 14 * (len(STORY) - 1) + 3, abs=4)
    assert 350 < x1 < 420


def test_the_same_scan_gives_the_same(pool: WorkerPool, tmp_path: Path) -> None:
    """Results would differ from run to run, and from worker to worker."""
    path = scan(tmp_path, degrees=1.5, pages=2)
    first = run(pool, path, execution_share_from_seconds=0.0)
    second = run(pool, path, execution_share_from_seconds=0.01)
    assert (first.markdown, first.pages, first.chunks) == (second.markdown, second.pages, second.chunks)


def test_noise_is_reported_as_such(pool: WorkerPool, tmp_path: Path) -> None:
    """What Tesseract sees in noise would pass for text, or keep a worker busy for minutes."""
    chance = random.Random(1)
    noise = bytearray(b"\xff" * (1200 * 1600))
    for _ in range(30_000):
        place = chance.randrange(1200 * 1590)
        for row in range(3):
            noise[place + 1200 * row : place + 1200 * row + 3] = b"\0\0\0"
    picture = pymupdf.Pixmap(pymupdf.csGRAY, 1200, 1600, bytes(noise), False)

    def draw(document: Any) -> None:
        page = document.new_page(width=288, height=384)  # 300 dpi: MuPDF paints it as it is
        page.insert_image(page.rect, pixmap=picture)

    (page,) = run(pool, save(tmp_path, draw), ocr_page_seconds=30, ocr_dpi=300).pages
    assert page.status is not PageStatus.OK
    assert set(page.warnings) <= {"W_PAGE_LOW_OCR_CONFIDENCE", "W_PAGE_OCR_EMPTY"}
    assert page.word_count < 100


def test_a_page_that_takes_too_long_is_given_up(pool: WorkerPool, tmp_path: Path) -> None:
    """One page could take the time of a whole document."""
    result = run(pool, scan(tmp_path, lines=[PROSE[:90]] * 25), ocr_page_seconds=0.05)
    assert result.errors == []
    (page,) = result.pages
    assert page.error is not None
    assert page.error.code is ErrorCode.E_OCR_TIMEOUT
    assert page.warnings == ["W_PAGE_NEEDS_OCR"]


def test_a_poster_is_read_within_the_pixel_cap(pool: WorkerPool, tmp_path: Path) -> None:
    """A page of two by two metres would take more memory than a worker has."""

    def draw(document: Any) -> None:
        with pymupdf.open() as source:
            picture = picture_of(story_page(source, size=20), dpi=100)
        page = document.new_page(width=5000, height=5000 * picture.height / picture.width)
        page.insert_image(page.rect, pixmap=picture)

    result = run(pool, save(tmp_path, draw))
    assert share_read(result) >= 0.85
    ocr = result.pages[0].ocr
    assert ocr is not None
    assert ocr.dpi < 60


def test_text_in_the_image_of_a_mixed_page_is_read(pool: WorkerPool, tmp_path: Path) -> None:
    """The text of a form that was pasted in as an image would be missing, or the page's own twice there."""

    def draw(document: Any) -> None:
        with pymupdf.open() as source:
            page = story_page(source)
            page.set_cropbox((60, 90, 500, 290))
            picture = picture_of(page)
        page = prose_page(document, PROSE * 2)
        page.insert_image((72, 420, 523, 625), pixmap=picture)

    result = run(pool, save(tmp_path, draw), max_image_coverage_for_text=0.1)
    assert share_read(result) >= 0.97
    assert result.markdown.count("quick brown fox") == 2
    assert result.markdown.count("seventeen vessels") == 1
    assert result.markdown.index("quick brown fox") < result.markdown.index("seventeen vessels")
    (page,) = result.pages
    assert (page.warnings, page.quality.extraction_method) == ([], "pymupdf_text+tesseract")
    assert result.ingestion_method is IngestionMethod.TEXT_EXTRACTION


def test_letters_that_are_drawn_are_read(pool: WorkerPool, tmp_path: Path) -> None:
    """A page whose text was turned into outlines would stay empty."""

    def draw(document: Any) -> None:
        with pymupdf.open() as source:
            story_page(source)
            outlines = source[0].get_svg_image(text_as_path=True)
        with pymupdf.open(stream=outlines.encode(), filetype="svg") as drawing:
            document.insert_pdf(pymupdf.open("pdf", drawing.convert_to_pdf()))

    result = run(pool, save(tmp_path, draw))
    assert result.pages[0].page_type == "vector_only"
    assert share_read(result) >= 0.95
    assert result.pages[0].status is PageStatus.OK


def test_a_garbled_text_layer_is_replaced_by_what_the_page_shows(pool: WorkerPool, tmp_path: Path) -> None:
    """Readers would see good text, and programs the nonsense of a broken font."""
    cmap = b"".join(b"<%02x> <%04x>\n" % (code, code + 1) for code in range(33, 126))
    to_unicode = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <ff> endcodespacerange\n93 beginbfchar\n"
        + cmap
        + b"endbfchar endcmap end end"
    )
    data = text_pdf("\n".join(STORY))
    path = tmp_path / "garbled.pdf"
    with pymupdf.open(stream=data, filetype="pdf") as document:
        xref = document.get_new_xref()
        document.update_object(xref, "<<>>")
        document.update_stream(xref, to_unicode)
        font = document[0].get_fonts()[0][0]
        document.xref_set_key(font, "ToUnicode", f"{xref} 0 R")
        document.save(path)
    native = run(pool, path, ocr_engine="none")
    assert native.pages[0].warnings == ["W_PAGE_GARBLED_TEXT"]
    assert share_read(native) < 0.1
    result = run(pool, path)
    assert share_read(result) >= 0.95
    assert result.pages[0].warnings == []
    assert "mjhiuipvtf" not in result.markdown
