"""Bad input is a result with its code, never an exception."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import PageStatus
from support.documents import raw_pdf, text_pdf
from support.made_pdf import picture, prose_page, run, save

import pymupdf  # isort: skip

SCRIPT = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] %s >>"


def written(folder: Path, data: bytes, name: str = "document.pdf") -> Path:
    """The bytes as a file."""
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_missing_file_is_a_result_that_may_be_tried_again(tmp_path: Path) -> None:
    """A file that is not there (yet) would end the job for good, or raise."""
    result = run(tmp_path / "nowhere.pdf")
    assert result.errors == ["E_SOURCE_UNAVAILABLE"]
    assert result.error_details[0].recoverable


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    """A file of no bytes would reach the parser."""
    assert run(written(tmp_path, b"")).errors == ["E_PARSE_EMPTY"]


@pytest.mark.parametrize("data", [b"plain text, no header", picture(), b"PK\x03\x04" + b"0" * 2000])
def test_another_kind_of_file_is_refused_whatever_its_name(tmp_path: Path, data: bytes) -> None:
    """An image named .pdf would be opened by MuPDF as an image document."""
    assert run(written(tmp_path, data)).errors == ["E_SECURITY_INVALID_PDF"]


def test_a_header_before_another_kind_of_file_does_not_pass(tmp_path: Path) -> None:
    """Five magic bytes would be enough to get an image read as a PDF."""
    result = run(written(tmp_path, b"%PDF-1.7\n" + picture()))
    assert result.errors[0] in {"E_PARSE_CORRUPT", "E_SECURITY_INVALID_PDF", "E_PARSE_EMPTY"}


def test_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The size limit would not hold."""
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(2 * 2**20)
    result = run(path, max_file_size_mb=1)
    assert result.errors == ["E_SECURITY_TOO_LARGE"]
    assert result.metadata.content_sha256 == ""


def test_too_many_pages_and_objects_are_refused(tmp_path: Path) -> None:
    """The limits on pages and objects would not hold."""
    path = written(tmp_path, text_pdf("one", "two", "three"))
    assert run(path, max_page_count=2).errors == ["E_SECURITY_TOO_MANY_PAGES"]
    assert run(path, max_object_count=3).errors == ["E_SECURITY_TOO_MANY_OBJECTS"]
    assert run(path).errors == []


def test_garbage_after_a_header_is_corrupt(tmp_path: Path) -> None:
    """A file with no structure at all would raise."""
    result = run(written(tmp_path, b"%PDF-1.4\n" + b"\x00\xff garbage " * 50))
    assert result.errors[0] in {"E_PARSE_CORRUPT", "E_PARSE_EMPTY"}


def test_a_document_without_pages_is_empty(tmp_path: Path) -> None:
    """A document of no pages would look like a success with nothing in it."""
    data = raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"])
    assert run(written(tmp_path, data)).errors == ["E_PARSE_EMPTY"]


def test_a_user_password_stops_and_an_owner_password_does_not(tmp_path: Path) -> None:
    """A locked document would be taken for a broken one, or a readable one refused."""
    options = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "owner_pw": "owner"}
    locked = save(tmp_path, prose_page, "locked.pdf", user_pw="user", **options)
    owned = save(tmp_path, prose_page, "owned.pdf", **options)
    refused = run(locked)
    assert refused.errors == ["E_PARSE_PASSWORD"]
    assert refused.metadata.needs_password
    read = run(owned)
    assert read.errors == []
    assert "W_ENCRYPTED_OWNER_ONLY" in read.warnings
    assert read.metadata.is_encrypted
    assert "quick brown fox" in read.markdown


