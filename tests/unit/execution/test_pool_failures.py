"""What a worker can suffer, act by act, and that it stays the matter of one job."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from pathlib import Path

import pytest

from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.models import ProcessingResult
from support.gate import Gate
from support.hostile import act
from support.processes import gone_within

MIB = 1024 * 1024
LIMITS = PoolLimits(memory_bytes=1024 * MIB)

Outcome = PoolResult | WorkerFailure
Run = Callable[..., Future[Outcome]]


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Two workers; each test leaves them usable."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        pool = WorkerPool(act, workers=2, limits=LIMITS, preload=())
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    with pool:
        yield pool


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def run(pool: WorkerPool, numbers: Iterator[int]) -> Run:
    """Submit an act by its name."""

    def submit(
        name: str, argument: object = None, *, timeout: float = 30.0, **keys: object
    ) -> Future[Outcome]:
        task = PoolTask(
            job_id=f"job-{next(numbers)}",
            file_path=f"/nowhere/{name}",
            config={"argument": argument},
            timeout=timeout,
            **keys,
        )
        return pool.submit(task)

    return submit


def failure(future: Future[Outcome]) -> WorkerFailure:
    outcome = future.result(30)
    assert isinstance(outcome, WorkerFailure)
    return outcome


def parsed(future: Future[Outcome]) -> ProcessingResult:
    outcome = future.result(30)
    assert isinstance(outcome, PoolResult), outcome
    return ProcessingResult.model_validate_json(outcome.body)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_fails_its_job_and_is_named(run: Run, number: signal.Signals, tmp_path: Path) -> None:
    """If it failed, a crash would take the neighbour along, or nobody could tell what it died of."""
    gate = Gate(tmp_path / "gate")
    neighbour = run("gate", gate.path)
    died = failure(run(number.name.lower()))
    gate.open()
    assert (died.reason, died.signal, died.exit_code) == (FailureReason.CRASHED, number.name, None)
    assert died.page_reached == 7
    assert died.peak_memory_bytes is not None
    assert died.peak_memory_bytes > 5 * MIB
    assert number.name in died.message
    assert parsed(neighbour).file_path == "/nowhere/gate"


def test_an_exit_is_a_crash_with_its_code(run: Run) -> None:
    """If it failed, native code that calls exit() would look like something else."""
    died = failure(run("exit"))
    assert (died.reason, died.signal, died.exit_code) == (FailureReason.CRASHED, None, 7)


def test_a_hang_is_killed_at_its_deadline_though_it_ignores_sigterm(run: Run) -> None:
    """If it failed, one endless document would block a worker for ever."""
    hung = failure(run("hang", timeout=0.3))
    assert hung.reason is FailureReason.TIMEOUT
    assert 0.3 <= hung.seconds < 5
    assert hung.page_reached == 7
    assert hung.message == "not finished within 0.3 s; stopped on page 7"


def test_the_clock_runs_from_the_start_of_the_run(run: Run, tmp_path: Path) -> None:
    """If it failed, jobs would time out while they wait for a worker."""
    gates = [Gate(tmp_path / name) for name in "ab"]
    blockers = [run("gate", gate.path) for gate in gates]
    queued = run("hang", timeout=0.2)
    with pytest.raises(TimeoutError):
        queued.result(0.5)
    for gate in gates:
        gate.open()
    assert failure(queued).reason is FailureReason.TIMEOUT
    assert all(parsed(blocker) for blocker in blockers)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("leave_child", FailureReason.TIMEOUT), ("abandon_child", FailureReason.CRASHED)],
)
def test_what_a_worker_started_ends_with_it(
    run: Run, tmp_path: Path, name: str, reason: FailureReason
) -> None:
    """If it failed, an OCR engine would go on working for a document that was given up."""
    note = tmp_path / "pid"
    assert failure(run(name, str(note), timeout=1.0)).reason is reason
    assert gone_within(int(note.read_text()), 5)


@pytest.mark.parametrize("name", ["hog", "native_hog"])
def test_memory_beyond_the_limit_is_reported_as_such(run: Run, pool: WorkerPool, name: str) -> None:
    """If it failed, a decompression bomb would count as a crash and be tried again."""
    before = pool.stats().restarts.get("memory", 0)
    died = failure(run(name))
    assert died.reason is FailureReason.MEMORY
    assert pool.stats().restarts["memory"] == before + 1


def test_a_task_may_have_its_own_memory_limit(run: Run) -> None:
    """If it failed, the configuration's memory limit would not reach the worker, or stay for the next job."""
    small = json.loads(parsed(run("surroundings", memory_bytes=512 * MIB)).ingest_run_id)
    usual = json.loads(parsed(run("surroundings")).ingest_run_id)
    assert (small["address_space"], usual["address_space"]) == (512 * MIB, 1024 * MIB)


