"""A function whose work the workers of a pool share; what happens depends on who does a unit."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ingestkit_pdf.models import ProcessingResult
from support.hostile import result_of
from support.waiting import until

__all__ = ["divide", "help_divide"]


class _Share(Protocol):
    plan: bytes

    def offer(self, plan: bytes, start: int, stop: int) -> None: ...
    def take(self, most: int) -> tuple[int, int, bytes | None, bool] | None: ...
    def give(self, body: bytes) -> None: ...


def divide(
    file_path: str, config: dict[str, Any], *, on_page: Callable[[int], None], share: _Share
) -> ProcessingResult:
    """Have `config["units"]` done; the result's note tells who did each, and which of them had failed.

    `config["here"]` and `config["there"]` say what this worker and its helpers do with a unit: see `_do`.
    """
    done: dict[int, str] = {}
    failed: list[int] = []
    share.offer(b"a plan", 0, config["units"])
    while (part := share.take(1)) is not None:
        start, stop, body, has_failed = part
        failed += [start] * has_failed
        for unit in range(start, stop):
            on_page(unit + 1)
            done[unit] = body.decode() if body is not None else _do(config, "here", unit)
    return result_of(file_path, note=json.dumps({"done": done, "failed": failed}))


def help_divide(
    file_path: str, config: dict[str, Any], *, on_page: Callable[[int], None], share: _Share
) -> None:
    """Do units of another worker, once it has begun one: it would get none if this one were quicker."""
    until((Path(config["folder"]) / "here").exists)
    if share.plan != b"a plan":
        raise ValueError("the plan did not arrive")
    while (part := share.take(1)) is not None:
        on_page(part[0] + 1)
        share.give(_do(config, "there", part[0]).encode() + b" " * config.get("padding", 0))


def _do(config: dict[str, Any], place: str, unit: int) -> str:
    """The first unit in a place leaves its number and its worker's pid in files, and acts; others may too."""
    folder = Path(config["folder"])
    if not (folder / place).exists():
        (folder / f"{place}-unit").write_text(str(unit))
        (folder / place).write_text(str(os.getpid()))
        _act(config.get(place, ""), folder)
    else:
        _act(config.get(f"then_{place}", ""), folder)
    return f"{place} {os.getpid()}"


def _act(name: str, folder: Path) -> None:
    if name == "gate":  # wait until the test opens it
        (folder / "gate").read_bytes()
    elif name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif name == "raise":
        raise ValueError("not here")
    elif name == "hog":
        raise MemoryError
    elif name == "hang":
        time.sleep(600)