SCRIPTED = {
    "open action": [b"<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R >>", PAGES, PAGE % b"", SCRIPT],
    "second action": [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /GoTo /Next [4 0 R] >> >>",
        PAGES,
        PAGE % b"",
        SCRIPT,
    ],
    "catalog event": [b"<< /Type /Catalog /Pages 2 0 R /AA << /WC 4 0 R >> >>", PAGES, PAGE % b"", SCRIPT],
    "name tree": [
        b"<< /Type /Catalog /Pages 2 0 R /Names << /JavaScript << /Names [(a) 4 0 R] >> >> >>",
        PAGES,
        PAGE % b"",
        SCRIPT,
    ],
    "page event": [b"<< /Type /Catalog /Pages 2 0 R >>", PAGES, PAGE % b"/AA << /O 4 0 R >>", SCRIPT],
    "link": [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        PAGES,
        PAGE % b"/Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A 4 0 R >>]",
        SCRIPT,
    ],
    "widget": [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        PAGES,
        PAGE % b"/Annots [<< /Type /Annot /Subtype /Widget /FT /Tx /Rect [0 0 9 9] /AA << /K 4 0 R >> >>]",
        SCRIPT,
    ],
    "form field": [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [<< /T (a) /AA << /C 4 0 R >> >>] >> >>",
        PAGES,
        PAGE % b"",
        SCRIPT,
    ],
    "outline": [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines << /First << /Title (t) /A 4 0 R >> >> >>",
        PAGES,
        PAGE % b"",
        SCRIPT,
    ],
    "escaped name": [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /J#61vaScript /#4aS (x) >> >>",
        PAGES,
        PAGE % b"",
        SCRIPT,
    ],
}


@pytest.mark.parametrize("place", SCRIPTED)
def test_a_script_is_found_wherever_a_viewer_would_run_it(tmp_path: Path, place: str) -> None:
    """A script in this place of the document would get through."""
    path = written(tmp_path, raw_pdf(SCRIPTED[place]))
    assert run(path).errors == ["E_SECURITY_JAVASCRIPT"]


def test_the_word_javascript_on_a_page_is_no_script(tmp_path: Path) -> None:
    """A manual of JavaScript would be refused as an attack."""
    text = "/JavaScript /JS (app.alert) /OpenAction /AA: how scripts are written. " * 5
    result = run(written(tmp_path, text_pdf(text)))
    assert result.errors == []
    assert not result.metadata.has_javascript


def test_an_override_reads_the_script_and_says_so(tmp_path: Path) -> None:
    """Lifting the limit would leave no trace in the result."""
    path = written(tmp_path, raw_pdf(SCRIPTED["open action"]))
    result = run(path, reject_javascript=False, reject_javascript_override_reason="trusted sender")
    assert result.errors == []
    assert result.metadata.has_javascript
    (note,) = [item for item in result.error_details if item.code is ErrorCode.W_SECURITY_OVERRIDE]
    assert note.details == {"reject_javascript": "trusted sender"}


def test_actions_in_a_circle_end(tmp_path: Path) -> None:
    """A chain of actions that leads back to itself would be followed for ever."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R >>",
        PAGES,
        PAGE % b"",
        b"<< /S /GoTo /Next 5 0 R >>",
        b"<< /S /GoTo /Next [4 0 R 5 0 R 4 0 R] >>",
    ]
    assert run(written(tmp_path, raw_pdf(objects))).errors == []


def test_a_bomb_is_refused_while_it_is_small(tmp_path: Path) -> None:
    """A few kilobytes would inflate to gigabytes in the worker."""
    inner = zlib.compressobj(9)
    packed = b"".join(inner.compress(b"0 0 m " * 2**20) for _ in range(60)) + inner.flush()
    twice = zlib.compress(packed, 9)
    assert len(twice) < 20_000
    bomb = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (
        len(twice),
        twice,
    )
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", PAGES, PAGE % b"/Contents 4 0 R", bomb]
    assert run(written(tmp_path, raw_pdf(objects))).errors == ["E_SECURITY_DECOMPRESSION_BOMB"]


def test_a_truncated_document_keeps_the_pages_that_are_there(tmp_path: Path) -> None:
    """One cut-off page would cost the whole document, or be reported as blank."""
    whole = save(tmp_path, lambda doc: [prose_page(doc) for _ in range(6)] and None).read_bytes()
    result = run(written(tmp_path, whole[: int(len(whole) * 0.6)], "cut.pdf"))
    assert result.errors == []
    assert "W_DOCUMENT_REPAIRED" in result.warnings
    assert "W_PARSER_MESSAGES" in result.warnings
    assert any(page.status is PageStatus.OK for page in result.pages)
    silent = [page for page in result.pages if not page.char_count and not page.warnings]
    assert silent == []


def test_a_bad_page_fails_alone(tmp_path: Path) -> None:
    """A page whose content is not in the file would be taken for a blank one."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        PAGE % b"/Contents 5 0 R /Resources << /Font << /F 6 0 R >> >>",
        PAGE % b"/Contents 99 0 R",
        b"<< /Length 35 >>\nstream\nBT /F 9 Tf 9 99 Td (still here) Tj ET\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    result = run(written(tmp_path, raw_pdf(objects)))
    assert result.errors == []
    good, bad = result.pages
    assert good.status is PageStatus.OK
    assert "still here" in result.markdown
    assert bad.status is PageStatus.FAILED
    assert bad.error is not None
    assert bad.error.code is ErrorCode.E_PARSE_PAGE
    assert bad.warnings == ["W_PAGE_FAILED"]
    assert "W_PAGE_FAILED" in result.warnings


