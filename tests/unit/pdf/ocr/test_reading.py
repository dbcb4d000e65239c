"""What an engine reads joins the page's own text: nothing twice, nothing doubtful unsaid."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import PageStatus, PageType
from ingestkit_pdf.pdf import process_document
from ingestkit_pdf.pdf import reading as page_reading
from ingestkit_pdf.pdf.lines import Fonts
from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.ocr import Ocr, OcrTimeoutError
from ingestkit_pdf.pdf.pages import ReadPage, read_page
from ingestkit_pdf.pdf.tables import make_engine
from support.made_pdf import PROSE, picture, prose_page, run, save
from support.scans import FakeEngine, reading

import pymupdf  # isort: skip


def full_picture(document: Any) -> None:
    """A page that is a picture."""
    page = document.new_page()
    page.insert_image(page.rect, stream=picture(), keep_proportion=False)


def picture_below_prose(document: Any) -> None:
    """A page of text with a picture on its lower half."""
    page = prose_page(document, PROSE * 2)
    page.insert_image((72, 500, 523, 800), stream=picture(), keep_proportion=False)


def read(path: Path, engine: FakeEngine, **config: Any) -> ReadPage:
    """The first page, read by the engine."""
    settings = PDFProcessorConfig(**config)
    with open_document(str(path)) as document:
        return read_page(
            document,
            0,
            Fonts(),
            settings,
            has_fields=False,
            engine=make_engine(settings),
            ocr=Ocr(settings, engine),
        )


def text_of(page: ReadPage) -> str:
    return "\n".join(line.text for line in page.lines)


def test_a_scan_becomes_text_with_boxes(tmp_path: Path) -> None:
    """Scans would stay empty, or their chunks would point nowhere."""
    page = read(save(tmp_path, full_picture), FakeEngine(reading("hello paper", "second line")))
    assert text_of(page) == "hello paper\nsecond line"
    assert (page.profile.page_type, page.profile.status) == (PageType.SCANNED, PageStatus.OK)
    assert (page.profile.words, page.profile.printable) == (4, 1.0)
    first = page.lines[0]
    assert (first.x0, first.x1) == (2400, 7680)  # 100 and 320 pixels at 300 dpi
    assert first.y0 < 2400 < first.y1
    assert page.facts["ocr"].word_count == 4
    assert page.facts["ocr"].confidence == pytest.approx(0.9)


@pytest.mark.parametrize("turn", [0, 90])
def test_words_come_with_box_and_confidence_where_they_are_asked_for(tmp_path: Path, turn: int) -> None:
    """Nobody could mark the words that the engine is not sure of; unasked, results would grow tenfold."""
    path = save(tmp_path, full_picture)
    readings = [reading("hello paper", "second line")]
    turned = [reading(turn=turn)] if turn else []
    ocr = read(path, FakeEngine(*turned, *readings), ocr_words=True).facts["ocr"]
    assert [word.text for word in ocr.words] == ["hello", "paper", "second", "line"]
    assert all(word.confidence == pytest.approx(0.9) for word in ocr.words)
    x0, y0, x1, y1 = ocr.words[0].box
    assert (y1 - y0 > x1 - x0) == bool(turn)
    assert 0 <= x0 < x1 <= 595
    assert 0 <= y0 < y1 <= 842
    assert read(path, FakeEngine(*turned, *readings)).facts["ocr"].words == []


def test_a_page_that_lies_on_its_side_keeps_its_boxes(tmp_path: Path) -> None:
    """Text of a turned scan would be right, and its boxes somewhere else on the page."""
    engine = FakeEngine(reading(turn=90), reading("hello paper"))
    path = save(tmp_path, full_picture)
    page = read(path, engine)
    first, second = engine.seen
    assert (first.width, first.height) == (second.height, second.width)
    assert page.facts["ocr"].turned_degrees == 90.0
    assert (page.width, page.height) == (84200, 59500)
    line = page.lines[0]
    assert page.turn is not None
    x0, y0, x1, y1 = page.turn.moved_back((line.x0, line.y0, line.x1, line.y1))
    assert y1 - y0 == line.x1 - line.x0  # now it runs up the page
    assert 0 <= x0 < x1 <= 59500


def test_the_text_of_a_turned_page_keeps_its_place(tmp_path: Path) -> None:
    """A stamp on a scan that lies on its side would be found somewhere else."""

    def draw(document: Any) -> None:
        full_picture(document)
        document[0].insert_text((100, 200), "Stamp", fontsize=10)

    path = save(tmp_path, draw)
    (stamp,) = read(path, FakeEngine(reading())).lines
    box = stamp.x0, stamp.y0, stamp.x1, stamp.y1
    page = read(path, FakeEngine(reading(turn=90), reading("hello paper")))
    turned = next(line for line in page.lines if line.text == "Stamp")
    assert turned.x0 > 60000  # what is near the top is at the right of the turned page
    assert page.turn is not None
    moved = page.turn.moved_back((turned.x0, turned.y0, turned.x1, turned.y1))
    assert moved == pytest.approx(box, abs=2)


def test_the_better_of_two_readings_counts(tmp_path: Path) -> None:
    """A wrong guess of the orientation would replace what was read by something worse."""
    doubtful, worse = reading("helo papr", confidence=0.6, turn=180), reading("odeh", confidence=0.3)
    page = read(save(tmp_path, full_picture), FakeEngine(doubtful, worse))
    assert text_of(page) == "helo papr"
    assert page.facts["ocr"].turned_degrees == 0.0


def test_an_engine_that_keeps_turning_is_stopped(tmp_path: Path) -> None:
    """A page would be turned for ever."""
    engine = FakeEngine(*(reading(turn=90) for _ in range(3)), reading("at last"))
    assert text_of(read(save(tmp_path, full_picture), engine)) == "at last"
    assert engine.readings == []


def test_low_confidence_is_said(tmp_path: Path) -> None:
    """A page that can hardly be read would look as good as any."""
    page = read(save(tmp_path, full_picture), FakeEngine(reading("mm nn", confidence=0.5)))
    assert text_of(page) == "mm nn"
    assert page.profile.warnings == ["W_PAGE_LOW_OCR_CONFIDENCE"]
    assert page.profile.status is PageStatus.PARTIAL


def test_noise_is_no_word(tmp_path: Path) -> None:
    """Specks of dust would be in the text."""
    noisy = reading("word", confidence=0.95)
    noisy.lines.extend(reading("x", confidence=0.05, top=400).lines)
    assert text_of(read(save(tmp_path, full_picture), FakeEngine(noisy))) == "word"


def test_a_picture_without_text_is_said_to_be_one(tmp_path: Path) -> None:
    """A photograph would look like a page that was forgotten."""
    page = read(save(tmp_path, full_picture), FakeEngine(reading()))
    assert page.profile.lacks == {ErrorCode.W_PAGE_OCR_EMPTY: PageStatus.SKIPPED}


def test_a_page_of_which_no_word_is_sure_is_no_empty_page(tmp_path: Path) -> None:
    """Handwriting would be reported as a picture without text."""
    page = read(save(tmp_path, full_picture), FakeEngine(reading("uml", confidence=0.1)))
    assert page.profile.warnings == ["W_PAGE_LOW_OCR_CONFIDENCE", "W_PAGE_OCR_EMPTY"]
    assert page.lines == []


def test_only_the_picture_of_a_mixed_page_is_read(tmp_path: Path) -> None:
    """The page's own text would be lost, or there twice."""
    engine = FakeEngine(reading("text in the picture"))
    page = read(save(tmp_path, picture_below_prose), engine, max_image_coverage_for_text=0.2)
    (seen,) = engine.seen
    assert (seen.width, seen.height) == (1880, 1250)  # 451 by 300 points at 300 dpi
    assert text_of(page).count("quick brown fox") == 2
    assert page.lines[-1].text == "text in the picture"
    assert page.lines[-1].y0 >= 50000
    assert page.profile.lacks == {}
    assert page.facts["ocr"].area_count == 1


