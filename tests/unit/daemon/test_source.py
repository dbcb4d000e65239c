"""The document as the worker gets it: staged, or opened beneath an allowed root."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason, SourceError
from ingestkit_pdf.wire.envelope import InlineSource, Job, PathSource
from ingestkit_pdfd.beneath import open_beneath
from ingestkit_pdfd.source import Staging

INSIDE, OUTSIDE = b"%PDF-inside", b"%PDF-outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(INSIDE)
    (folder / "deep" / "a.pdf").write_bytes(INSIDE)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.pdf").write_bytes(OUTSIDE)
    return folder


def read(path: str | Path, *roots: Path) -> bytes:
    with os.fdopen(open_beneath(str(path), roots), "rb") as file:
        return file.read()


def reason_of(path: str | Path, *roots: Path) -> FailureReason:
    with pytest.raises(SourceError) as caught:
        read(path, *roots)
    return caught.value.failure.reason


def test_a_file_beneath_a_root_is_opened(root: Path) -> None:
    """Jobs by path would not work at all."""
    assert read(root / "a.pdf", root) == INSIDE
    assert read(root / "deep" / "a.pdf", root / "deep", root) == INSIDE
    assert read(root / "deep" / ".." / "a.pdf", root) == INSIDE


def test_a_root_that_is_itself_a_symlink_works(root: Path, tmp_path: Path) -> None:
    """Mount points behind a symlink (/srv/documents → …) would be refused."""
    alias = tmp_path / "alias"
    alias.symlink_to(root)
    assert read(alias / "a.pdf", alias) == INSIDE
    assert read(root / "a.pdf", alias) == INSIDE


def test_links_that_stay_beneath_the_roots_work(root: Path, tmp_path: Path) -> None:
    """A folder of links into an archive, as many shares are built, would be refused."""
    (root / "relative").symlink_to("deep")
    (root / "absolute").symlink_to(root / "deep")
    (root / "file.pdf").symlink_to("relative/a.pdf")
    (root / "to-the-other").symlink_to(tmp_path / "elsewhere")
    assert read(root / "relative" / "a.pdf", root) == INSIDE
    assert read(root / "absolute" / "a.pdf", root) == INSIDE
    assert read(root / "file.pdf", root) == INSIDE
    assert read(root / "to-the-other" / "a.pdf", root, tmp_path / "elsewhere") == OUTSIDE


def test_what_leads_outside_is_forbidden(root: Path, tmp_path: Path) -> None:
    """A job could read any file that the daemon can read."""
    (root / "link.pdf").symlink_to(tmp_path / "elsewhere" / "a.pdf")
    (root / "up").symlink_to(tmp_path)
    outside = [
        tmp_path / "elsewhere" / "a.pdf",
        root / ".." / "elsewhere" / "a.pdf",
        root / "link.pdf",
        root / "up" / "elsewhere" / "a.pdf",
        Path("/proc/self/environ"),
        tmp_path / "root-sibling" / "a.pdf",
        "relative.pdf",
        f"{root}/a.pdf\0",
    ]
    assert {reason_of(path, root) for path in outside} == {FailureReason.SOURCE_FORBIDDEN}


def test_without_roots_every_path_is_forbidden(root: Path) -> None:
    """The default, no roots, would allow everything instead of nothing."""
    assert reason_of(root / "a.pdf") is FailureReason.SOURCE_FORBIDDEN


def test_a_fifo_a_folder_and_a_device_are_forbidden_and_do_not_hang(root: Path) -> None:
    """A FIFO in the folder would hold a worker until the document's timeout, a device would be operated."""
    os.mkfifo(root / "fifo.pdf")
    assert reason_of(root / "fifo.pdf", root) is FailureReason.SOURCE_FORBIDDEN
    assert reason_of(root, root) is FailureReason.SOURCE_FORBIDDEN
    assert reason_of("/dev/null", Path("/dev")) is FailureReason.SOURCE_FORBIDDEN


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/1/cmdline", "/sys/kernel/uevent_seqnum"])
def test_what_the_kernel_makes_up_is_forbidden_under_any_root(path: str) -> None:
    """A root that holds /proc, such as that of a container, would give away passwords and memory."""
    if not Path(path).exists():
        pytest.skip(f"{path} does not exist here")
    assert reason_of(path, Path("/")) is FailureReason.SOURCE_FORBIDDEN