def test_content_that_does_not_unpack_is_no_blank_page(tmp_path: Path) -> None:
    """A page whose content is damaged would pass for one that has none."""
    damaged = b"<< /Length 20 /Filter /FlateDecode >>\nstream\nnot what it seems to\nendstream"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R 5 0 R] /Count 2 >>"]
    objects += [PAGE % b"/Contents 4 0 R", damaged, PAGE % b""]
    result = run(written(tmp_path, raw_pdf(objects)))
    assert [page.status for page in result.pages] == [PageStatus.FAILED, PageStatus.SKIPPED]


def test_an_outline_in_a_circle_is_reported(tmp_path: Path) -> None:
    """A circular outline would hang or fail the document."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        PAGES,
        PAGE % b"",
        b"<< /Type /Outlines /First 5 0 R /Last 5 0 R /Count 1 >>",
        b"<< /Title (again) /Parent 4 0 R /Next 5 0 R /First 5 0 R >>",
    ]
    result = run(written(tmp_path, raw_pdf(objects)))
    assert result.errors == []
    assert "W_OUTLINE_INVALID" in result.warnings


def test_outline_entries_that_lead_nowhere_are_counted(tmp_path: Path) -> None:
    """A reader would be sent to pages that do not exist, without a word in the result."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        PAGES,
        PAGE % b"",
        b"<< /Type /Outlines /First 5 0 R /Last 6 0 R /Count 2 >>",
        b"<< /Title (there) /Parent 4 0 R /Next 6 0 R /Dest [3 0 R /Fit] >>",
        b"<< /Title (nowhere) /Parent 4 0 R /Prev 5 0 R /Dest (missing) >>",
    ]
    result = run(written(tmp_path, raw_pdf(objects)))
    (note,) = [item for item in result.error_details if item.code is ErrorCode.W_OUTLINE_INVALID]
    assert note.details == {"entries": 1}
    assert [entry.page_number for entry in result.metadata.outline] == [1, None]


def test_the_parser_is_silent_and_messages_name_no_text(tmp_path: Path) -> None:
    """MuPDF would write into a daemon's log, or words of the document would end up in messages."""
    whole = save(tmp_path, lambda doc: prose_page(doc, "Secretword " * 60)).read_bytes()
    path = written(tmp_path, whole[: len(whole) // 2], "cut.pdf")
    result = run(path)
    assert "W_PARSER_MESSAGES" in result.warnings
    assert all("Secretword" not in detail.model_dump_json() for detail in result.error_details)
    circle = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"]
    broken = written(tmp_path, raw_pdf(circle), "broken.pdf")
    code = "import sys; from ingestkit_pdf.pdf import process_document as p; [p(x, {}) for x in sys.argv[1:]]"
    command = [sys.executable, "-c", code, str(path), str(broken)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")
