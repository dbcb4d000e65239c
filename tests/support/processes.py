"""Processes as tests look at them."""

from __future__ import annotations

import os
import select
from pathlib import Path

__all__ = ["gone_within", "parent_of"]


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
