"""Waiting for something another process does, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["until"]

Found = TypeVar("Found")


def until(look: Callable[[], Found], *, timeout: float = 15.0) -> Found:
    """What `look` gives as soon as it is true; looks every 20 ms."""
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, f"not so within {timeout:g} s"
        time.sleep(0.02)
    return found
