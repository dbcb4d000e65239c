"""The document as the worker gets it: an open file, staged for an inline one, else beneath an allowed root.

A staged file has lost its name before a worker sees it, and so goes with its descriptor. The staging folder
belongs to one daemon and is locked by it, so that the next one can tell what a killed daemon left behind and
remove it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ingestkit_pdf.execution.failure import FailureReason, SourceError
from ingestkit_pdf.wire.envelope import Job

from .beneath import open_beneath

__all__ = ["Staging"]

_FOLDER_PREFIX = "ingestkit-pdfd-"
_LOCK_NAME = "lock"
_CHUNK = 1024 * 1024


class Staging:
    """The folder through which this daemon hands inline documents to its workers. Thread-safe."""

    def __init__(self, parent: Path, allowed_roots: Sequence[Path]) -> None:
        self._remove_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=parent))
        self._lock = os.open(self.folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._roots = tuple(allowed_roots)

    def allow(self, roots: Sequence[Path]) -> None:
        """From now on jobs may name documents beneath these folders, and no others."""
        self._roots = tuple(roots)

    def open(self, job: Job) -> int:
        """The job's document as an open file, for the caller to close.

        Raises:
            SourceError: The path is not allowed or cannot be read, or the document cannot be staged.
        """
        if job.document is None:
            return open_beneath(job.file_path, self._roots)
        try:
            return self._stage(job.document)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "write failed"
            raise SourceError(
                FailureReason.SOURCE_UNAVAILABLE, f"cannot stage the document: {reason}"
            ) from error

    def digest(self, job: Job, *, seconds: float) -> str | None:
        """SHA-256 of the job's document as it is now; None if it cannot be read, or not in this time."""
        deadline = time.monotonic() + seconds
        digest = hashlib.sha256()
        try:
            with os.fdopen(self.open(job), "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    if time.monotonic() > deadline:
                        return None
        except (SourceError, OSError):
            return None
        return digest.hexdigest()

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _stage(self, document: bytes) -> int:
        handle, name = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
            return os.open(name, os.O_RDONLY | os.O_CLOEXEC)  # a worker must not be able to write
        finally:
            Path(name).unlink()

    @staticmethod
    def _remove_abandoned(parent: Path) -> None:
        """Remove the folders of daemons that died: those whose lock nobody holds."""
        for folder in parent.glob(f"{_FOLDER_PREFIX}*"):
            try:
                lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            else:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
