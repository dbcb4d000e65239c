"""Who may ask for what, how long it is remembered, and what is told; the broker and the pool are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult, PoolTask, Reached
from ingestkit_pdf.models import JobProgress, ProcessingResult
from ingestkit_pdf.wire.envelope import Message, RequestKind, encode_job, encode_request
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.control import Control
from ingestkit_pdfd.dispatcher import Dispatcher
from ingestkit_pdfd.following import Following
from ingestkit_pdfd.metrics import Metrics
from ingestkit_pdfd.outcome import Cancelled, Completed, RetryPolicy, decide
from ingestkit_pdfd.remembered import Remembered, watched_jobs
from ingestkit_pdfd.services import Services
from ingestkit_pdfd.source import Staging

NAMES = Topology()
ALICE, BOB, MALLORY = (NAMES.reply_queue(name).name for name in ("alice", "bob", "mallory"))
RESULT = PoolResult(
    body=b"{}", errors=(), pages=3, chunks=1, content_sha256="", seconds=0.1, peak_memory_bytes=1
)
CRASH = WorkerFailure(reason=FailureReason.CRASHED, message="killed", signal="SIGKILL")


class FakePool:
    """Holds every task until the test ends it, or it is cancelled."""

    def __init__(self) -> None:
        self.tasks: dict[str, Future[Any]] = {}
        self.starts: dict[str, Callable[[], None]] = {}
        self.page = 1

    def submit(self, task: PoolTask, *, on_start: Callable[[], None]) -> Future[Any]:
        self.starts[task.job_id] = on_start
        self.tasks[task.job_id] = Future()
        return self.tasks[task.job_id]

    def cancel(self, job_id: str) -> bool:
        future = self.tasks.get(job_id)
        if future is None or future.done():
            return False
        future.set_result(WorkerFailure(reason=FailureReason.CANCELLED, message="cancelled"))
        return True

    def reached(self, job_id: str) -> Reached:
        return Reached(self.page, 9)


class FakeOutbox:
    """Writes down the errors of each reply, and what goes elsewhere."""

    def __init__(self) -> None:
        self.replies: list[list[str]] = []
        self.elsewhere: list[str] = []

    async def reply(self, messages: Sequence[Message], reply_to: str) -> None:
        body = messages[0].body
        self.replies.append([] if body == b"{}" else ProcessingResult.model_validate_json(body).errors)

    async def retry(self, message: Message, lane: str, delay: int) -> None:
        self.elsewhere.append("retry")

    async def park(self, message: Message, lane: str) -> None:
        self.elsewhere.append("park")


class FakeDelivery:
    """A delivery that remembers how it was settled."""

    lane = "default"
    redelivered = False
    earlier = 0

    def __init__(self, message: Message) -> None:
        self.message = message
        self.settled: list[str] = []

    async def ack(self) -> bool:
        self.settled.append("ack")
        return True

    async def requeue(self) -> bool:
        self.settled.append("requeue")
        return True


class Bench:
    """A daemon with everything around it faked but the staging folder."""

    def __init__(self, folder: Path) -> None:
        self.pool = FakePool()
        self.outbox = FakeOutbox()
        self.staging = Staging(folder, [])
        self.metrics = Metrics(["default"])
        self.told: list[JobProgress] = []
        self.told_to: list[str] = []
        self.watched = watched_jobs()
        self.services = Services(
            pool=self.pool,  # type: ignore[arg-type]
            staging=self.staging,
            outbox=self.outbox,  # type: ignore[arg-type]
            policy=RetryPolicy(),
            document_timeout=10,
            max_deliveries=3,
            metrics=self.metrics,
            following=Following(self._tell, self.watched),
        )
        self.dispatcher = Dispatcher(self.services, NAMES, inline_limit=1000, remember_bytes=10_000)
        self.control = Control(self.services, NAMES, lambda: self.dispatcher.attempts)

    def _tell(self, progress: JobProgress, reply_to: str) -> None:
        self.told.append(progress)
        self.told_to.append(reply_to)

    def deliver(self, job_id: str = "job", *, who: str = ALICE) -> FakeDelivery:
        """A job arrives, Alice's unless somebody else has submitted it."""
        delivery = FakeDelivery(
            encode_job(job_id, reply_to=who, config=PDFProcessorConfig(), path="/a", document=b"%PDF-")
        )
        self.dispatcher.receive(delivery)  # type: ignore[arg-type]
        return delivery

    def ask(self, kind: RequestKind, job_id: str = "job", *, who: str = ALICE) -> None:
        """Somebody asks for something."""
        for message in encode_request(kind, who, [job_id]):
            self.control.receive(message)

    async def task(self, pool_id: str = "job/0/1") -> Future[Any]:
        while pool_id not in self.pool.tasks:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return self.pool.tasks[pool_id]

    async def done(self) -> None:
        assert await self.dispatcher.idle(5)

    def requests(self, handling: str) -> int:
        """How often something was done with a request."""
        text = generate_latest(self.metrics.registry).decode()
        (line,) = [line for line in text.splitlines() if f'requests_total{{handling="{handling}"}}' in line]
        return int(float(line.split()[-1]))

    def events(self) -> list[str]:
        """What was told."""
        return [progress.event.value for progress in self.told]


