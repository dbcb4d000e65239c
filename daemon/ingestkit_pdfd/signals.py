"""SIGTERM, SIGINT and SIGHUP as events."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Signals"]


class Signals:
    """What the daemon is told from outside.

    Attributes:
        first: Set by the first SIGTERM or SIGINT: drain.
        second: By the next one: do not wait.
        reload: By SIGHUP: read the settings again. Whoever does so clears it.
    """

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.reload = asyncio.Event()

    @contextmanager
    def installed(self) -> Iterator[Signals]:
        """Handle the signals while the block runs. Needs the running loop of the main thread."""
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self.reload.set,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield self
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _on_stop(self) -> None:
        (self.second if self.first.is_set() else self.first).set()
