"""Documents that the pool's user opens, for a worker that is free."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ingestkit_pdf.execution.failure import FailureReason, SourceError, WorkerFailure
from ingestkit_pdf.execution.pool import PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.models import ProcessingResult
from support.escapes import read_document


def task(job_id: str, open_document: Callable[[], int]) -> PoolTask:
    """A task whose path leads nowhere."""
    return PoolTask(
        job_id=job_id, file_path="/theirs/a.pdf", config={}, timeout=30, open_document=open_document
    )


def refuse() -> int:
    """What a path outside the allowed roots comes to."""
    raise SourceError(FailureReason.SOURCE_FORBIDDEN, "not yours")


@pytest.mark.parametrize("sandbox", [Sandbox.OFF, Sandbox.AUTO])
def test_the_file_that_was_opened_is_read_and_closed(tmp_path: Path, sandbox: Sandbox) -> None:
    """The worker would open the path again, and so another file; or the daemon would run out of files."""
    path = tmp_path / "a.pdf"
    path.write_text("what was opened")
    handles: list[int] = []

    def open_it() -> int:
        handles.append(os.open(path, os.O_RDONLY))
        path.unlink()
        return handles[0]

    with WorkerPool(read_document, workers=1, limits=PoolLimits(), preload=(), sandbox=sandbox) as pool:
        outcome = pool.submit(task("job", open_it)).result(60)
        assert isinstance(outcome, PoolResult), outcome
        result = ProcessingResult.model_validate_json(outcome.body)
        assert result.markdown == "what was opened"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handles[0])


def test_a_document_that_cannot_be_opened_costs_no_worker(tmp_path: Path) -> None:
    """A stranger's paths would have workers replaced, or end a thread of the pool."""
    path = tmp_path / "a.pdf"
    path.write_text("good")
    started: list[str] = []
    with WorkerPool(read_document, workers=1, limits=PoolLimits(), preload=()) as pool:
        pids = pool.stats().worker_pids
        refused = pool.submit(task("refused", refuse), on_start=lambda: started.append("refused")).result(60)
        good = pool.submit(task("good", partial(os.open, path, os.O_RDONLY))).result(60)
        assert isinstance(refused, WorkerFailure)
        assert (refused.reason, refused.message) == (FailureReason.SOURCE_FORBIDDEN, "not yours")
        assert isinstance(good, PoolResult), good
        assert (pool.stats().worker_pids, pool.stats().restarts) == (pids, {})
        assert started == [], "nothing was begun"
