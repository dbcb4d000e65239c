"""SIGTERM and SIGINT as events."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["StopSignals"]


class StopSignals:
    """`first` is set by the first SIGTERM or SIGINT: drain. `second` by the next one: do not wait."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    @contextmanager
    def installed(self) -> Iterator[StopSignals]:
        """Handle the signals while the block runs. Needs the running loop of the main thread."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield self
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        (self.second if self.first.is_set() else self.first).set()
