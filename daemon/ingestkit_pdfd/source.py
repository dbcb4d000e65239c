"""Where the worker finds the document: an inline one is staged in a file, a path is checked.

A staged file belongs to one attempt and goes with it. The staging folder belongs to one daemon and is
locked by it, so that the next one can tell what a killed daemon left behind and remove it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.wire.envelope import Job

__all__ = ["SourceError", "Staging", "resolve_beneath"]

_FOLDER_PREFIX = "ingestkit-pdfd-"
_LOCK_NAME = "lock"


class SourceError(Exception):
    """The document cannot be given to a worker."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.failure = WorkerFailure(reason=reason, message=message)


class Staging:
    """The folder in which this daemon keeps inline documents while they are worked on."""

    def __init__(self, parent: Path, allowed_roots: Sequence[Path]) -> None:
        self._remove_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir=parent))
        self._lock = os.open(self.folder / _LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._roots = tuple(allowed_roots)

    @asynccontextmanager
    async def document(self, job: Job) -> AsyncIterator[str]:
        """The path under which a worker can open the job's document.

        Raises:
            SourceError: The path is not allowed or cannot be read, or the document cannot be staged.
        """
        if job.document is None:
            yield await asyncio.to_thread(resolve_beneath, job.file_path, self._roots)
            return
        path = await asyncio.to_thread(self._write, job.document)
        try:
            yield str(path)
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _write(self, document: bytes) -> Path:
        path: Path | None = None
        try:
            handle, name = tempfile.mkstemp(suffix=".pdf", dir=self.folder)
            path = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(document)
        except OSError as error:
            if path is not None:
                with suppress(OSError):
                    path.unlink()
            reason = os.strerror(error.errno) if error.errno else "write failed"
            raise SourceError(
                FailureReason.SOURCE_UNAVAILABLE, f"cannot stage the document: {reason}"
            ) from error
        return path

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


def resolve_beneath(path: str, roots: Sequence[Path]) -> str:
    """The real path of a regular file that lies beneath one of `roots` once symlinks are resolved.

    Raises:
        SourceError: `SOURCE_FORBIDDEN` when it lies elsewhere, is not a regular file, or there are no
            roots; `SOURCE_UNAVAILABLE` when it is not there or cannot be read (yet).
    """
    if not roots:
        raise _forbidden("this daemon takes inline documents only: no allowed_roots are configured")
    if not path.startswith("/") or "\0" in path:
        raise _forbidden("the document's path is not absolute")
    # The answer for a path outside must not tell what exists there, so the roots come first.
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise _forbidden("the document's path lies outside the allowed roots")
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _forbidden("the document's path became a symbolic link") from error
        reason = os.strerror(error.errno) if error.errno else "open failed"
        raise SourceError(FailureReason.SOURCE_UNAVAILABLE, f"cannot open the document: {reason}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _forbidden("the document is not a regular file")
    finally:
        os.close(handle)
    return str(real)


def _forbidden(message: str) -> SourceError:
    return SourceError(FailureReason.SOURCE_FORBIDDEN, message)
