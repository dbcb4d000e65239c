"""What the event loop knows of the daemon, for those who ask from another thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

__all__ = ["Probe", "Snapshot"]

_ANSWER_WITHIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the event loop knows at one moment.

    Attributes:
        consuming: The broker has confirmed a consumer for every lane, and the connection stands.
        publishing: The publishing connection stands; it is opened when it is first needed.
        draining: The daemon was told to stop.
        in_progress: Attempts by lane and state (`waiting`, `running`).
        problem: What keeps the daemon from working, as the watchdog sees it; None for nothing.
    """

    consuming: bool
    publishing: bool
    draining: bool
    in_progress: Mapping[tuple[str, str], int]
    problem: str | None = None

    @property
    def ready(self) -> bool:
        """True when the daemon takes jobs."""
        return self.consuming and not self.draining and self.problem is None

    @property
    def status(self) -> str:
        """A few words for what it does."""
        if self.problem is not None:
            return f"not working: {self.problem}"
        if self.draining:
            return "draining"
        return "consuming" if self.consuming else "waiting for the broker"


class Probe:
    """Asks the event loop from another thread.

    Args:
        look: Called on the event loop that this is made on; must be quick.
        timeout: Seconds to wait for the answer.
    """

    def __init__(self, look: Callable[[], Snapshot], *, timeout: float = _ANSWER_WITHIN) -> None:
        self._loop = asyncio.get_running_loop()
        self._look = look
        self._timeout = timeout

    def ask(self) -> tuple[Snapshot | None, float]:
        """The snapshot, or None where the event loop does not answer in time; and the seconds it took."""
        asked = time.monotonic()
        answer: Future[Snapshot] = Future()
        try:
            self._loop.call_soon_threadsafe(self._answer, answer)
            return answer.result(self._timeout), time.monotonic() - asked
        except (TimeoutError, RuntimeError):  # RuntimeError: the loop has ended
            answer.cancel()
            return None, time.monotonic() - asked

    def _answer(self, answer: Future[Snapshot]) -> None:
        if answer.set_running_or_notify_cancel():
            answer.set_result(self._look())
