"""A gate that a job waits at, in another process, until the test opens it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from support.waiting import until

__all__ = ["Gate"]


class Gate:
    """A FIFO: who reads it waits for the end of what is written, and the writer sees that a reader is there.

    Args:
        path: Where to make it; the act `gate` of `support.hostile` takes this path as its argument.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._writer: int | None = None

    def await_job(self) -> None:
        """Wait until a job stands at the gate, and so has certainly begun.

        Raises:
            AssertionError: None does so in time.
        """
        until(self._has_reader, timeout=30)

    def _has_reader(self) -> bool:
        try:
            self._writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        return self._writer is not None

    def open(self) -> None:
        """Let it through."""
        if self._writer is None:
            self.await_job()
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None
