"""One document on several workers: who does what, and what becomes of it when one of them ends."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.execution._offer import Helper, Offer, Part, Terms
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox, lacking
from ingestkit_pdf.models import ProcessingResult
from support.gate import Gate
from support.processes import becomes_true, gone_within
from support.shared import divide, help_divide
from support.waiting import until

Outcome = PoolResult | WorkerFailure


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(divide, workers=2, limits=PoolLimits(), preload=(), help_fn=help_divide) as pool:
        yield pool


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def share(
    pool: WorkerPool, folder: Path, units: int = 8, timeout: float = 30.0, **acts: Any
) -> Future[Outcome]:
    config = {"units": units, "folder": str(folder), **acts}
    return pool.submit(PoolTask(job_id="shared", file_path="/nowhere", config=config, timeout=timeout))


def told(future: Future[Outcome]) -> dict[str, Any]:
    """What the result says of its units."""
    outcome = future.result(30)
    assert isinstance(outcome, PoolResult), outcome
    note = ProcessingResult.model_validate_json(outcome.body).ingest_run_id
    found: dict[str, Any] = json.loads(note)
    return found


def failure(future: Future[Outcome]) -> WorkerFailure:
    outcome = future.result(30)
    assert isinstance(outcome, WorkerFailure), outcome
    return outcome


def pid_in(folder: Path, place: str) -> int:
    """The worker that did the first unit there, once it has begun it."""
    return int(until(lambda: (folder / place).exists() and (folder / place).read_text()))


def test_an_idle_worker_does_what_is_offered(pool: WorkerPool, gate: Gate, tmp_path: Path) -> None:
    """If it failed, one large document would keep one worker busy and leave the others idle."""
    future = share(pool, tmp_path, here="gate")
    helper = pid_in(tmp_path, "there")
    gate.await_job()
    assert becomes_true(lambda: pool.stats().busy == 1)  # nothing is left for the helper
    gate.open()
    done = told(future)["done"]
    assert sorted(map(int, done)) == list(range(8))
    assert sum(who == f"there {helper}" for who in done.values()) == 7


def test_one_worker_does_all_by_itself(tmp_path: Path) -> None:
    """If it failed, a document that is offered would wait for help that never comes."""
    with WorkerPool(divide, workers=1, limits=PoolLimits(), preload=(), help_fn=help_divide) as pool:
        done = told(share(pool, tmp_path))["done"]
    assert {who.split()[0] for who in done.values()} == {"here"}


@pytest.mark.parametrize(
    ("act", "restarts"), [("die", {"crashed": 1}), ("raise", {}), ("hog", {"memory": 1})]
)
def test_what_a_helper_fails_on_comes_back(
    pool: WorkerPool, gate: Gate, tmp_path: Path, act: str, restarts: dict[str, int]
) -> None:
    """If it failed, pages would be lost with a helper, or a document would fail because of one."""
    future = share(pool, tmp_path, here="gate", there=act)
    pid_in(tmp_path, "there")
    gate.open()
    found = told(future)
    assert len(found["failed"]) == 1
    assert found["done"][str(found["failed"][0])].startswith("here")
    assert sorted(map(int, found["done"])) == list(range(8))
    assert pool.stats().restarts == restarts


def test_a_helper_ends_with_the_worker_that_has_the_document(
    pool: WorkerPool, gate: Gate, tmp_path: Path
) -> None:
    """If it failed, a worker would go on with pages of a document that has crashed another."""
    future = share(pool, tmp_path, here="gate", there="hang")
    helper, owner = pid_in(tmp_path, "there"), pid_in(tmp_path, "here")
    gate.await_job()
    os.kill(owner, signal.SIGKILL)
    outcome = failure(future)
    assert (outcome.reason, outcome.signal) == (FailureReason.CRASHED, "SIGKILL")
    assert gone_within(helper, 10)
    assert becomes_true(lambda: len(pool.stats().worker_pids) == 2)


def test_cancelling_ends_all_who_work_on_it(pool: WorkerPool, gate: Gate, tmp_path: Path) -> None:
    """If it failed, a cancelled document would hold workers until its time is up."""
    future = share(pool, tmp_path, here="gate", there="hang")
    helper, owner = pid_in(tmp_path, "there"), pid_in(tmp_path, "here")
    gate.await_job()
    assert pool.cancel("shared")
    assert failure(future).reason is FailureReason.CANCELLED
    assert gone_within(helper, 10)
    assert gone_within(owner, 10)
    assert becomes_true(lambda: pool.stats().restarts == {"cancelled": 2})


def test_a_helper_that_hangs_is_a_timeout_on_its_page(pool: WorkerPool, tmp_path: Path) -> None:
    """If it failed, a page that takes for ever would be looked for where it is not."""
    gate = Gate(tmp_path / "gate")
    future = share(pool, tmp_path, units=2, timeout=2, here="gate", there="hang")
    helper = pid_in(tmp_path, "there")
    gate.open()
    outcome = failure(future)
    assert outcome.reason is FailureReason.TIMEOUT
    assert outcome.page_reached == int((tmp_path / "there-unit").read_text()) + 1
    assert gone_within(helper, 10)


def test_a_queued_job_goes_before_helping(pool: WorkerPool, gate: Gate, tmp_path: Path) -> None:
    """If it failed, neighbours would wait until a large document is done."""
    other = tmp_path / "other"
    other.mkdir()
    future = share(pool, tmp_path, units=1000, here="hang", there="gate", then_there="hang")
    gate.await_job()  # one worker has the document, the other is in the middle of a part
    config = {"units": 1, "folder": str(other)}
    small = pool.submit(PoolTask(job_id="small", file_path="/nowhere", config=config, timeout=30))
    gate.open()
    assert told(small)["done"]["0"].startswith("here")
    assert not future.done()
    pool.cancel("shared")


def test_closing_ends_a_shared_document(tmp_path: Path) -> None:
    """If it failed, a program could not end while a document is shared."""
    with WorkerPool(divide, workers=3, limits=PoolLimits(), preload=(), help_fn=help_divide) as pool:
        future = share(pool, tmp_path, here="hang", there="hang")
        workers = pid_in(tmp_path, "here"), pid_in(tmp_path, "there")
        pool.close(kill=True)
        assert failure(future).reason is FailureReason.CANCELLED
        assert all(gone_within(pid, 10) for pid in workers)


def test_closing_waits_for_a_shared_document(pool: WorkerPool, gate: Gate, tmp_path: Path) -> None:
    """If it failed, stopping a daemon would lose the document that is under way, or never end."""
    future = share(pool, tmp_path, here="gate")
    pid_in(tmp_path, "there")
    gate.await_job()
    closing = threading.Thread(target=pool.close)
    closing.start()
    gate.open()
    assert len(told(future)["done"]) == 8
    closing.join(30)
    assert not closing.is_alive()


@pytest.mark.skipif(bool(lacking()), reason="this host cannot confine")
def test_helpers_are_confined_and_get_the_document_open(tmp_path: Path) -> None:
    """If it failed, a hostile document would reach in a helper what it cannot reach in its own worker."""
    document = tmp_path / "document"
    document.write_text("the document")
    with WorkerPool(
        "support.confined:offer_it", help_fn="support.confined:look_around", workers=2, limits=PoolLimits(),
        preload=("support.confined",), sandbox=Sandbox.REQUIRED,
    ) as pool:  # fmt: skip
        task = PoolTask(job_id="1", file_path=str(document), config={"other": __file__}, timeout=30)
        outcome = pool.submit(task).result(30)
    assert isinstance(outcome, PoolResult), outcome
    note = ProcessingResult.model_validate_json(outcome.body).ingest_run_id
    assert json.loads(note) == {"document": "the document", "other": "PermissionError"}


def make_offer(units: int = 100, show: Callable[[], None] = lambda: None) -> Offer:
    task = PoolTask(job_id="1", file_path="/nowhere", config={}, timeout=1)
    terms = Terms(task=task, config=b"", plan=b"", start=0, stop=units, deadline=0.0, document=None)
    return Offer(terms, threading.Lock(), show, lambda: False)


class _NoProgress:
    page = None


def make_helper() -> Helper:
    return Helper(lambda: None, _NoProgress())  # type: ignore[arg-type]


def test_parts_grow_smaller_towards_the_end() -> None:
    """If it failed, all workers but one would be idle while the last part is done."""
    offer = make_offer()
    sizes = []
    while (part := offer.take_next(64)) is not None:
        sizes.append(part.stop - part.start)
    assert sizes[0] == 25
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 100
    assert sizes[-4:] == [1, 1, 1, 1]


def test_nobody_helps_while_too_much_waits_to_be_fetched() -> None:
    """If it failed, a worker on a slow page would have the pool's memory filled by its helpers."""
    shown: list[bool] = []
    offer = make_offer(show=lambda: shown.append(offer.is_wanted))
    helper = make_helper()
    assert offer.join(helper)
    assert offer.give_helper(helper, 1) == Part(0, 1)
    offer.take_back(helper, bytes(65 * 2**20))
    assert offer.give_helper(helper, 1) is None
    assert not shown[-1]  # else idle workers would look again and again
    assert offer.take_returned() == Part(0, 1, bytes(65 * 2**20))
    assert offer.give_helper(helper, 1) == Part(1, 2)
    offer.close()


def test_a_document_that_costs_helpers_gets_no_more() -> None:
    """If it failed, a document that crashes the parser would take down worker after worker."""
    offer = make_offer()
    for unit in range(3):
        helper = make_helper()
        offer.join(helper)
        assert offer.give_helper(helper, 1) == Part(unit, unit + 1)
        offer.leave(helper, failed=True, peak_memory_bytes=0)
    assert not offer.is_wanted
    offer.close()
