"""What happens inside a worker process: one document after the other, each answered by one frame."""

from __future__ import annotations

import contextlib
import inspect
import os
import pickle
import re
import resource
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ingestkit_pdf.execution._channel import Frame, Kind, Progress, read_frame, write_frame
from ingestkit_pdf.execution._reference import FunctionReference
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.execution.task import ProcessFn
from ingestkit_pdf.models import ProcessingResult

__all__ = ["serve"]

_MAX_MESSAGE = 500
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATM = Path("/proc/self/statm")
_NATIVE_ALLOCATION = re.compile(r"\b(?:malloc|calloc|realloc)\b.*\bfailed\b", re.IGNORECASE | re.DOTALL)
"""How MuPDF says that memory has run out; it does so with an ordinary exception."""


def serve(
    sock: socket.socket, progress: Progress, reference: FunctionReference, memory_bytes: int | None
) -> None:
    """Process tasks until the pool closes the channel or memory has run out."""
    limit_address_space(memory_bytes)
    try:
        process_fn = reference.load()
        takes_on_page = "on_page" in inspect.signature(process_fn).parameters
    except BaseException as error:  # noqa: BLE001 - whatever a foreign module raises, the pool must hear of it
        message = f"process_fn {reference.module}:{reference.name} cannot be loaded: {describe(error)}"
        write_frame(sock, Kind.FAILURE, {"message": message})
        return
    keywords = {"on_page": progress.set_page} if takes_on_page else {}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the pool has given this worker up
        write_frame(sock, Kind.READY, {})
        while (task := read_frame(sock)) is not None:
            progress.begin(task.meta["number"])
            _reset_peak_memory()
            limit_address_space(task.meta["memory_bytes"] or memory_bytes)
            kind, facts, body = _attempt(process_fn, task, keywords)
            resident = {"peak_memory_bytes": peak_memory_bytes(), "resident_bytes": _resident_bytes()}
            write_frame(sock, kind, {"number": task.meta["number"], **resident, **facts}, body)
            if facts.get("reason") == FailureReason.MEMORY:
                return


def _attempt(
    process_fn: ProcessFn, task: Frame, keywords: Mapping[str, Callable[[int], None]]
) -> tuple[Kind, dict[str, Any], bytes]:
    """Run one task; every exception becomes an answer."""
    try:
        config = pickle.loads(task.body)  # noqa: S301 - from the pool, which is trusted
        result = process_fn(task.meta["file_path"], config, **keywords)
        return _answer(result, task.meta["reported_path"])
    except MemoryError as error:
        reason, message = FailureReason.MEMORY, describe(error)
    except BaseException as error:  # noqa: BLE001 - a worker outlives whatever a document does, sys.exit included
        message = describe(error)
        reason = FailureReason.MEMORY if _NATIVE_ALLOCATION.search(message) else FailureReason.EXCEPTION
    # Only here has the exception let go of its frames and their memory; and to say so takes some, too.
    if reason is FailureReason.MEMORY:
        limit_address_space(None)
    return Kind.FAILURE, {"reason": reason.value, "message": message}, b""


def _answer(result: object, reported_path: str | None) -> tuple[Kind, dict[str, Any], bytes]:
    if not isinstance(result, ProcessingResult):
        raise TypeError(f"process_fn returned {type(result).__name__}, expected ProcessingResult")
    if reported_path is not None:
        result = result.model_copy(update={"file_path": reported_path})
    facts: dict[str, Any] = {
        "errors": result.errors[:100],
        "pages": len(result.pages),
        "chunks": len(result.chunks),
        "content_sha256": result.metadata.content_sha256,
    }
    return Kind.RESULT, facts, result.model_dump_json().encode()


def describe(error: BaseException) -> str:
    """Type and message of an exception: one line, of bounded length."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - a foreign __str__
        text = "(its message cannot be shown)"
    name = type(error).__name__
    return f"{name}: {text[:_MAX_MESSAGE]}" if text else name


def limit_address_space(memory_bytes: int | None) -> None:
    """Set the soft limit, so that the next document may have another one."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = resource.RLIM_INFINITY if memory_bytes is None else memory_bytes
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _reset_peak_memory() -> None:
    """Let the kernel count the peak anew, where it allows it: else the peak is that of the worker's life."""
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_bytes(b"5")  # https://docs.kernel.org/filesystems/proc.html: resets VmHWM


def peak_memory_bytes() -> int:
    """Largest resident size since it was last reset."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident_bytes() -> int:
    return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGESIZE")
