"""What `ingestkit-pdfd check` finds on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdfd import check
from ingestkit_pdfd.check import check_host
from ingestkit_pdfd.settings import DaemonSettings
from support.tokenizers import word_tokenizer


def test_a_host_without_a_part_of_the_sandbox_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents would be parsed unconfined, and `check` say ok."""
    monkeypatch.setattr(check, "lacking", lambda: ["landlock: Function not implemented"])
    for sandbox, stops in (("auto", False), ("required", True)):
        settings = DaemonSettings(sandbox=Sandbox(sandbox))
        (finding,) = (each for each in check_host(settings) if each.subject.startswith("sandbox"))
        assert finding.problem == "this host lacks landlock: Function not implemented"
        assert finding.stops is stops
        assert "Landlock" in finding.remedy


def test_a_tokenizer_that_cannot_be_loaded_is_found(tmp_path: Path) -> None:
    """The daemon would be stopped for its next start, and end in the middle of an upgrade."""
    good, broken, absent = (
        word_tokenizer(tmp_path / "good.json"),
        tmp_path / "broken.json",
        tmp_path / "no.json",
    )
    broken.write_text("{}")
    settings = DaemonSettings(tokenizer_files=[good, broken, absent], staging_dir=tmp_path)
    found = {finding.subject: finding for finding in check_host(settings)}
    assert found[f"tokenizer {good}"].problem is None
    for file, what in ((broken, "is not a tokenizer.json"), (absent, "No such file")):
        finding = found[f"tokenizer {file}"]
        assert finding.stops
        assert what in str(finding.problem)
        assert "tokenizer_files" in finding.remedy