def test_words_that_the_page_says_itself_are_not_read_again(tmp_path: Path) -> None:
    """A caption over a picture would be there twice."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_image((0, 0, 595, 842), stream=picture(), keep_proportion=False)
        page.insert_text((24, 31), "Caption", fontsize=10)

    engine = FakeEngine(reading("Caption", "below it"))  # the first at 24 by 24 points
    page = read(save(tmp_path, draw), engine)
    assert text_of(page) == "Caption\nbelow it"


def test_doubtful_words_of_a_photograph_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    """Leaves and windows would be read as words into good text."""
    engine = FakeEngine(reading("il ll mn", confidence=0.4))
    page = read(save(tmp_path, picture_below_prose), engine, max_image_coverage_for_text=0.2)
    assert "mn" not in text_of(page)
    assert page.profile.warnings == ["W_PAGE_IMAGE_TEXT_NOT_READ", "W_PAGE_LOW_OCR_CONFIDENCE"]


def test_an_image_under_text_is_not_read(tmp_path: Path) -> None:
    """Every slide with a picture behind its words would be read for nothing."""

    def draw(document: Any) -> None:
        page = prose_page(document, PROSE * 4)
        page.insert_image(page.rect, stream=picture(), keep_proportion=False, overlay=False)

    engine = FakeEngine()
    page = read(save(tmp_path, draw), engine)
    assert engine.seen == []
    assert page.profile.warnings == []


def test_ordinary_pages_are_never_painted(tmp_path: Path) -> None:
    """Documents with text would pay for OCR."""
    engine = FakeEngine()
    path = save(tmp_path, lambda document: prose_page(document, PROSE * 4))
    assert "ocr" not in read(path, engine).facts
    assert engine.seen == []


def test_too_slow_is_an_error_of_the_page_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One page that the engine is stuck on would take the document with it."""

    def draw(document: Any) -> None:
        full_picture(document)
        prose_page(document, PROSE * 4)

    engine = FakeEngine(OcrTimeoutError)
    monkeypatch.setattr(page_reading, "make_ocr", lambda config: Ocr(config, engine))
    result = process_document(str(save(tmp_path, draw)), PDFProcessorConfig().model_dump())
    assert result.errors == []
    assert [page.status for page in result.pages] == [PageStatus.SKIPPED, PageStatus.OK]
    error = result.pages[0].error
    assert error is not None
    assert (error.code, error.stage) == (ErrorCode.E_OCR_TIMEOUT, "ocr")
    assert "ocr_page_seconds = 60" in error.message
    assert "W_PAGE_NEEDS_OCR" in result.warnings