Play = Callable[[Callable[[Bench], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(scenario: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            bench = Bench(tmp_path)
            async with asyncio.timeout(10):
                await scenario(bench)
            bench.staging.close()

        asyncio.run(main())

    return run


def test_a_running_job_is_ended_and_answered_as_cancelled(play: Play) -> None:
    """A cancelled job would be retried, parked, given back or run to its end, or its client told nothing."""

    async def scenario(bench: Bench) -> None:
        delivery = bench.deliver()
        await bench.task()
        bench.ask(RequestKind.CANCEL)
        await bench.done()
        assert bench.outbox.replies == [["E_EXECUTION_CANCELLED"]]
        assert bench.outbox.elsewhere == []
        assert delivery.settled == ["ack"]
        assert bench.requests("cancelled") == 1

    play(scenario)


def test_a_job_that_comes_after_its_cancel_is_not_begun(play: Play) -> None:
    """A job that waits in a queue could not be cancelled."""

    async def scenario(bench: Bench) -> None:
        bench.ask(RequestKind.CANCEL)
        bench.deliver("other")
        bench.deliver()
        (await bench.task("other/0/1")).set_result(RESULT)
        await bench.done()
        assert list(bench.pool.tasks) == ["other/0/1"]
        assert sorted(bench.outbox.replies) == [[], ["E_EXECUTION_CANCELLED"]]
        assert bench.requests("remembered") == 1

    play(scenario)


def test_nobody_cancels_without_the_reply_queue(play: Play) -> None:
    """Whoever sees a job id, in a log say, could cancel the job; or undo what its client has asked for."""

    async def scenario(bench: Bench) -> None:
        bench.deliver()
        task = await bench.task()
        bench.ask(RequestKind.CANCEL, who=MALLORY)
        bench.ask(RequestKind.CANCEL, "later", who=MALLORY)
        task.set_result(RESULT)
        bench.deliver("later")
        (await bench.task("later/0/1")).set_result(RESULT)
        await bench.done()
        assert bench.outbox.replies == [[], []]
        assert bench.requests("forged") == 1

        bench.ask(RequestKind.CANCEL, "third")
        bench.ask(RequestKind.CANCEL, "third", who=MALLORY)
        bench.deliver("third")
        await bench.done()
        assert bench.outbox.replies[-1] == ["E_EXECUTION_CANCELLED"]

    play(scenario)


def test_whoever_has_submitted_a_job_too_may_cancel_and_follow_it(play: Play) -> None:
    """Of two clients that submit the same job, only the first could cancel it, and hear of it."""

    async def scenario(bench: Bench) -> None:
        bench.deliver()
        await bench.task()
        bench.deliver(who=BOB)
        bench.pool.starts["job/0/1"]()
        for who in (ALICE, BOB):
            bench.ask(RequestKind.WATCH, who=who)
        bench.ask(RequestKind.CANCEL, who=BOB)
        await bench.done()
        assert bench.outbox.replies == [["E_EXECUTION_CANCELLED"]] * 2
        assert bench.events() == ["started", "started", "finished", "finished"]
        assert bench.told_to == [ALICE, BOB] * 2

        bench.ask(RequestKind.CANCEL, "next", who=BOB)
        bench.deliver("next")
        await bench.task("next/0/1")
        bench.deliver("next", who=BOB)
        await bench.done()
        assert bench.outbox.replies[2:] == [["E_EXECUTION_CANCELLED"]] * 2

    play(scenario)


def test_a_job_that_is_under_way_twice_is_cancelled_for_its_client(play: Play) -> None:
    """A job that another client submits again while it is retried could be cancelled by neither."""

    async def scenario(bench: Bench) -> None:
        second = bench.deliver()
        second.message = replace(second.message, headers={**second.message.headers, "x-ingestkit-attempt": 2})
        bench.deliver(who=BOB)
        bench.ask(RequestKind.CANCEL, who=ALICE)
        bench.ask(RequestKind.CANCEL, who=BOB)
        await bench.done()
        assert bench.requests("cancelled") == 2

    play(scenario)


def test_a_job_that_is_kept_because_no_worker_starts_is_given_back_when_it_is_cancelled(play: Play) -> None:
    """Its client would wait ten seconds for what can be told at once."""

    async def scenario(bench: Bench) -> None:
        delivery = bench.deliver()
        not_started = WorkerFailure(reason=FailureReason.NOT_STARTED, message="no worker")
        (await bench.task()).set_result(not_started)
        await asyncio.sleep(0.01)
        assert delivery.settled == []
        bench.ask(RequestKind.CANCEL)
        await bench.done()
        assert delivery.settled == ["requeue"]
        bench.deliver()
        await bench.done()
        assert bench.outbox.replies == [["E_EXECUTION_CANCELLED"]]

    play(scenario)


def test_a_job_that_has_its_result_is_not_cancelled(play: Play) -> None:
    """A redelivery of a finished job would be answered with an error instead of its result."""

    async def scenario(bench: Bench) -> None:
        bench.deliver()
        (await bench.task()).set_result(RESULT)
        await bench.done()
        bench.ask(RequestKind.CANCEL)
        bench.deliver()
        await bench.done()
        assert bench.outbox.replies == [[], []]
        assert bench.requests("too_late") == 1

    play(scenario)


def test_what_asks_for_nothing_is_counted(play: Play) -> None:
    """One odd message in the exchange would end the daemon, or nobody would know of it."""

    async def scenario(bench: Bench) -> None:
        (message,) = encode_request(RequestKind.CANCEL, ALICE, ["job"])
        for odd in (replace(message, body=b"\xff"), replace(message, reply_to=None), Message(body=b"")):
            bench.control.receive(odd)
        assert bench.requests("invalid") == 3

    play(scenario)


def test_a_cancelled_job_is_not_retried_whatever_ended_it() -> None:
    """A job whose worker crashed as it was cancelled would run again, or a result that is there be lost."""
    outcome = decide(CRASH, 1, RetryPolicy(), cancelled=True)
    assert isinstance(outcome, Cancelled)
    assert outcome.failure.code == "E_EXECUTION_CANCELLED"
    assert isinstance(decide(RESULT, 1, RetryPolicy(), cancelled=True), Completed)


def test_a_followed_job_tells_its_course_and_others_nothing(play: Play) -> None:
    """Every job would cost its events, or whoever follows one would not see it."""

    async def scenario(bench: Bench) -> None:
        following = bench.services.following
        looking = asyncio.create_task(following.run(lambda: ()))
        await asyncio.sleep(0)
        bench.ask(RequestKind.WATCH)
        bench.ask(RequestKind.WATCH, "other", who=MALLORY)
        for job_id in ("job", "other"):
            bench.deliver(job_id)
            task = await bench.task(f"{job_id}/0/1")
            await asyncio.to_thread(bench.pool.starts[f"{job_id}/0/1"])
            await asyncio.sleep(0)
            following.look(bench.dispatcher.attempts, 100.0)
            following.look(bench.dispatcher.attempts, 100.9)
            for now, page in ((101.0, 4), (101.5, 5), (102.0, 6), (103.0, 6)):
                bench.pool.page = page
                following.look(bench.dispatcher.attempts, now)
            task.set_result(RESULT)
            await bench.done()
        assert bench.events() == ["started", "page", "page", "finished"]
        assert [progress.page for progress in bench.told] == [None, 4, 6, None]
        assert {progress.job_id for progress in bench.told} == {"job"}
        assert (bench.told[-1].outcome, bench.told[-1].pages) == ("completed", 3)
        looking.cancel()

    play(scenario)


def test_a_retry_and_a_cancel_are_told(play: Play) -> None:
    """Whoever follows a job would think that it hangs while it waits on a rung."""

    async def scenario(bench: Bench) -> None:
        bench.ask(RequestKind.WATCH)
        bench.deliver()
        (await bench.task()).set_result(CRASH)
        await bench.done()
        assert (bench.told[-1].event, bench.told[-1].reason) == ("retrying", "crashed")
        assert bench.told[-1].delay == 5
        bench.deliver("next")
        bench.ask(RequestKind.WATCH, "next")
        bench.ask(RequestKind.CANCEL, "next")
        await bench.done()
        assert (bench.told[-1].event, bench.told[-1].outcome) == ("finished", "cancelled")

    play(scenario)


def test_who_asks_late_is_told_what_is_known(play: Play) -> None:
    """Whoever begins to follow a job that runs, or has ended, would wait for what was told before."""

    async def scenario(bench: Bench) -> None:
        bench.deliver()
        task = await bench.task()
        bench.ask(RequestKind.WATCH)
        assert bench.events() == []
        bench.pool.starts["job/0/1"]()
        bench.ask(RequestKind.WATCH)
        assert bench.events() == ["started"]
        task.set_result(RESULT)
        await bench.done()
        bench.ask(RequestKind.WATCH)
        assert bench.events() == ["started", "finished", "finished"]
        bench.ask(RequestKind.WATCH, who=MALLORY)
        assert len(bench.told) == 3

    play(scenario)


def test_what_is_remembered_is_bounded_in_number_and_in_time() -> None:
    """Requests about jobs that never come would fill the daemon's memory, or a cancel count for ever."""
    now = 0.0
    remembered = Remembered(3, 10.0, lambda: now)
    for number in range(5):
        remembered.add((str(number), ALICE))
    assert [number for number in range(5) if (str(number), ALICE) in remembered] == [2, 3, 4]
    now = 5.0
    remembered.add(("2", ALICE))
    remembered.add(("5", ALICE))
    assert ("3", ALICE) not in remembered
    now = 10.0
    assert ("4", ALICE) not in remembered
    assert ("2", ALICE) in remembered
    remembered.add(("6", ALICE))
    assert len(remembered) == 3
    now = 20.0
    remembered.add(("7", ALICE))
    assert len(remembered) == 1
    assert ("2", MALLORY) not in remembered
