"""The table that the demonstration prints."""

from __future__ import annotations

from demo.table import HEADER, outcome, render, row
from ingestkit_pdf import ErrorCode, IngestError, ProcessingResult
from ingestkit_pdf.models import DocumentMetadata


def failed(path: str = "/somewhere/bad.pdf") -> ProcessingResult:
    error = IngestError(code=ErrorCode.E_PARSE_CORRUPT, message="not a PDF", stage="open")
    return ProcessingResult.failed(path, error)


def read(path: str = "/somewhere/good.pdf", **changes: object) -> ProcessingResult:
    values = {"errors": [], "chunks_created": 3, "metadata": DocumentMetadata(page_count=7), **changes}
    return failed(path).model_copy(update=values)


def test_a_failure_shows_its_code() -> None:
    """A user would see that a document failed and not why."""
    assert outcome(failed()) == "failed: E_PARSE_CORRUPT"
    assert row(failed()) == ("bad.pdf", "-", "-", "0", "0.00 s", "failed: E_PARSE_CORRUPT")


def test_a_result_that_lacks_something_says_so() -> None:
    """A scan that was not read would look like one that was."""
    assert outcome(read()) == "ok"
    assert outcome(read(warnings=["W_PAGE_NEEDS_OCR"])) == "ok, but W_PAGE_NEEDS_OCR"
    assert row(read())[:4] == ("good.pdf", "complex", "7", "3")


def test_columns_are_aligned() -> None:
    """The table could not be read with a long document name in it."""
    lines = render([row(read("x" * 60)), row(failed())]).splitlines()
    assert len(lines) == 4
    starts = {
        line.index(text) for line, text in zip(lines, ["outcome", "", "ok", "failed"], strict=True) if text
    }
    assert len(starts) == 1
    assert len(lines[2]) < 110
    assert all(name in lines[0] for name in HEADER)
