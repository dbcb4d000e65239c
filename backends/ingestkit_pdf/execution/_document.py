"""The document of a task, as the worker gets it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ingestkit_pdf.execution.task import PoolTask

__all__ = ["opened"]


@contextlib.contextmanager
def opened(task: PoolTask, *, confined: bool) -> Iterator[int | None]:
    """The document as an open file; None where the worker opens it itself, or says why it cannot.

    Raises:
        SourceError: The task's own `open_document` did.
    """
    handle = None
    if task.open_document is not None:
        handle = task.open_document()
    elif confined:
        with contextlib.suppress(OSError):
            handle = os.open(task.file_path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)
