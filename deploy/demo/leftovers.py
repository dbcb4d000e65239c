"""Ends what a private broker may leave behind, also when its owner was killed.

Run as a script it is the broker's guard: it waits until its standard input closes, which the kernel sees to
however the owner ended, and then ends every process of that broker and removes its folder. It imports the
standard library only, so that it starts in milliseconds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

__all__ = ["MARKER", "end_processes", "marked_processes", "remove_folder"]

MARKER = "INGESTKIT_PRIVATE_BROKER"
"""Environment variable that every process of a private broker inherits; its value is the broker's folder."""

_POLL_SECONDS = 0.02


def marked_processes(folder: Path) -> list[int]:
    """Process ids of this user's living processes that belong to the broker in `folder`."""
    wanted = f"{MARKER}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:  # another user's process, or one that has just ended
            continue
        if wanted in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


def end_processes(folder: Path, *, timeout: float = 10.0) -> list[int]:
    """Kill every process of the broker in `folder`; the ids of those still there at the deadline."""
    deadline = time.monotonic() + timeout
    while remaining := marked_processes(folder):
        for pid in remaining:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            return remaining
        time.sleep(_POLL_SECONDS)
    return []


def remove_folder(folder: Path, *, timeout: float = 5.0) -> None:
    """Remove `folder`, again where a dying process was still writing into it."""
    deadline = time.monotonic() + timeout
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_SECONDS if folder.exists() else 0)


def _guard(folder: Path, *, keep: bool) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the owner's end ends the guard
    while os.read(0, 4096):
        pass
    end_processes(folder)
    if not keep:
        remove_folder(folder)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), keep="--keep" in sys.argv[2:])
