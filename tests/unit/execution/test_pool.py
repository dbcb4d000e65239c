"""The life of a pool: order, cancelling, recycling, idle deaths, starting and closing."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from functools import partial
from pathlib import Path

import pytest

from ingestkit_pdf.errors import ErrorCode, ExecutionError
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.models import ProcessingResult
from support.gate import Gate
from support.hostile import act, result_of
from support.processes import becomes_true, gone_within, parent_of

Outcome = PoolResult | WorkerFailure


def make_pool(workers: int = 1, **limits: int) -> WorkerPool:
    return WorkerPool(act, workers=workers, limits=PoolLimits(**limits), preload=())


def task(job_id: str, name: str, argument: object = None, timeout: float = 30.0) -> PoolTask:
    return PoolTask(
        job_id=job_id, file_path=f"/nowhere/{name}", config={"argument": argument}, timeout=timeout
    )


def pid_of(future: Future[Outcome]) -> int:
    """The worker that gave a plain result."""
    outcome = future.result(30)
    assert isinstance(outcome, PoolResult), outcome
    return int(ProcessingResult.model_validate_json(outcome.body).ingest_run_id)


def reason_of(future: Future[Outcome]) -> FailureReason:
    outcome = future.result(30)
    assert isinstance(outcome, WorkerFailure), outcome
    return outcome.reason


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def start_blocked(pool: WorkerPool, job_id: str, gate: Gate) -> Future[Outcome]:
    """A job that is certainly running."""
    future = pool.submit(task(job_id, "gate", gate.path))
    gate.await_job()
    return future


def test_jobs_begin_in_the_order_they_came(gate: Gate) -> None:
    """If it failed, an early job could wait behind later ones for ever."""
    begun: list[str] = []
    with make_pool() as pool:
        first = start_blocked(pool, "first", gate)
        names = [f"job-{number}" for number in range(20)]
        futures = [pool.submit(task(name, "plain"), on_start=partial(begun.append, name)) for name in names]
        assert pool.stats().queued == 20
        assert pool.stats().busy == 1
        gate.open()
        wait_for([first, *futures], 30)
    assert begun == names


def test_an_on_start_that_raises_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """If it failed, a mistake in a caller's callback would stop a slot of the pool."""

    def fail() -> None:
        raise ValueError("mistake")

    with make_pool() as pool, caplog.at_level(logging.ERROR, "ingestkit_pdf"):
        assert pid_of(pool.submit(task("a", "plain"), on_start=fail))
        assert pid_of(pool.submit(task("b", "plain")))
    assert "on_start callback of job a" in caplog.text


def test_a_queued_job_that_is_cancelled_never_begins(gate: Gate) -> None:
    """If it failed, cancelled jobs would still take a worker's time."""
    begun = threading.Event()
    with make_pool() as pool:
        running = start_blocked(pool, "running", gate)
        queued = pool.submit(task("queued", "plain"), on_start=begun.set)
        assert pool.cancel("queued")
        assert reason_of(queued) is FailureReason.CANCELLED
        gate.open()
        assert pid_of(running)
        assert not pool.cancel("queued")
    assert not begun.is_set()


def test_a_running_job_that_is_cancelled_loses_its_worker_only(gate: Gate) -> None:
    """If it failed, a cancelled job would go on, or the next one would suffer for it."""
    with make_pool() as pool:
        (before,) = pool.stats().worker_pids
        running = start_blocked(pool, "running", gate)
        after = pool.submit(task("after", "plain"))
        assert pool.cancel("running")
        assert reason_of(running) is FailureReason.CANCELLED
        assert pid_of(after) != before
        assert gone_within(before, 5)
        assert pool.stats().restarts == {"cancelled": 1}


def test_cancelling_what_is_not_there_says_so() -> None:
    """If it failed, a caller would wait for a cancellation that never comes."""
    with make_pool() as pool:
        assert pid_of(pool.submit(task("done", "plain")))
        assert not pool.cancel("done")
        assert not pool.cancel("never submitted")


def test_cancelling_at_any_instant_never_hurts_the_next_job() -> None:
    """If it failed, a kill that comes late would hit the job after the one it was meant for."""
    with make_pool() as pool:
        for number in range(100):
            victim = pool.submit(task(f"victim-{number}", "plain"))
            bystander = pool.submit(task(f"bystander-{number}", "plain"))
            cancelled = pool.cancel(f"victim-{number}")
            assert pid_of(bystander)
            assert isinstance(victim.result(30), WorkerFailure) == cancelled