def test_a_huge_page_is_painted_small(tmp_path: Path) -> None:
    """A poster would fill the worker's memory."""

    def draw(document: Any) -> None:
        page = document.new_page(width=5000, height=5000)
        page.insert_image(page.rect, stream=picture(), keep_proportion=False)

    engine = FakeEngine(reading("poster"))
    page = read(save(tmp_path, draw), engine, ocr_max_pixels=1_000_000)
    assert engine.seen[0].width * engine.seen[0].height <= 1_010_000
    assert page.facts["ocr"].dpi == 14


@pytest.mark.parametrize("turn", [0, 90])
def test_tables_of_a_scan_are_recognised(tmp_path: Path, turn: int) -> None:
    """Scans would be one stream of lines, whatever they show, or be cut by rules that stand elsewhere."""

    def draw(document: Any) -> None:
        full_picture(document)
        for x in range(60, 560, 25) if turn else ():
            document[0].draw_line((x, 20), (x, 800))

    rows = [("Item", "Pieces", "Price"), *((f"part {n}", str(3 * n), f"{n}.50") for n in range(1, 8))]
    read_rows = reading()
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            cell = copy.deepcopy(reading(text, top=200 + 60 * number).lines[0])
            words = [
                word._replace(x0=word.x0 + 700 * column, x1=word.x1 + 700 * column) for word in cell.words
            ]
            read_rows.lines.append(type(cell)(words, cell.base, cell.size, block=column))
    page = read(save(tmp_path, draw), FakeEngine(*([reading(turn=turn)] if turn else []), read_rows))
    (table,) = [line.table for line in page.lines if hasattr(line, "table")]
    assert (table.row_count, table.col_count) == (8, 3)
    assert table.grid()[1] == ["part 1", "3", "1.50"]


