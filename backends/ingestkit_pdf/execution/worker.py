"""What happens inside a worker process: one document after the other, each answered by one frame."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import pickle
import re
import resource
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingestkit_pdf.execution._channel import Frame, Kind, Progress, read_frame, write_frame
from ingestkit_pdf.execution._reference import FunctionReference
from ingestkit_pdf.execution._share import ChannelShare
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.execution.sandbox import Sandbox, SandboxError, confine
from ingestkit_pdf.execution.task import ProcessFn
from ingestkit_pdf.models import ProcessingResult

__all__ = ["serve"]

_MAX_MESSAGE = 500
_NATIVE_ALLOCATION = re.compile(r"\b(?:malloc|calloc|realloc)\b.*\bfailed\b", re.IGNORECASE | re.DOTALL)
"""How MuPDF says that memory has run out; it does so with an ordinary exception."""


def serve(
    sock: socket.socket,
    progress: Progress,
    reference: FunctionReference,
    memory_bytes: int | None,
    sandbox: Sandbox = Sandbox.OFF,
    *,
    helper: FunctionReference | None = None,
) -> None:
    """Process tasks until the pool closes the channel or memory has run out."""
    limit_address_space(memory_bytes)
    memory = _Memory()
    try:
        process_fn = reference.load()
        help_fn = helper.load() if helper is not None else None
        accepted = inspect.signature(process_fn).parameters
    except BaseException as error:  # noqa: BLE001 - whatever a foreign module raises, the pool must hear of it
        message = f"process_fn {reference.module}:{reference.name} cannot be loaded: {describe(error)}"
        write_frame(sock, Kind.FAILURE, {"message": message})
        return
    try:
        unconfined = confine(sandbox, memory_bytes)
    except SandboxError as error:
        write_frame(sock, Kind.FAILURE, {"message": str(error)})
        return
    stages = _Stages()
    offered: dict[str, object] = {
        "on_page": progress.set_page,
        "on_pages": progress.set_pages,
        "on_stage": stages.begin,
    }
    if help_fn is not None:
        offered["share"] = ChannelShare(sock)
    keywords = {name: function for name, function in offered.items() if name in accepted}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the pool has given this worker up
        write_frame(sock, Kind.READY, {"unconfined": unconfined})
        while (task := read_frame(sock)) is not None:
            progress.begin(task.meta["number"])
            memory.reset_peak()
            limit_address_space(task.meta["memory_bytes"] or memory_bytes)
            with _handed_over(sock, task) as task:
                if help_fn is not None and task.meta["plan_bytes"]:
                    kind, facts, body = _help(help_fn, task, sock, progress)
                else:
                    kind, facts, body = _attempt(process_fn, task, keywords, stages)
            resident = {"peak_memory_bytes": peak_memory_bytes(), "resident_bytes": memory.resident_bytes()}
            write_frame(sock, kind, {"number": task.meta["number"], **resident, **facts}, body)
            if facts.get("reason") == FailureReason.MEMORY:
                return


@contextlib.contextmanager
def _handed_over(sock: socket.socket, task: Frame) -> Iterator[Frame]:
    """The task with the path of the file that follows it, where one does; the file goes with the block."""
    if not task.meta["document"]:
        yield task
        return
    _, fds, _, _ = socket.recv_fds(sock, 1, 1)
    reported = task.meta["reported_path"] or task.meta["file_path"]
    here = {"file_path": f"/proc/self/fd/{fds[0]}", "reported_path": reported}
    try:
        yield dataclasses.replace(task, meta=task.meta | here)
    finally:
        os.close(fds[0])


def _attempt(
    process_fn: ProcessFn, task: Frame, keywords: Mapping[str, object], stages: _Stages
) -> tuple[Kind, dict[str, Any], bytes]:
    """Run one task; every exception becomes an answer."""
    stages.clear()
    try:
        config = pickle.loads(task.body)  # noqa: S301 - from the pool, which is trusted
        result = process_fn(task.meta["file_path"], config, **keywords)
        stages.begin("encode")
        kind, facts, body = _answer(result, task.meta["reported_path"])
        return kind, facts | {"stages": stages.ended()}, body
    except BaseException as error:  # noqa: BLE001 - a worker outlives whatever a document does, sys.exit included
        facts = _facts_of(error)
    return _failure(facts)


def _help(
    help_fn: Callable[..., None], task: Frame, sock: socket.socket, progress: Progress
) -> tuple[Kind, dict[str, Any], bytes]:
    """Help with a document that another worker has; every exception becomes an answer."""
    facts: dict[str, Any] = {}
    try:
        size = len(task.body) - task.meta["plan_bytes"]
        config = pickle.loads(task.body[:size])  # noqa: S301 - from the pool, which is trusted
        share = ChannelShare(sock, plan=task.body[size:])
        help_fn(task.meta["file_path"], config, on_page=progress.set_page, share=share)
    except BaseException as error:  # noqa: BLE001 - see above
        facts = _facts_of(error)
    return _failure(facts) if facts else (Kind.RESULT, {}, b"")


def _facts_of(error: BaseException) -> dict[str, Any]:
    message = describe(error)
    out_of_memory = isinstance(error, MemoryError) or _NATIVE_ALLOCATION.search(message)
    reason = FailureReason.MEMORY if out_of_memory else FailureReason.EXCEPTION
    return {"reason": reason.value, "message": message}


def _failure(facts: dict[str, Any]) -> tuple[Kind, dict[str, Any], bytes]:
    # Only here has the exception let go of its frames and their memory; and to say so takes some, too.
    if facts["reason"] == FailureReason.MEMORY:
        limit_address_space(None)
    return Kind.FAILURE, facts, b""


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
        "document_bytes": result.metadata.file_size_bytes,
    }
    return Kind.RESULT, facts, result.encode()


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


def peak_memory_bytes() -> int:
    """Largest resident size since it was last reset."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Stages:
    """Which stage began when."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def clear(self) -> None:
        """Another task begins."""
        self._begun = []

    def begin(self, name: str) -> None:
        """A stage begins, and the one before it ends."""
        self._begun.append((name, time.monotonic()))

    def ended(self) -> list[tuple[str, float, float]]:
        """Name, beginning and seconds of each; the last one ends now."""
        ends = [began for _, began in self._begun[1:]] + [time.monotonic()]
        return [(name, began, end - began) for (name, began), end in zip(self._begun, ends, strict=True)]


class _Memory:
    """What the kernel says of this process's memory; opened while it may still open files."""

    def __init__(self) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._clear_refs: int | None = None
        with contextlib.suppress(OSError):
            self._clear_refs = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        self._page_size = os.sysconf("SC_PAGESIZE")

    def reset_peak(self) -> None:
        """Have the peak counted anew, where the kernel allows it: else it is that of the worker's life."""
        if self._clear_refs is not None:
            with contextlib.suppress(OSError):
                # Resets VmHWM: https://docs.kernel.org/filesystems/proc.html
                os.write(self._clear_refs, b"5")

    def resident_bytes(self) -> int:
        """Resident size at this moment."""
        return int(os.pread(self._statm, 200, 0).split()[1]) * self._page_size
