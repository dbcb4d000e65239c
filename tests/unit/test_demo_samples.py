"""The sample documents are what the demonstration says they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pymupdf
import pytest

from demo.samples import make_samples


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.stem: path for path in make_samples(tmp_path_factory.mktemp("samples"))}


def text_of(path: Path) -> str:
    with pymupdf.open(path) as document:
        return "\n".join(page.get_text() for page in document)


def test_one_sample_of_each_kind(samples: dict[str, Path]) -> None:
    """The demonstration would no longer show a kind of document that users have."""
    expected = ["text", "two-columns", "table", "form", "scan", "corrupt", "encrypted", "handbook"]
    assert list(samples) == expected


def test_samples_are_the_same_on_every_run(samples: dict[str, Path], tmp_path: Path) -> None:
    """Results of two demonstrations could not be compared, and content keys would change."""
    for again in make_samples(tmp_path / "new" / "folder"):
        if again.stem == "encrypted":  # its key is random
            continue
        first, second = (
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (samples[again.stem], again)
        )
        assert first == second, again.stem


def test_scan_has_pictures_and_no_text(samples: dict[str, Path]) -> None:
    """A scan with a text layer would pass for a scan that was read."""
    assert text_of(samples["scan"]).strip() == ""
    with pymupdf.open(samples["scan"]) as document:
        assert all(page.get_images() for page in document)


def test_corrupt_and_encrypted_cannot_be_read(samples: dict[str, Path]) -> None:
    """The demonstration would show no failure, and so not that failures are answered."""
    with pytest.raises(pymupdf.FileDataError):
        pymupdf.open(samples["corrupt"])
    with pymupdf.open(samples["encrypted"]) as document:
        assert document.needs_pass


def test_handbook_is_long_with_outline_and_running_headers(samples: dict[str, Path]) -> None:
    """Nothing in the demonstration would take long enough to watch, or have headers to remove."""
    with pymupdf.open(samples["handbook"]) as document:
        assert 35 <= document.page_count <= 45
        toc = document.get_toc()
        assert len(toc) == 32
        for _, title, number in toc:
            assert title in document[number - 1].get_text(), title
        assert all("Handbook of the harbour" in page.get_text() for page in document)


def test_form_has_fields_and_table_has_rules(samples: dict[str, Path]) -> None:
    """A form without fields, or a table without lines, would be classified as text."""
    with pymupdf.open(samples["form"]) as document:
        assert sum(1 for _ in document[0].widgets()) == 4
    with pymupdf.open(samples["table"]) as document:
        assert len(document[0].get_drawings()) >= 36
    assert "North mole" in text_of(samples["table"])


def test_no_word_is_set_outside_the_page(samples: dict[str, Path]) -> None:
    """Text would be cut off in the samples, and reading order would be judged on broken lines."""
    for name in ("text", "two-columns", "table", "form", "handbook"):
        with pymupdf.open(samples[name]) as document:
            for page in document:
                for word in page.get_text("words"):
                    assert pymupdf.Rect(word[:4]) in page.rect, (name, page.number, word[4])
