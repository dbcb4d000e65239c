"""Strings of results."""

from __future__ import annotations

from pathlib import Path

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import Chunk, DocumentMetadata, TableResult
from support.documents import text_pdf
from support.made_pdf import run


def test_no_part_of_a_result_has_a_lone_surrogate() -> None:
    """A single letter of a broken file would keep everything that was read of it from being written."""
    odd = "a\ud800b\udce4c"
    chunk = Chunk(id=odd, index=0, text=odd, page_numbers=[1], heading_path=[odd])
    assert (chunk.text, chunk.heading_path) == ("abc", ["abc"])
    table = TableResult(page_number=1, table_index=0, rows=[[odd, "é"]], headers=None)
    assert table.rows == [["abc", "é"]]
    error = IngestError(code=ErrorCode.E_PARSE_EMPTY, message=odd, stage="parse", details={odd: odd})
    for part in (chunk, table, error, DocumentMetadata(title=odd)):
        part.model_dump_json()


def test_a_file_whose_name_is_no_utf_8_has_a_result(tmp_path: Path) -> None:
    """Names in another encoding than the system's would make documents unreadable."""
    path = tmp_path / "caf\udce9.pdf"
    path.write_bytes(text_pdf("Some words."))
    assert "Some words." in run(path).model_dump_json()
    path.write_bytes(b"no PDF")
    assert "E_SECURITY_INVALID_PDF" in run(path).model_dump_json()
