"""How far local jobs have come, from the shared memory of a worker to the iterator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, JobNotFoundError, ResultTimeoutError
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.execution.local import LocalExecutionBackend
from ingestkit_pdf.execution.pace import PAGE_EVERY, PagePace
from ingestkit_pdf.execution.pool import Reached
from ingestkit_pdf.models import JobOutcome, JobProgress, ProcessingResult, ProgressEvent
from support.documents import text_pdf
from support.gate import Gate
from support.hostile import act, plain

CONFIG = PDFProcessorConfig()


def read_pages(
    file_path: str, config: dict[str, Any], on_page: Callable[[int], None], on_pages: Callable[[int], None]
) -> ProcessingResult:
    """Read three pages, each until the test opens the gate of that number in the folder."""
    on_pages(3)
    for page in (1, 2, 3):
        on_page(page)
        (Path(file_path) / str(page)).read_bytes()
    return plain(file_path, config)


def seen(events: list[JobProgress]) -> list[tuple[str, int | None, int | None]]:
    """What happened, in short."""
    return [(event.event.value, event.page, event.pages) for event in events]


def test_a_long_job_tells_its_pages_and_its_end(tmp_path: Path) -> None:
    """Nobody could tell a document that takes long from one that hangs."""
    gates = [Gate(tmp_path / str(page)) for page in (1, 2, 3)]
    with LocalExecutionBackend(read_pages, max_workers=1) as backend:
        job_id = backend.submit(str(tmp_path), CONFIG)
        steps = backend.progress(job_id, timeout=30)
        events = [next(steps)]
        for gate in gates:
            gate.await_job()
            events.append(next(steps))
            gate.open()
        events += steps
        assert backend.get_result(job_id).errors
    assert seen(events) == [
        ("started", None, None),
        ("page", 1, 3),
        ("page", 2, 3),
        ("page", 3, 3),
        ("finished", None, None),
    ]
    assert events[-1].outcome is JobOutcome.COMPLETED
    times = [event.at for event in events]
    assert times[1] - times[0] > 0.9 * PAGE_EVERY
    assert all(event.job_id == job_id and event.host for event in events)


def test_a_short_job_tells_its_beginning_and_its_end() -> None:
    """Every short job would cost what only long ones are worth, or its end would not be told."""
    with LocalExecutionBackend(act, max_workers=1) as backend:
        job_id = backend.submit("plain", CONFIG)
        backend.get_result(job_id)
        assert [event.event for event in backend.progress(job_id)] == [
            ProgressEvent.STARTED,
            ProgressEvent.FINISHED,
        ]


def test_several_jobs_are_followed_until_the_last_has_ended() -> None:
    """A batch could only be followed with a thread for each job."""
    with LocalExecutionBackend(act, max_workers=2) as backend:
        jobs = [backend.submit(name, CONFIG) for name in ("plain", "exit", "plain")]
        events = list(backend.progress(jobs, timeout=30))
    ends = {event.job_id: event for event in events if event.event is ProgressEvent.FINISHED}
    assert [ends[job].outcome for job in jobs] == ["completed", "failed", "completed"]
    assert ends[jobs[1]].reason == "crashed"


def test_a_cancelled_job_says_so() -> None:
    """Whoever follows a job that another thread cancels would wait for ever."""
    with LocalExecutionBackend(act, max_workers=1) as backend:
        job_id = backend.submit("hang", CONFIG)
        steps = backend.progress(job_id, timeout=30)
        assert next(steps).event is ProgressEvent.STARTED
        assert backend.cancel(job_id)
        assert list(steps)[-1].outcome is JobOutcome.CANCELLED
        assert backend.get_result(job_id).errors == [ErrorCode.E_EXECUTION_CANCELLED]


def test_time_runs_out_and_an_unknown_job_is_an_error() -> None:
    """A caller with a deadline would wait beyond it, or for a job that never was."""
    with LocalExecutionBackend(act, max_workers=1) as backend:
        with pytest.raises(JobNotFoundError):
            backend.progress("no such job")
        job_id = backend.submit("hang", CONFIG)
        with pytest.raises(ResultTimeoutError):
            list(backend.progress(job_id, timeout=0.2))


def test_the_pipeline_counts_the_pages(tmp_path: Path) -> None:
    """Progress would be a page number of an unknown total."""
    pytest.importorskip("pymupdf")
    from ingestkit_pdf.pdf import process_document

    document = tmp_path / "a.pdf"
    document.write_bytes(text_pdf("one", "two", "three"))
    told: list[str] = []
    process_document(
        str(document),
        CONFIG.model_dump(),
        on_page=lambda page: told.append(f"page {page}"),
        on_pages=lambda pages: told.append(f"{pages} pages"),
    )
    assert told == ["3 pages", "page 1", "page 2", "page 3"]


@pytest.mark.parametrize("call", ["cancel", "progress"])
def test_both_backends_have_the_same_calls(call: str) -> None:
    """Going from one backend to the other would be more than a change of configuration."""
    local, distributed = getattr(LocalExecutionBackend, call), getattr(DistributedExecutionBackend, call)
    assert inspect.signature(local) == inspect.signature(distributed)


def test_the_pace_of_pages() -> None:
    """Short jobs would be told page by page, or a page twice, or pages backwards."""
    pace = PagePace(100.0)
    assert pace.next(100.9, Reached(5, 9)) is None
    assert pace.next(101.0, Reached(5, 9)) == Reached(5, 9)
    assert pace.next(101.5, Reached(6, 9)) is None
    assert pace.next(102.0, Reached(5, 9)) is None
    assert pace.next(103.0, Reached(4, 9)) is None
    assert pace.next(104.0, None) is None
    assert pace.next(105.0, Reached(None, 9)) is None
    assert pace.wait(105.25) == 0.75
    assert pace.next(106.0, Reached(6, 9)) == Reached(6, 9)