def test_an_exception_is_one_short_line_and_costs_no_worker(run: Run, pool: WorkerPool) -> None:
    """If it failed, a bug in the pipeline would kill workers, or fill headers and logs."""
    before = pool.stats().restarts
    raised = failure(run("raise"))
    assert raised.reason is FailureReason.EXCEPTION
    assert raised.message.startswith("ValueError: two lines!!!")
    assert len(raised.message) < 600
    assert pool.stats().restarts == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sys_exit", "SystemExit: 3"),
        ("raise_mute", "_MuteError: (its message cannot be shown)"),
        ("wrong_type", "TypeError: process_fn returned dict, expected ProcessingResult"),
    ],
)
def test_odd_endings_are_exceptions_with_a_clear_message(run: Run, name: str, message: str) -> None:
    """If it failed, a careless process_fn would end the worker or give a result that is none."""
    raised = failure(run(name))
    assert (raised.reason, raised.message) == (FailureReason.EXCEPTION, message)


def test_a_large_result_arrives_whole(run: Run) -> None:
    """If it failed, big documents would be cut or stall the pool."""
    assert len(parsed(run("large", 50_000_000)).markdown) == 50_000_000


def test_a_worker_killed_while_it_sends_fails_only_its_own_job(run: Run, tmp_path: Path) -> None:
    """If it failed, half a result would corrupt what other workers send, or hang the pool."""
    gate = Gate(tmp_path / "gate")
    neighbour = run("gate", gate.path)
    for _ in range(5):
        died = failure(run("killed_halfway", 50_000_000))
        assert (died.reason, died.signal) == (FailureReason.CRASHED, "SIGKILL")
    gate.open()
    assert parsed(neighbour).file_path == "/nowhere/gate"


def test_the_deadline_holds_while_a_result_is_half_sent(run: Run) -> None:
    """If it failed, a worker that stops in the middle of a result would block its slot for ever."""
    assert failure(run("stopped_halfway", 50_000_000, timeout=1.0)).reason is FailureReason.TIMEOUT


def test_garbage_on_the_channel_ends_the_worker(run: Run) -> None:
    """If it failed, a worker taken over by a document could speak for other documents."""
    forged = failure(run("forge"))
    assert forged.reason is FailureReason.CRASHED
    assert forged.message == "the worker sent not a frame on page 7"


def test_a_result_says_what_is_in_it(run: Run) -> None:
    """If it failed, the daemon would log wrong figures, or have to parse every result."""
    outcome = run("plain", reported_path="as/submitted.pdf").result(30)
    assert isinstance(outcome, PoolResult)
    assert outcome.errors == ("E_PARSE_EMPTY",)
    assert (outcome.pages, outcome.chunks, outcome.content_sha256) == (0, 0, "")
    assert outcome.peak_memory_bytes > 5 * MIB
    assert outcome.seconds > 0
    assert ProcessingResult.model_validate_json(outcome.body).file_path == "as/submitted.pdf"


def test_a_worker_has_only_what_it_needs(run: Run, pool: WorkerPool) -> None:
    """If it failed, workers would share descriptors, dump core, read the terminal or outlive their parent."""
    facts = json.loads(parsed(run("surroundings", "handed over")).ingest_run_id)
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert facts == {
        "stdin": "/dev/null",
        "sockets": 1,
        "core": 0,
        "address_space": 1024 * MIB,
        "oom_score_adj": min(1000, own + 500),
        "process_group": True,
        "parent": facts["parent"],
        "config": {"argument": "handed over"},
    }
    assert facts["parent"] not in {os.getpid(), *pool.stats().worker_pids}


def test_the_pool_is_whole_after_all_that(run: Run, pool: WorkerPool) -> None:
    """If it failed, some failure above would have cost the pool a worker for good."""
    pids = {parsed(run("plain")).ingest_run_id for _ in range(20)}
    assert pids
    assert all(parsed(future) for future in [run("plain") for _ in range(50)])
    assert pool.stats().busy == 0
    assert pool.stats().queued == 0
