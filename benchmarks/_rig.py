"""What the benchmarks that run services share: all of it ends with the benchmark, however that ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("deploy", "tests")]

from demo.broker import PrivateBroker
from demo.leftovers import MARKER

__all__ = ["private_broker"]


@contextmanager
def private_broker(limit: float) -> Iterator[PrivateBroker]:
    """A broker of our own; what is started while it is up ends with it, at the latest.

    SIGTERM, SIGHUP and the end of `limit` seconds unwind the program in order, as Ctrl-C does. Where there
    is no time for that (SIGKILL), the broker's guard ends whatever carries the broker's mark, and everything
    does that inherits this process's environment.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        with PrivateBroker() as broker:
            os.environ[MARKER] = str(broker.folder)
            try:
                yield broker
            finally:
                del os.environ[MARKER]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _end(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(other, signal.SIG_IGN)  # once is enough, and a second one would break the cleaning up
    if number == signal.SIGALRM:
        sys.exit("the benchmark took longer than it may; --limit SECONDS gives it more time")
    sys.exit(128 + number)