def test_the_future_cannot_be_cancelled_behind_the_pools_back(gate: Gate) -> None:
    """If it failed, an asyncio task that is cancelled would break the slot that later resolves its future."""
    with make_pool() as pool:
        running = start_blocked(pool, "running", gate)
        queued = pool.submit(task("queued", "plain"))
        assert not running.cancel()
        assert not queued.cancel()
        gate.open()
        assert pid_of(queued)


def test_a_job_id_is_used_once_at_a_time(gate: Gate) -> None:
    """If it failed, cancelling by id could hit the wrong job."""
    with make_pool() as pool:
        first = start_blocked(pool, "same", gate)
        with pytest.raises(ValueError, match="already queued or running"):
            pool.submit(task("same", "plain"))
        gate.open()
        assert pid_of(first)
        assert pid_of(pool.submit(task("same", "plain")))


def test_a_worker_is_replaced_after_so_many_documents() -> None:
    """If it failed, whatever leaks in a parser would grow without end."""
    with make_pool(max_documents=3) as pool:
        pids = [pid_of(pool.submit(task(f"job-{number}", "plain"))) for number in range(9)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]
    assert pool.stats().restarts == {"documents": 3}


def test_a_worker_that_stays_large_is_replaced_before_the_next_document() -> None:
    """If it failed, one huge document would hold its memory for as long as the worker lives."""
    with make_pool(max_resident_bytes=100 * 1024 * 1024) as pool:
        small = [pid_of(pool.submit(task(f"small-{number}", "plain"))) for number in range(2)]
        large = pid_of(pool.submit(task("large", "grow")))
        after = pid_of(pool.submit(task("after", "plain")))
        assert small == [large, large]
        assert after != large
        assert pool.stats().restarts == {"resident": 1}


def test_the_peak_is_that_of_the_job_and_not_of_its_predecessor() -> None:
    """If it failed, a small document would be blamed for the memory of the one before it."""
    with make_pool() as pool:
        large = pool.submit(task("large", "large", 100_000_000)).result(30)
        small = pool.submit(task("small", "plain")).result(30)
    assert isinstance(large, PoolResult)
    assert isinstance(small, PoolResult)
    assert large.peak_memory_bytes > small.peak_memory_bytes + 100_000_000


def test_a_worker_that_dies_idle_costs_no_job() -> None:
    """If it failed, the kernel's choice of a victim between two jobs would fail the second."""
    with make_pool() as pool:
        for number in range(20):
            (pid,) = pool.stats().worker_pids
            os.kill(pid, signal.SIGKILL)
            assert pid_of(pool.submit(task(f"job-{number}", "plain"))) != pid


def test_a_worker_that_dies_idle_is_replaced_without_waiting_for_a_job() -> None:
    """If it failed, health would show workers that are gone, and the next job would pay for the restart."""
    with make_pool() as pool:
        (pid,) = pool.stats().worker_pids
        os.kill(pid, signal.SIGKILL)
        assert becomes_true(lambda: pool.stats().worker_pids not in {(), (pid,)})
        assert pool.stats().restarts == {"idle": 1}


def test_a_task_that_was_sent_but_not_begun_is_run_on_the_next_worker() -> None:
    """If it failed, a worker that dies just as it is handed a task would fail a job it never saw."""
    sent = threading.Event()
    with make_pool() as pool:
        (pid,) = pool.stats().worker_pids
        os.kill(pid, signal.SIGSTOP)
        future = pool.submit(task("job", "plain"), on_start=sent.set)
        assert sent.wait(10)
        os.kill(pid, signal.SIGKILL)
        assert pid_of(future) != pid
        assert pool.stats().restarts == {"idle": 1}


