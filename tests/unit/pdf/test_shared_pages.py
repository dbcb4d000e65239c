"""A document that several workers read gives what one worker makes of it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf import PDFProcessorConfig
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.models import Chunk, ProcessingResult
from ingestkit_pdf.pdf import help_document, process_document
from ingestkit_pdf.pdf.chunks import make_chunks
from ingestkit_pdf.pdf.counted import count_passages
from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.packing import pack, unpack
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.reading import PageReader
from ingestkit_pdf.pdf.share import Part, Share
from ingestkit_pdf.pdf.source import RejectedError
from ingestkit_pdf.pdf.spread import Spread
from ingestkit_pdf.pdf.structure import PageLayout
from ingestkit_pdf.pdf.tokens import Count
from support.documents import raw_pdf, text_pdf
from support.made_pdf import PROSE, prose_page, save
from support.results import comparable
from support.sharing import LateShare, alone, shared
from unit.pdf.tables.test_in_documents import HEADER, ruled, worded

CONFIG = PDFProcessorConfig().model_dump()
CORPUS = os.environ.get("INGESTKIT_CORPUS") or None


def report(document: Any) -> None:
    """Twenty pages with headers, page numbers, headings, a table that goes on, blank and broken pages."""
    for number in range(1, 21):
        if number in {7, 15}:
            document.new_page()
            continue
        page = prose_page(document, f"{PROSE * 3}it goes on with page")
        page.insert_text((72, 40), "The header of every page", fontsize=9)
        page.insert_text((290, 820), f"Page {number}", fontsize=9)
        page.insert_text((72, 80), f"{number}. A heading in bold", fontname="hebo", fontsize=14)
        if number in {3, 4}:
            for row in range(4):
                for column in range(3):
                    box = (72 + 150 * column, 600 + 30 * row, 222 + 150 * column, 630 + 30 * row)
                    page.draw_rect(box)
                    page.insert_text((box[0] + 5, box[1] + 20), f"cell {row} {column}")
    document.set_toc([[1, "1. A heading in bold", 1], [1, "nowhere", 2]])


def broken_pages() -> bytes:
    """Twelve pages; the content of some is missing or does not inflate, and two fonts have one name."""
    pages = range(12)
    kids = b" ".join(b"%d 0 R" % (5 + 2 * index) for index in pages)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count 12 >>" % kids,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Own /FontDescriptor "
        b"<< /Type /FontDescriptor /FontName /Own /Flags 32 >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Own /FontDescriptor "
        b"<< /Type /FontDescriptor /FontName /Own /Flags 96 /ItalicAngle -12 >> >>",
    ]
    for index in pages:
        content = 900 if index == 5 else 6 + 2 * index
        font = 4 if index % 2 else 3
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 %d 0 R /F2 << /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >> "
            b">> >> >>" % (content, font)
        )
        shown = (
            b"BT /F1 11 Tf 72 700 Td (Some words of page %d, ) Tj /F2 11 Tf (which are read.) Tj ET" % index
        )
        head = b""
        if index in {2, 8}:
            shown, head = b"this is not deflated", b"/Filter /FlateDecode "
        objects.append(b"<< %s/Length %d >>\nstream\n%s\nendstream" % (head, len(shown), shown))
    return raw_pdf(objects)


def late_repair() -> bytes:
    """Twelve pages; that the font of the ninth is not where the file says is found out when it is read."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(12))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count 12 >>" % kids,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index in range(12):
        shown = b"BT /F1 11 Tf 72 700 Td (Some words of page %d.) Tj ET" % index
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 %d 0 R >> >> >>" % (5 + 2 * index, 28 if index == 8 else 3)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
    whole = raw_pdf([*objects, b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>"])
    entry = b"%010d 00000 n" % whole.index(b"28 0 obj")
    assert entry in whole
    return whole.replace(entry, b"%010d 00000 n" % (len(whole) // 2))


@pytest.fixture(params=["report", "broken", "late repair", "short"])
def document(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "report":
        return str(save(tmp_path, report))
    path = tmp_path / "made.pdf"
    made = {"broken": broken_pages, "late repair": late_repair}
    path.write_bytes(made.get(request.param, lambda: text_pdf("One page.", "And another."))())
    return str(path)


def test_the_result_does_not_depend_on_who_read_which_page(document: str) -> None:
    """If it failed, the same document would be another one, under another load."""
    expected = alone(document, CONFIG)
    found, share = shared(document, CONFIG)
    assert found == expected
    assert share.helped or expected["metadata"]["page_count"] == 2


def test_a_page_does_not_depend_on_those_before_it() -> None:
    """If it failed, pages would be other ones when another worker has read the one before."""

    def read(order: Iterable[int]) -> dict[int, bytes]:
        settings = PDFProcessorConfig()
        with open_document(broken_pages()) as document:
            reader = PageReader(document, ObjectScan(), settings, None)
            return {index: pack(reader.read(index)) for index in order}

    assert read(range(12)) == read(reversed(range(12)))


def test_a_repair_on_the_way_is_noticed(tmp_path: Path) -> None:
    """If it failed, pages of a file before and after its repair would be put together."""
    path = tmp_path / "made.pdf"
    path.write_bytes(late_repair())
    config = {**CONFIG, "execution_share_from_seconds": 1e-9}
    read: list[int] = []
    share = LateShare(str(path), config)
    result = process_document(str(path), config, on_page=read.append, share=share)
    assert "W_DOCUMENT_REPAIRED" in result.warnings
    assert share.helped
    assert len(read) > 12  # once with helpers, and then once more alone


@pytest.mark.parametrize("sandbox", [Sandbox.OFF, Sandbox.AUTO])
def test_a_pool_shares_a_document(tmp_path: Path, sandbox: Sandbox) -> None:
    """If it failed, pages would not come back from another process as they were, or not from a sandbox."""
    path = str(save(tmp_path, report))
    config = {**CONFIG, "execution_share_from_seconds": 1e-9}
    with WorkerPool(PIPELINE, workers=2, limits=PoolLimits(), sandbox=sandbox) as pool:
        outcome = pool.submit(PoolTask(job_id="1", file_path=path, config=config, timeout=60)).result(60)
    assert isinstance(outcome, PoolResult), outcome
    result = ProcessingResult.model_validate_json(outcome.body)
    expected = alone(path, CONFIG)
    if sandbox is not Sandbox.OFF:
        expected["file_path"] = result.file_path
    assert comparable(result) == expected


@pytest.mark.skipif(CORPUS is None, reason="INGESTKIT_CORPUS names no corpus")
@pytest.mark.parametrize("folder", ["tables", "rtl", "cjk", "other"])
def test_real_documents_do_not_depend_on_it_either(folder: str) -> None:
    """If it failed, what no test has thought of would make a difference."""
    config = {**CONFIG, "reject_javascript": False, "reject_javascript_override_reason": "a test"}
    found = 0
    for path in sorted(Path(CORPUS or "", "bench", folder).glob("*.pdf")):
        result, share = shared(str(path), config)
        found += share.helped
        assert result == alone(str(path), config), path
    assert found


def test_what_the_parser_has_forgotten_it_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it failed, the pages after the first 500 would be other ones."""
    path = str(save(tmp_path, report))
    expected = alone(path, CONFIG)
    monkeypatch.setattr("ingestkit_pdf.pdf.reading._FORGET_PAGES", 2)
    assert alone(path, CONFIG) == expected


def test_nothing_is_offered_where_it_does_not_pay(tmp_path: Path) -> None:
    """If it failed, small documents would pay for sharing, or sharing could not be turned off."""
    path = str(save(tmp_path, report))
    for threshold in (0, 1000):
        config = {**CONFIG, "execution_share_from_seconds": threshold}
        share = LateShare(path, config)
        process_document(path, config, share=share)
        assert share.helped == 0


class Backwards:
    """Gives out three units from the last to the first."""

    plan = b""

    def __init__(self) -> None:
        self.parts = [(0, 1, None, True), (1, 2, None, False), (2, 3, None, False)]

    def offer(self, plan: bytes, start: int, stop: int) -> None: ...

    def take(self, most: int) -> Any:
        return self.parts.pop()

    def give(self, body: bytes) -> None: ...


def _spread(share: Share, work: Callable[[int], int], ahead: Callable[[list[int]], None]) -> Spread[int]:
    """Three units, of which it is known that they pay."""
    spread = Spread(share, lambda: b"", 3, work, ahead=ahead, threshold=1e-9, messages=set())
    spread._pace._units, spread._pace._seconds = 1, 1.0
    return spread


def test_the_first_failure_counts_whoever_met_another_first() -> None:
    """If it failed, the error of a document would depend on the load."""

    def work(unit: int) -> int:
        raise ValueError(f"unit {unit}")

    with pytest.raises(ValueError, match="unit 0"):
        list(_spread(Backwards(), work, lambda _: None).in_order())


def tables_that_go_on(document: Any) -> None:
    """Thirty pages; every second one begins with the rest of a table, without a header."""
    for _ in range(15):
        page = prose_page(document, PROSE)
        page.insert_text((72, 560), "What follows is a heading", fontname="hebo", fontsize=16)
        ruled(page, 600, [HEADER, *worded(8)])
        ruled(document.new_page(), 60, worded(5, first=8))


def test_pages_come_counted_and_without_what_nobody_needs(tmp_path: Path) -> None:
    """If it failed, one worker alone would count what several have read, and all would hand over more."""
    path = str(save(tmp_path, tables_that_go_on))
    layouts: list[PageLayout] = []

    class Looking(LateShare):
        def take(self, most: int) -> Part | None:
            part = super().take(most)
            if part is not None and part[2] is not None:
                layouts.extend(page for page in unpack(part[2])[0] if isinstance(page, PageLayout))
            return part

    config = {**CONFIG, "execution_share_from_seconds": 1e-9}
    assert process_document(path, config, share=Looking(path, config)).chunks
    assert layouts
    assert all(passage.tokens for layout in layouts for passage in layout.passages)
    tables = [line for layout in layouts for line in layout.tables.tables]
    assert tables
    assert not any(line.rows or line.table.words for line in tables)


def test_what_was_counted_early_is_right_when_all_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it failed, chunks would be too long where a passage or a table has changed since."""
    path = str(save(tmp_path, tables_that_go_on))
    early: list[int] = []

    def checked(passages: list[Passage], *, count: Count, **options: Any) -> list[Chunk]:
        early.extend(passage.tokens for passage in passages)
        counted, again = (
            [replace(passage, pieces=list(passage.pieces), **tokens) for passage in passages]
            for tokens in ({}, {"tokens": 0})
        )
        assert list(count_passages(counted, count)) == list(count_passages(again, count))
        return make_chunks(passages, count=count, **options)

    monkeypatch.setattr("ingestkit_pdf.pdf.result.make_chunks", checked)
    shared(path, CONFIG)
    assert any(early)
    assert not all(early)


def test_what_a_worker_does_itself_is_done_ahead_as_well() -> None:
    """If it failed, half of what could be shared would be left for one worker at the end."""

    class Alone(Backwards):
        def __init__(self) -> None:
            self.parts = [(2, 3, None, False), (0, 2, None, False)]

    ahead: list[list[int]] = []
    assert list(_spread(Alone(), lambda unit: unit, ahead.append).in_order()) == [0, 1, 2]
    assert ahead == [[0, 1], [2]]


def test_a_helper_reads_no_other_file(tmp_path: Path) -> None:
    """If it failed, pages of a file that took the place of the document would end up in its result."""
    path = tmp_path / "made.pdf"
    path.write_bytes(text_pdf(*["One page."] * 9))

    class Exchanged(LateShare):
        def offer(self, plan: bytes, start: int, stop: int) -> None:
            path.write_bytes(text_pdf(*["Another."] * 9))
            super().offer(plan, start, stop)

    config = {**CONFIG, "execution_share_from_seconds": 1e-9}
    share = Exchanged(str(path), config)
    result = process_document(str(path), config, share=share)
    assert share.helped == 0
    assert "Another" not in result.markdown


def test_only_values_of_the_pipeline_are_unpacked() -> None:
    """If it failed, a worker that a document has taken over could take over the next one."""
    assert unpack(pack({1: "a"}, None)) == ({1: "a"}, None)
    for thing in (os.system, Path, print):
        with pytest.raises(pickle.UnpicklingError):
            unpack(pickle.dumps(thing))


def test_a_helper_refuses_what_its_worker_refuses(tmp_path: Path) -> None:
    """If it failed, a helper would parse what the limits keep from the parser."""
    path = tmp_path / "made.pdf"
    path.write_bytes(text_pdf("One page.", "And another."))
    with pytest.raises(RejectedError):
        help_document(str(path), {**CONFIG, "max_page_count": 1}, share=LateShare(str(path), CONFIG))