def test_a_missing_file_may_come_later(root: Path) -> None:
    """A file that is still being copied would be parked at once instead of being retried."""
    assert reason_of(root / "later.pdf", root) is FailureReason.SOURCE_UNAVAILABLE
    assert reason_of(root / "a.pdf" / "later.pdf", root) is FailureReason.SOURCE_UNAVAILABLE


SWAP = """
import os, sys
folder, link, elsewhere = sys.argv[1:]
while True:
    os.symlink(elsewhere, link)
    os.rename(folder, folder + ".aside")
    os.rename(link, folder)
    os.unlink(folder)
    os.rename(folder + ".aside", folder)
"""


@pytest.fixture
def swapping(root: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder beneath the root that is, turn by turn, itself, a link to elsewhere and absent."""
    folder = root / "turn"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(INSIDE)
    command = [sys.executable, "-c", SWAP, folder, root / "link", tmp_path / "elsewhere"]
    with subprocess.Popen(command) as swapper:
        yield folder
        swapper.kill()


def test_a_folder_that_turns_into_a_link_meanwhile_leads_nowhere(root: Path, swapping: Path) -> None:
    """Whoever may write beneath a root could have any file of the host read, by being quick."""
    found: Counter[bytes | FailureReason] = Counter()
    while min(found[INSIDE], found[FailureReason.SOURCE_FORBIDDEN]) < 20 or found.total() < 1000:
        try:
            found[read(swapping / "a.pdf", root)] += 1
        except SourceError as error:
            found[error.failure.reason] += 1
    assert OUTSIDE not in found, found


@pytest.mark.parametrize("part", ["deep", "a.pdf"])
def test_a_swap_at_the_worst_instant_leads_nowhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The instant between the look at a path and its opening would be enough to leave the root."""
    victim = root / "deep" if part == "deep" else root / "deep" / "a.pdf"
    target = tmp_path / "elsewhere" / ("" if part == "deep" else "a.pdf")
    resolve = os.path.realpath

    def resolve_and_swap(path: str) -> str:
        real = resolve(path)
        if real.endswith("deep/a.pdf"):
            victim.rename(tmp_path / "aside")
            victim.symlink_to(target)
        return real

    monkeypatch.setattr(os.path, "realpath", resolve_and_swap)
    with pytest.raises(SourceError):
        read(root / "deep" / "a.pdf", root)


def inline_job(document: bytes) -> Job:
    source = InlineSource(name="/producer/a.pdf", size=len(document), sha256="0" * 64)
    return Job(job_id="j", reply_to="r", source=source, config=PDFProcessorConfig(), document=document)


def test_an_inline_document_can_be_read_and_leaves_nothing(tmp_path: Path) -> None:
    """Staged documents would pile up until the disk is full, or a worker could write into them."""
    staging = Staging(tmp_path, [])
    handle = staging.open(inline_job(b"%PDF-1.7"))
    assert [path.name for path in staging.folder.iterdir()] == ["lock"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(handle, b"x")
    with os.fdopen(handle, "rb") as file:
        assert file.read() == b"%PDF-1.7"
    staging.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    """The daemon would crash, or lose the job, when the staging folder cannot be written."""
    staging = Staging(tmp_path, [])
    staging.folder.rename(tmp_path / "moved")
    with pytest.raises(SourceError) as caught:
        staging.open(inline_job(b"x"))
    assert caught.value.failure.reason is FailureReason.SOURCE_UNAVAILABLE
    staging.close()


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


def test_a_document_is_told_by_its_digest(tmp_path: Path) -> None:
    """A dead letter could not be found by its document, or reading a huge one would hold it up."""
    document = b"%PDF-1.7" + bytes(3_000_000)
    path = tmp_path / "a.pdf"
    path.write_bytes(document)
    staging = Staging(tmp_path, [tmp_path])
    by_path = replace(inline_job(b""), source=PathSource(path=str(path)), document=None)
    for job in (inline_job(document), by_path):
        assert staging.digest(job, seconds=10) == hashlib.sha256(document).hexdigest()
        assert staging.digest(job, seconds=-1) is None
    assert staging.digest(replace(by_path, source=PathSource(path="/etc/passwd")), seconds=10) is None
    staging.close()
