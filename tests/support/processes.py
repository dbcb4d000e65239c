"""Processes as tests look at them."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["becomes_true", "gone_within", "parent_of"]


def gone_within(pid: int, seconds: float) -> bool:
    """Wait for the end of any process, not only of a child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(fd)


def parent_of(pid: int) -> int:
    """The pid of its parent."""
    status = Path(f"/proc/{pid}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def becomes_true(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Look again and again; for what nobody announces, such as a figure in a snapshot."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