def test_workers_leave_stopping_to_the_parent() -> None:
    """If it failed, Ctrl-C or a service manager's SIGTERM to all would fail jobs that should be drained."""
    with make_pool() as pool:
        (pid,) = pool.stats().worker_pids
        for process in (pid, parent_of(pid)):
            assert os.getpgid(process) != os.getpgid(0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(process, number)
        assert pid_of(pool.submit(task("job", "plain"))) == pid


def test_the_pool_outlives_its_fork_server(gate: Gate) -> None:
    """If it failed, a daemon whose fork server is killed would never process anything again."""
    with make_pool(workers=2) as pool:
        running = start_blocked(pool, "running", gate)
        workers = pool.stats().worker_pids
        os.kill(parent_of(workers[0]), signal.SIGKILL)
        assert reason_of(running) is FailureReason.CRASHED
        assert all(gone_within(pid, 5) for pid in workers)
        assert pid_of(pool.submit(task("next", "plain"))) not in workers


def test_closing_waits_for_what_is_running_and_queued(gate: Gate) -> None:
    """If it failed, a clean shutdown would lose jobs."""
    pool = make_pool()
    running = start_blocked(pool, "running", gate)
    queued = [pool.submit(task(f"queued-{number}", "plain")) for number in range(5)]
    closing = threading.Thread(target=pool.close)
    closing.start()
    gate.open()
    closing.join(30)
    assert not closing.is_alive()
    assert [pid_of(future) for future in queued] == [pid_of(running)] * 5
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(task("late", "plain"))


def test_a_second_close_can_cut_the_first_one_short() -> None:
    """If it failed, a second SIGTERM could not hurry a drain."""
    pool = make_pool()
    started = threading.Event()
    running = pool.submit(task("running", "hang", timeout=600), on_start=started.set)
    queued = pool.submit(task("queued", "plain"))
    assert started.wait(10)
    patient = threading.Thread(target=pool.close)
    patient.start()
    pool.close(kill=True)
    patient.join(30)
    assert not patient.is_alive()
    assert [reason_of(running), reason_of(queued)] == [FailureReason.CANCELLED] * 2
    pool.close()


def test_closing_leaves_no_process_behind() -> None:
    """If it failed, every pool would leave workers or a fork server running."""
    pool = make_pool(workers=2)
    workers = pool.stats().worker_pids
    server = parent_of(workers[0])
    pool.close()
    assert all(gone_within(pid, 5) for pid in (*workers, server))


@pytest.mark.parametrize(
    ("process_fn", "message"),
    [
        ("no.such.module:function", "No module named 'no'"),
        ("support.hostile:no_such_function", "has no attribute 'no_such_function'"),
        ("support.hostile:ACTS", "cannot be called"),
    ],
)
def test_a_function_that_workers_cannot_load_fails_at_once(process_fn: str, message: str) -> None:
    """If it failed, a typing error would start processes in a loop instead of saying what is wrong."""
    with pytest.raises(ExecutionError, match=message) as caught:
        WorkerPool(process_fn, workers=2, limits=PoolLimits(), preload=())
    assert caught.value.code is ErrorCode.E_EXECUTION_CRASHED


def test_too_little_memory_to_start_fails_at_once() -> None:
    """If it failed, a limit below what Python needs would look like a pool that hangs."""
    with pytest.raises(ExecutionError, match="no worker process could be started"):
        make_pool(memory_bytes=1024 * 1024)


@pytest.mark.parametrize("process_fn", [lambda path, config: result_of(path), partial(act), "no colon"])
def test_a_function_without_a_name_to_import_is_refused(process_fn: object) -> None:
    """If it failed, a lambda would fail later and obscurely, in another process."""
    with pytest.raises(TypeError, match="process_fn"):
        WorkerPool(process_fn, workers=1, limits=PoolLimits(), preload=())  # type: ignore[arg-type]


def test_a_pool_needs_a_worker() -> None:
    """If it failed, every job would wait for ever."""
    with pytest.raises(ValueError, match="at least one"):
        make_pool(workers=0)


def test_when_workers_stop_starting_jobs_are_told_and_recover_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it failed, a broken installation would spin, or leave jobs waiting without a word, or for good."""
    broken = tmp_path / "broken"
    monkeypatch.setenv("INGESTKIT_TEST_BREAK", str(broken))
    with WorkerPool("support.fragile:act_if_whole", workers=1, limits=PoolLimits(), preload=()) as pool:
        broken.touch()
        assert reason_of(pool.submit(task("kills", "sigkill"))) is FailureReason.CRASHED
        refused = pool.submit(task("refused", "plain")).result(30)
        assert isinstance(refused, WorkerFailure)
        assert refused.reason is FailureReason.NOT_STARTED
        assert "RuntimeError: broken on purpose" in refused.message
        assert pool.problem() is None
        assert "broken on purpose" in str(pool.problem(grace=0.0))
        broken.unlink()
        assert pid_of(pool.submit(task("works again", "plain")))
        assert pool.problem(grace=0.0) is None


def test_a_slot_without_a_worker_leaves_the_jobs_to_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it failed, one worker that could not be replaced would refuse jobs that the others have time for."""
    broken = tmp_path / "broken"
    monkeypatch.setenv("INGESTKIT_TEST_BREAK", str(broken))
    limits = PoolLimits(max_documents=10**6)
    with WorkerPool("support.fragile:act_if_whole", workers=2, limits=limits, preload=()) as pool:
        broken.touch()
        assert reason_of(pool.submit(task("kills", "sigkill"))) is FailureReason.CRASHED
        # Longer than a slot takes to give up: from then on it would refuse the jobs.
        deadline = time.monotonic() + 4
        number = 0
        while time.monotonic() < deadline:
            number += 1
            assert pid_of(pool.submit(task(f"job {number}", "plain")))
        assert len(pool.stats().worker_pids) == 1
        assert pool.problem(grace=0.0) is None
