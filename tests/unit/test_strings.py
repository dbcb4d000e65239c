"""Strings of results."""

from __future__ import annotations

from pathlib import Path

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import Chunk, DocumentMetadata, ProcessingResult, TableResult
from support.documents import text_pdf
from support.made_pdf import run


def test_a_result_with_lone_surrogates_is_written_without_them() -> None:
    """A single letter of a broken file would keep everything that was read of it from being written."""
    odd = "a\ud800b\udce4c"
    error = IngestError(code=ErrorCode.E_PARSE_EMPTY, message=odd, stage="parse", details={odd: odd})
    parts = {
        "chunks": [Chunk(id="1", index=0, text=odd, page_numbers=[1], heading_path=[odd])],
        "table_data": [TableResult(page_number=1, table_index=0, rows=[[odd, "\u00e9"]], headers=None)],
        "metadata": DocumentMetadata(title=odd),
    }
    result = ProcessingResult.failed(odd, error).model_copy(update=parts)
    written = ProcessingResult.model_validate_json(result.encode())
    assert written.file_path == "abc"
    assert (written.error_details[0].message, written.error_details[0].details) == ("abc", {"abc": "abc"})
    assert (written.chunks[0].text, written.chunks[0].heading_path) == ("abc", ["abc"])
    assert written.table_data[0].rows == [["abc", "\u00e9"]]
    assert written.metadata.title == "abc"


def test_a_file_whose_name_is_no_utf_8_has_a_result(tmp_path: Path) -> None:
    """Names in another encoding than the system's would make documents unreadable."""
    path = tmp_path / "caf\udce9.pdf"
    path.write_bytes(text_pdf("Some words."))
    assert "Some words." in run(path).model_dump_json()
    path.write_bytes(b"no PDF")
    assert "E_SECURITY_INVALID_PDF" in run(path).model_dump_json()
