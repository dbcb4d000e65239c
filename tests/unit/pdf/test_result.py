"""The result as a whole: metadata, the ingest key, the same again for the same document."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.pdf import process_document
from ingestkit_pdf.pdf.metadata import iso_date
from support.made_pdf import prose_page, run, save


def comparable(result: ProcessingResult) -> str:
    """The result as JSON without what belongs to one run: its id and the timings."""
    data = result.model_dump(mode="json")
    data["ingest_run_id"] = data["file_path"] = ""
    data["processing_time_seconds"] = 0
    data["parse_result"]["parse_duration_seconds"] = 0
    data["classification_result"]["classification_duration_seconds"] = 0
    return ProcessingResult.model_validate(data).model_dump_json()


def described(document: Any) -> None:
    """Three pages with everything that metadata can say."""
    for _ in range(3):
        prose_page(document)
    document.set_metadata(
        {
            "title": "A title\nin two lines",
            "author": "An author",
            "producer": "made by a test",
            "creationDate": "D:20240131120530+02'00'",
            "modDate": "D:20240201",
        }
    )
    document.set_toc([[1, "Beginning", 1], [2, "End", 3]])
    document.embfile_add("notes.txt", b"attached")
    document.set_language("de")
    document.set_page_labels([{"startpage": 0, "prefix": "A-", "style": "D", "firstpagenum": 1}])


def test_metadata_is_what_the_file_says(tmp_path: Path) -> None:
    """The result would not say what it is the result of."""
    path = save(tmp_path, described)
    result = run(path, tenant_id="tenant")
    metadata = result.metadata
    assert (metadata.title, metadata.author) == ("A title in two lines", "An author")
    assert metadata.producer == "made by a test"
    assert metadata.creation_date == "2024-01-31T12:05:30+02:00"
    assert metadata.modification_date == "2024-02-01"
    assert metadata.page_count == 3
    assert metadata.file_size_bytes == path.stat().st_size
    assert metadata.content_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert metadata.language == "de"
    assert metadata.attachment_count == 1
    assert "W_EMBEDDED_FILES" in result.warnings
    assert [(entry.level, entry.title, entry.page_number) for entry in metadata.outline] == [
        (1, "Beginning", 1),
        (2, "End", 3),
    ]
    assert [page.label for page in result.pages] == ["A-1", "A-2", "A-3"]
    assert result.tenant_id == "tenant"


@pytest.mark.parametrize(
    ("date", "iso"),
    [
        ("D:20240131120530Z", "2024-01-31T12:05:30Z"),
        ("D:202401311205-05'30'", "2024-01-31T12:05:00-05:30"),
        ("20240131", "2024-01-31"),
        ("D:2024", "2024"),
        ("D:20241331", None),
        ("last week", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_iso_or_nothing(date: str | None, iso: str | None) -> None:
    """A date that no program can read, or one that is none, would be handed on."""
    assert iso_date(date) == iso


def test_the_same_document_gives_the_same_result(tmp_path: Path) -> None:
    """Results could not be compared, cached or checked."""
    path = save(tmp_path, described)
    copy = tmp_path / "other.pdf"
    copy.write_bytes(path.read_bytes())
    first, second = run(path), run(copy)
    assert comparable(first) == comparable(second)
    assert first.ingest_run_id != second.ingest_run_id


def test_the_ingest_key_is_of_content_and_output_only(tmp_path: Path) -> None:
    """A document would be ingested twice for its name, or not again when its chunks change."""
    path = save(tmp_path, described)
    key = run(path).ingest_key
    assert run(path, execution_max_workers=7, per_document_timeout_seconds=3).ingest_key == key
    assert run(path, chunk_size_tokens=256).ingest_key != key
    assert run(path, parser_version="another").ingest_key != key
    other = save(tmp_path, prose_page, "other.pdf")
    assert run(other).ingest_key != key


def test_chunk_ids_follow_from_the_key(tmp_path: Path) -> None:
    """Ingesting again would leave the old chunks beside the new ones."""
    path = save(tmp_path, described)
    ids = [chunk.id for chunk in run(path).chunks]
    assert len(set(ids)) == len(ids)
    assert ids == [chunk.id for chunk in run(path).chunks]
    assert ids[0] != run(path, chunk_size_tokens=256).chunks[0].id


def test_the_result_survives_json(tmp_path: Path) -> None:
    """What a daemon sends would not be what a client gets."""
    result = run(save(tmp_path, described))
    assert ProcessingResult.model_validate_json(result.model_dump_json()) == result


def test_progress_names_each_page_as_it_is_begun(tmp_path: Path) -> None:
    """A job that hangs would not say on which page."""
    begun: list[int] = []
    process_document(str(save(tmp_path, described)), {}, on_page=begun.append)
    assert begun == [1, 2, 3]
