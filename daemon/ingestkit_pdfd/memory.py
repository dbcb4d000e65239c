"""The memory there is for the daemon and its workers."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["memory_here"]

_CGROUPS = Path("/sys/fs/cgroup")


def memory_here(own: Path = Path("/proc/self/cgroup"), groups: Path = _CGROUPS) -> int:
    """Bytes: those of the host, or fewer where a control group (a unit, a container) allows fewer."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        name = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return memory
    group = groups / name.lstrip("/")
    for folder in (group, *group.parents):
        try:
            memory = min(memory, int((folder / "memory.max").read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return memory