def test_right_to_left_and_chinese_lines_read_as_they_should(tmp_path: Path) -> None:
    """Words of Hebrew would be in the wrong order, and Chinese full of spaces."""
    hebrew = reading("x y").lines[0]
    right, left = hebrew.words[1]._replace(text="שלום"), hebrew.words[0]._replace(text="עולם")
    chinese = reading("aa bb", top=300).lines[0]
    closer = chinese.words[1]._replace(text="很好", x0=chinese.words[0].x1 + 12)
    both = reading()
    both.lines.append(type(hebrew)([right, left], hebrew.base, hebrew.size, 0))
    both.lines.append(type(hebrew)([chinese.words[0]._replace(text="天气"), closer], chinese.base, 40, 1))
    assert text_of(read(save(tmp_path, full_picture), FakeEngine(both))) == "שלום עולם\n天气很好"


def test_without_ocr_the_page_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without language data would give empty results and no reason."""
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    result = run(save(tmp_path, full_picture))
    assert result.pages[0].warnings == ["W_PAGE_NEEDS_OCR"]
    (detail,) = [error for error in result.error_details if error.code is ErrorCode.W_PAGE_NEEDS_OCR]
    assert "tesseract-ocr-eng" in str(detail.details["to_install"]) or "tesserocr" in str(detail.details)


def test_asked_for_by_name_a_missing_language_refuses_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of scans would come back empty, because of one package."""
    pytest.importorskip("tesserocr")
    (tmp_path / "eng.traineddata").touch()
    (tmp_path / "osd.traineddata").touch()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    path = save(tmp_path, full_picture)
    result = run(path, ocr_engine="tesseract", ocr_languages=["eng", "chi_sim"])
    assert result.errors == ["E_OCR_ENGINE_UNAVAILABLE"]
    message = result.error_details[0].message
    assert "tesseract-ocr-chi-sim" in message
    assert "tesseract-ocr-eng" not in message
    assert run(save(tmp_path, full_picture), ocr_engine="none").errors == []


@pytest.mark.parametrize("language", ["../eng", "/etc/passwd", "eng+deu", "", "a" * 40])
def test_a_language_is_a_name_and_no_path(language: str) -> None:
    """A job could have a worker open any file."""
    with pytest.raises(ValueError, match="ocr_languages"):
        PDFProcessorConfig(ocr_languages=[language])


def test_the_pictures_are_really_those_of_the_page(tmp_path: Path) -> None:
    """The engine would be shown another part of the page, and boxes would be off."""

    def draw(document: Any) -> None:
        page = document.new_page(width=400, height=400)
        page.insert_image(page.rect, stream=white(), keep_proportion=False)
        page.draw_rect((300, 0, 400, 100), fill=(0, 0, 0), color=None)

    engine = FakeEngine(reading(turn=90), reading("x"))
    read(save(tmp_path, draw), engine, ocr_dpi=72)
    upright, turned = engine.seen
    assert upright.samples[50 * upright.width + 350] == 0  # the black square is at the top right
    assert upright.samples[350 * upright.width + 350] == 255
    assert turned.samples[350 * turned.width + 350] == 0  # and after a quarter clockwise, at the bottom right
    assert turned.samples[50 * turned.width + 350] == 255


def white() -> bytes:
    pixmap = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 20, 20), False)
    pixmap.clear_with(255)
    data: bytes = pixmap.tobytes("png")
    return data
