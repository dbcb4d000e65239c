"""Where the worker finds the document."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.wire.envelope import InlineSource, Job
from ingestkit_pdfd.source import SourceError, Staging, resolve_beneath


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-")
    (tmp_path / "outside.pdf").write_bytes(b"%PDF-")
    return folder


def reason_of(path: str | Path, *roots: Path) -> FailureReason:
    with pytest.raises(SourceError) as caught:
        resolve_beneath(str(path), roots)
    return caught.value.failure.reason


def test_a_file_beneath_a_root_is_found(root: Path) -> None:
    """Jobs by path would not work at all."""
    assert resolve_beneath(str(root / "a.pdf"), [root]) == str(root / "a.pdf")


def test_a_root_that_is_itself_a_symlink_works(root: Path, tmp_path: Path) -> None:
    """Mount points behind a symlink (/srv/documents → …) would be refused."""
    (tmp_path / "alias").symlink_to(root)
    alias = tmp_path / "alias"
    assert resolve_beneath(str(alias / "a.pdf"), [alias]) == str(root / "a.pdf")


def test_what_leads_outside_is_forbidden(root: Path, tmp_path: Path) -> None:
    """A job could read any file that the daemon can read."""
    (root / "link.pdf").symlink_to(tmp_path / "outside.pdf")
    (root / "up").symlink_to(tmp_path)
    outside = [
        tmp_path / "outside.pdf",
        root / ".." / "outside.pdf",
        root / "link.pdf",
        root / "up" / "outside.pdf",
        Path("/proc/self/environ"),
        tmp_path / "root-sibling" / "a.pdf",
        "relative.pdf",
        f"{root}/a.pdf\0",
    ]
    assert {reason_of(path, root) for path in outside} == {FailureReason.SOURCE_FORBIDDEN}


def test_without_roots_every_path_is_forbidden(root: Path) -> None:
    """The default, no roots, would allow everything instead of nothing."""
    assert reason_of(root / "a.pdf") is FailureReason.SOURCE_FORBIDDEN


def test_a_fifo_and_a_folder_are_forbidden_and_do_not_hang(root: Path) -> None:
    """A FIFO in the folder would hold a worker until the document's timeout."""
    os.mkfifo(root / "fifo.pdf")
    assert reason_of(root / "fifo.pdf", root) is FailureReason.SOURCE_FORBIDDEN
    assert reason_of(root, root) is FailureReason.SOURCE_FORBIDDEN


def test_a_missing_file_may_come_later(root: Path) -> None:
    """A file that is still being copied would be parked at once instead of being retried."""
    assert reason_of(root / "later.pdf", root) is FailureReason.SOURCE_UNAVAILABLE


def inline_job(document: bytes) -> Job:
    source = InlineSource(name="/producer/a.pdf", size=len(document), sha256="0" * 64)
    return Job(job_id="j", reply_to="r", source=source, config=PDFProcessorConfig(), document=document)


def test_an_inline_document_is_there_for_the_attempt_and_gone_after_it(tmp_path: Path) -> None:
    """Staged documents would pile up until the disk is full."""

    async def scenario() -> None:
        staging = Staging(tmp_path, [])
        async with staging.document(inline_job(b"%PDF-1.7")) as path:
            assert Path(path).read_bytes() == b"%PDF-1.7"
        assert not Path(path).exists()
        staging.close()
        assert list(tmp_path.iterdir()) == []

    asyncio.run(scenario())


def test_a_full_disk_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    """The daemon would crash, or lose the job, when the staging folder cannot be written."""

    async def scenario() -> None:
        staging = Staging(tmp_path, [])
        staging.folder.rename(tmp_path / "moved")
        with pytest.raises(SourceError) as caught:
            async with staging.document(inline_job(b"x")):
                pass
        assert caught.value.failure.reason is FailureReason.SOURCE_UNAVAILABLE

    asyncio.run(scenario())


def test_what_a_killed_daemon_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    """Documents of killed daemons would stay on the disk; or those of a neighbour would vanish."""
    living = Staging(tmp_path, [])
    (living.folder / "doc.pdf").write_bytes(b"x")
    dead = tmp_path / "ingestkit-pdfd-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "doc.pdf").write_bytes(b"x")
    fresh = Staging(tmp_path, [])
    assert not dead.exists()
    assert (living.folder / "doc.pdf").exists()
    living.close()
    fresh.close()
