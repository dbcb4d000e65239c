"""What goes into the worker pool and what comes out of it: frozen values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf.models import ProcessingResult

__all__ = ["STAGES", "PoolLimits", "PoolResult", "PoolStats", "PoolTask", "ProcessFn", "Reached", "Stage"]

ProcessFn = Callable[..., ProcessingResult]
"""`(file_path: str, config: dict[str, Any]) -> ProcessingResult`; it may accept the keywords `on_page`,
a function to be called with each page number (from 1) as that page is begun, `on_pages`, one to be called
with the number of pages, and `on_stage`, one to be called with the name of each stage (of `STAGES`) as that
is begun."""

STAGES = ("open", "read", "structure", "assemble", "encode")
"""The stages of a run in their order: those of the pipeline, and making JSON of the result."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a task has come: the page that was begun last, from 1, and how many there are, where known."""

    page: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run, as the worker reported it: when it began (`time.monotonic`) and its seconds."""

    name: str
    began: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """What a worker may use.

    Attributes:
        memory_bytes: Address space of a worker (`RLIMIT_AS`); None for no limit.
        max_documents: A worker is replaced after so many documents.
        max_resident_bytes: A worker that is resident with more than this after a document is
            replaced before it takes another; None for no limit.
    """

    memory_bytes: int | None = None
    max_documents: int = 200
    max_resident_bytes: int | None = None

    def recycle_cause(self, *, documents: int, resident_bytes: int) -> str | None:
        """Why a worker that has done this much is to be replaced, or None."""
        if documents >= self.max_documents:
            return "documents"
        if self.max_resident_bytes is not None and resident_bytes > self.max_resident_bytes:
            return "resident"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTask:
    """One document to be processed.

    Attributes:
        job_id: Unique among the tasks that are queued or running.
        file_path: The file that is read.
        config: `PDFProcessorConfig.model_dump()`, handed to the function as it is.
        timeout: Seconds of wall clock from the start of the run; then the worker is killed.
        reported_path: What the result calls the file, where that is not `file_path`.
        memory_bytes: Address space for this document, where it is not that of the pool's limits.
        open_document: Gives the document as an open file, which the pool closes; `file_path` is then only its
            name. Called in a thread of the pool when a worker is free, and again should that worker turn out
            to be dead. May raise `SourceError`.
    """

    job_id: str
    file_path: str
    config: dict[str, Any]
    timeout: float
    reported_path: str | None = None
    memory_bytes: int | None = None
    open_document: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolResult:
    """A result as it left the worker, not parsed again: `body` can go on the wire as it is.

    Attributes:
        body: The `ProcessingResult` as JSON in UTF-8.
        errors: The result's error codes.
        pages: Pages in the result.
        chunks: Chunks in the result.
        content_sha256: SHA-256 of the file, hex; empty where it could not be read.
        seconds: How long the run took, transfer included.
        peak_memory_bytes: Largest resident size of the worker while it had this document.
        document_bytes: Size of the file; 0 where it could not be read.
        stages: Where the time went, in the order of time.
    """

    body: bytes
    errors: tuple[str, ...]
    pages: int
    chunks: int
    content_sha256: str
    seconds: float
    peak_memory_bytes: int
    document_bytes: int = 0
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """A moment of a pool.

    Attributes:
        workers: Worker processes the pool is made for.
        busy: Of these, how many have a document.
        queued: Documents that wait.
        restarts: Workers replaced so far, by cause: `crashed`, `timeout`, `cancelled`, `memory`,
            `documents`, `resident`, `idle` (died between two documents).
        worker_pids: The processes that are up.
    """

    workers: int
    busy: int
    queued: int
    restarts: dict[str, int] = field(default_factory=dict)
    worker_pids: tuple[int, ...] = ()
