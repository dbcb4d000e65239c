"""Which attempt a delivery belongs to, with the broker and the pool replaced by fakes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult, PoolTask
from ingestkit_pdf.wire.envelope import (
    InvalidMessageError,
    Message,
    decode_job,
    encode_job,
    redriven_message,
)
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.amqp import TooLargeError
from ingestkit_pdfd.dispatcher import Dispatcher
from ingestkit_pdfd.outcome import RetryPolicy
from ingestkit_pdfd.services import Services
from ingestkit_pdfd.source import Staging

NAMES = Topology()
RESULT = PoolResult(
    body=b"{}", errors=(), pages=1, chunks=1, content_sha256="", seconds=0.1, peak_memory_bytes=1
)
KILLED = WorkerFailure(reason=FailureReason.CRASHED, message="killed", signal="SIGKILL")


class FakePool:
    """Holds every task until the test ends it."""

    def __init__(self) -> None:
        self.tasks: dict[str, Future[Any]] = {}
        self.starts: dict[str, Callable[[], None]] = {}

    def submit(self, task: PoolTask, *, on_start: Callable[[], None]) -> Future[Any]:
        self.starts[task.job_id] = on_start
        self.tasks[task.job_id] = Future()
        return self.tasks[task.job_id]

    def cancel(self, job_id: str) -> bool:
        if job_id not in self.tasks:
            return False
        cancelled = WorkerFailure(reason=FailureReason.CANCELLED, message="cancelled")
        self.tasks[job_id].set_result(cancelled)
        return True


class FakeOutbox:
    """Writes down what would be published."""

    def __init__(self) -> None:
        self.replies: list[tuple[str | None, str]] = []
        self.bodies: list[bytes] = []
        self.copies: list[Message] = []
        self.is_away = False
        self.retries: list[Message] = []
        self.parked: list[Message] = []

    async def reply(self, messages: Sequence[Message], reply_to: str) -> None:
        self.replies.append((messages[0].message_id, reply_to))
        self.bodies.append(messages[0].body)

    async def retry(self, message: Message, lane: str, delay: int) -> None:
        self.retries.append(message)

    async def park(self, message: Message, lane: str) -> None:
        self.parked.append(message)

    async def submit_again(self, message: Message, lane: str) -> bool:
        if self.is_away:
            return False
        self.copies.append(message)
        return True


class FakeDelivery:
    """A delivery that remembers how it was settled; `alive` is whether its channel is."""

    lane = "default"
    redelivered = False
    earlier = 0

    def __init__(self, message: Message, *, alive: bool = True) -> None:
        self.message = message
        self.alive = alive
        self.settled: list[str] = []

    async def ack(self) -> bool:
        return self._settle("ack")

    async def requeue(self) -> bool:
        return self._settle("requeue")

    async def fail(self) -> bool:
        return self._settle("fail")

    async def reject(self) -> bool:
        return self._settle("reject")

    def _settle(self, how: str) -> bool:
        self.settled.append(how)
        return self.alive


class Bench:
    """A dispatcher with everything around it faked but the staging folder."""

    def __init__(self, folder: Path) -> None:
        self.pool = FakePool()
        self.outbox = FakeOutbox()
        self.staging = Staging(folder, [])
        services = Services(
            pool=self.pool,  # type: ignore[arg-type]
            staging=self.staging,
            outbox=self.outbox,  # type: ignore[arg-type]
            policy=RetryPolicy(),
            document_timeout=10,
            max_deliveries=3,
        )
        self.dispatcher = Dispatcher(services, NAMES, inline_limit=1000, remember_bytes=10_000)

    async def task(self, pool_id: str) -> Future[Any]:
        while pool_id not in self.pool.tasks:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return self.pool.tasks[pool_id]

    async def done(self) -> None:
        assert await self.dispatcher.idle(5)


def job(job_id: str = "job", client: str = "a") -> Message:
    reply_to = NAMES.reply_queue(client).name
    return encode_job(job_id, reply_to=reply_to, config=PDFProcessorConfig(), path="/a", document=b"%PDF-")


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Bench], Coroutine[Any, Any, None]]], None]:
    def run(scenario: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            bench = Bench(tmp_path)
            async with asyncio.timeout(10):
                await scenario(bench)
            bench.staging.close()

        asyncio.run(main())

    return run


def test_a_redelivery_of_what_runs_is_attached_and_settled_once_each(play: Any) -> None:
    """A dropped connection would run each of its jobs a second time."""

    async def scenario(bench: Bench) -> None:
        lost, again = FakeDelivery(job(), alive=False), FakeDelivery(job())
        bench.dispatcher.receive(lost)  # type: ignore[arg-type]
        future = await bench.task("job/0/1")
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        future.set_result(RESULT)
        await bench.done()
        assert list(bench.pool.tasks) == ["job/0/1"]
        assert len(bench.outbox.replies) == 1
        assert lost.settled == ["ack"]
        assert again.settled == ["ack"]

    play(scenario)


def test_a_redelivery_of_what_has_finished_is_answered_from_memory(play: Any) -> None:
    """A lost acknowledgement would cost a second run of the document."""

    async def scenario(bench: Bench) -> None:
        bench.dispatcher.receive(FakeDelivery(job(), alive=False))  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(RESULT)
        await bench.done()
        again = FakeDelivery(job())
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        await bench.done()
        assert list(bench.pool.tasks) == ["job/0/1"]
        assert len(bench.outbox.replies) == 2
        assert again.settled == ["ack"]

    play(scenario)


def test_a_redelivery_of_what_was_retried_is_only_acknowledged(play: Any) -> None:
    """One job would climb the retry ladder twice at once."""

    async def scenario(bench: Bench) -> None:
        message = job()
        bench.dispatcher.receive(FakeDelivery(message, alive=False))  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(KILLED)
        await bench.done()
        again = FakeDelivery(message)
        again.redelivered = True
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        await bench.done()
        assert len(bench.outbox.retries) == 1
        assert bench.outbox.replies == []
        assert again.settled == ["ack"]

    play(scenario)


def test_a_job_that_no_worker_could_be_started_for_is_kept_for_a_while_and_given_back(play: Any) -> None:
    """A host out of processes would park the jobs of all, or pass each on until it counts as harmful."""

    async def scenario(bench: Bench) -> None:
        delivery = FakeDelivery(job())
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        failure = WorkerFailure(reason=FailureReason.NOT_STARTED, message="no memory")
        (await bench.task("job/0/1")).set_result(failure)
        assert not await bench.dispatcher.idle(0.2)
        assert delivery.settled == []
        bench.pool.tasks.clear()
        bench.dispatcher.drain()
        await bench.done()
        assert delivery.settled == ["requeue"]
        assert (bench.outbox.replies, bench.outbox.retries, bench.outbox.parked) == ([], [], [])

    play(scenario)


@pytest.mark.parametrize("redelivered", [False, True])
def test_a_job_that_is_submitted_again_while_it_was_to_be_retried_is_run(
    play: Any, redelivered: bool
) -> None:
    """Where its retry was deleted with its queue, submitting again would be acknowledged and forgotten."""

    async def scenario(bench: Bench) -> None:
        bench.dispatcher.receive(FakeDelivery(job()))  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(KILLED)
        await bench.done()
        bench.pool.tasks.clear()
        again = FakeDelivery(job())
        again.redelivered = redelivered  # another daemon, which was stopping, may have given it back
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(RESULT)
        await bench.done()
        assert len(bench.outbox.replies) == 1
        assert again.settled == ["ack"]

    play(scenario)


def test_the_next_attempt_of_a_job_is_a_new_one(play: Any) -> None:
    """A retried job would be answered with the memory of its own failure."""

    async def scenario(bench: Bench) -> None:
        bench.dispatcher.receive(FakeDelivery(job()))  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(KILLED)
        await bench.done()
        bench.dispatcher.receive(FakeDelivery(bench.outbox.retries[0]))  # type: ignore[arg-type]
        (await bench.task("job/0/2")).set_result(KILLED)
        await bench.done()
        (letter,) = bench.outbox.parked
        assert letter.headers["x-ingestkit-reason"] == "E_EXECUTION_CRASHED"
        assert '"attempt":1' in letter.headers["x-ingestkit-history"]
        assert '"attempt":2' in letter.headers["x-ingestkit-history"]
        assert len(bench.outbox.replies) == 1

    play(scenario)


def test_everyone_who_submitted_a_job_is_answered(play: Any) -> None:
    """A client that submits a running job again under another identity would wait for ever."""

    async def scenario(bench: Bench) -> None:
        bench.dispatcher.receive(FakeDelivery(job(client="a")))  # type: ignore[arg-type]
        future = await bench.task("job/0/1")
        bench.dispatcher.receive(FakeDelivery(job(client="b")))  # type: ignore[arg-type]
        future.set_result(RESULT)
        await bench.done()
        queues = {reply_to for _, reply_to in bench.outbox.replies}
        assert queues == {NAMES.reply_queue("a").name, NAMES.reply_queue("b").name}

    play(scenario)


def test_draining_gives_back_what_waits_and_keeps_what_runs(play: Any) -> None:
    """Stopping would throw away work under way, or wait for work that was not begun."""

    async def scenario(bench: Bench) -> None:
        running, waiting, late = (FakeDelivery(job(name)) for name in ("running", "waiting", "late"))
        bench.dispatcher.receive(running)  # type: ignore[arg-type]
        bench.dispatcher.receive(waiting)  # type: ignore[arg-type]
        future = await bench.task("running/0/1")
        await bench.task("waiting/0/1")
        bench.pool.starts["running/0/1"]()
        bench.dispatcher.drain()
        bench.dispatcher.receive(late)  # type: ignore[arg-type]
        assert not await bench.dispatcher.idle(0.05)
        assert waiting.settled == ["requeue"]
        assert late.settled == ["requeue"]
        assert running.settled == []
        future.set_result(RESULT)
        await bench.done()
        assert running.settled == ["ack"]

    play(scenario)


def test_a_job_that_is_delivered_again_and_again_is_parked(play: Any) -> None:
    """A document that takes whole daemons down would go round for ever."""

    async def scenario(bench: Bench) -> None:
        delivery = FakeDelivery(job())
        delivery.earlier = 3
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        await bench.done()
        (letter,) = bench.outbox.parked
        assert "delivered 3 times before" in letter.headers["x-ingestkit-reason-text"]
        assert len(bench.outbox.replies) == 1
        assert bench.pool.tasks == {}
        assert delivery.settled == ["ack"]

    play(scenario)


def test_draining_gives_back_what_has_not_reached_the_pool(play: Any) -> None:
    """A job that is between its delivery and the pool would be begun after the drain."""

    async def scenario(bench: Bench) -> None:
        delivery = FakeDelivery(job())
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        bench.dispatcher.drain()
        await bench.done()
        assert delivery.settled == ["requeue"]
        assert bench.pool.tasks == {}

    play(scenario)


def test_a_defect_of_the_daemon_gives_the_job_back(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception would leave a delivery unsettled and its place in the window lost."""

    async def scenario(bench: Bench) -> None:
        async def broken(messages: Sequence[Message], reply_to: str) -> None:
            raise KeyError("a defect")

        monkeypatch.setattr("ingestkit_pdfd.dispatcher._BROKEN_PAUSE", 0.0)
        monkeypatch.setattr(bench.outbox, "reply", broken)
        delivery = FakeDelivery(job())
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(RESULT)
        await bench.done()
        assert delivery.settled == ["fail"]
        assert bench.dispatcher.running + bench.dispatcher.waiting == 0

    play(scenario)


def test_a_defect_that_meets_the_same_job_too_often_has_the_broker_park_it(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that cannot be parked would be given back every second, for ever."""

    async def scenario(bench: Bench) -> None:
        async def broken(message: Message, lane: str) -> None:
            raise KeyError("a defect")

        monkeypatch.setattr("ingestkit_pdfd.dispatcher._BROKEN_PAUSE", 0.0)
        monkeypatch.setattr(bench.outbox, "park", broken)
        delivery = FakeDelivery(job())
        delivery.earlier = 3
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        await bench.done()
        assert delivery.settled == ["reject"]

    play(scenario)


@pytest.mark.parametrize(
    "where", ["ingestkit_pdfd.dispatcher.decode_job", "ingestkit_pdfd.dispatcher.dead_letter"]
)
def test_a_defect_in_a_delivery_has_the_broker_park_it(
    play: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """What could be neither read nor parked would keep its place in the window until the daemon ends."""

    async def scenario(bench: Bench) -> None:
        def broken(*_arguments: Any, **_more: Any) -> None:
            raise KeyError("a defect")

        monkeypatch.setattr(where, broken)
        delivery = FakeDelivery(replace(job(), type="no.job"))
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        await bench.done()
        assert delivery.settled == ["reject"]

    play(scenario)


@pytest.mark.parametrize("ended", [KILLED, WorkerFailure(reason=FailureReason.MEMORY, message="too much")])
def test_what_is_too_large_to_be_sent_on_is_answered_and_left_to_the_broker(
    play: Any, monkeypatch: pytest.MonkeyPatch, ended: WorkerFailure
) -> None:
    """A limit that was lowered would have a job published in vain for ever, and its client wait."""

    async def scenario(bench: Bench) -> None:
        async def refuse(*_message: Any) -> None:
            raise TooLargeError(1000)

        monkeypatch.setattr(bench.outbox, "retry", refuse)
        monkeypatch.setattr(bench.outbox, "park", refuse)
        lost, again = FakeDelivery(job(), alive=False), FakeDelivery(job())
        bench.dispatcher.receive(lost)  # type: ignore[arg-type]
        future = await bench.task("job/0/1")
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        last = FakeDelivery(job())
        bench.dispatcher.receive(last)  # type: ignore[arg-type]
        future.set_result(ended)
        await bench.done()
        assert len(bench.outbox.replies) == 1
        assert [delivery.settled for delivery in (lost, again, last)] == [["reject"], ["reject"], ["ack"]]

    play(scenario)


def test_a_stranger_that_is_too_large_to_be_parked_is_left_to_the_broker(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be published in vain for ever, and its sender not be told."""

    async def scenario(bench: Bench) -> None:
        async def refuse(*_message: Any) -> None:
            raise TooLargeError(1000)

        monkeypatch.setattr(bench.outbox, "park", refuse)
        delivery = FakeDelivery(replace(job(), type="no.job"))
        bench.dispatcher.receive(delivery)  # type: ignore[arg-type]
        await bench.done()
        assert len(bench.outbox.replies) == 1
        assert delivery.settled == ["reject"]

    play(scenario)


@pytest.mark.parametrize("late", [False, True], ids=["while it runs", "while its retry is published"])
def test_everyone_who_submitted_a_job_is_answered_after_its_next_attempt(
    play: Any, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """A second client of a job would wait for ever, should the worker be killed that it was attached to."""

    async def scenario(bench: Bench) -> None:
        second = FakeDelivery(job(client="b"))
        bench.dispatcher.receive(FakeDelivery(job(client="a")))  # type: ignore[arg-type]
        future = await bench.task("job/0/1")
        if not late:
            bench.dispatcher.receive(second)  # type: ignore[arg-type]
        retry = bench.outbox.retry

        async def slowly(message: Message, lane: str, delay: int) -> None:
            if late and not bench.outbox.retries:
                bench.dispatcher.receive(second)  # type: ignore[arg-type]
            await retry(message, lane, delay)

        monkeypatch.setattr(bench.outbox, "retry", slowly)
        future.set_result(KILLED)
        await bench.done()
        assert len(bench.outbox.retries) == 1 + late
        assert second.settled == ["ack"]
        for message in bench.outbox.retries:
            bench.dispatcher.receive(FakeDelivery(message))  # type: ignore[arg-type]
        (await bench.task("job/0/2")).set_result(KILLED)
        await bench.done()
        queues = [NAMES.reply_queue(client).name for client in "ab"]
        assert sorted(reply_to for _, reply_to in bench.outbox.replies) == queues
        (letter,) = bench.outbox.parked
        back = decode_job(redriven_message(letter), NAMES)
        assert sorted(back.reply_tos) == queues

    play(scenario)


def test_who_submits_a_job_while_it_is_settled_is_answered(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that comes between the answer and the acknowledgement would be acknowledged unanswered."""

    async def scenario(bench: Bench) -> None:
        first, second = FakeDelivery(job(client="a")), FakeDelivery(job(client="b"))
        ack = first.ack

        async def slowly() -> bool:
            bench.dispatcher.receive(second)  # type: ignore[arg-type]
            return await ack()

        monkeypatch.setattr(first, "ack", slowly)
        bench.dispatcher.receive(first)  # type: ignore[arg-type]
        (await bench.task("job/0/1")).set_result(RESULT)
        await bench.done()
        assert [reply_to for _, reply_to in bench.outbox.replies] == [
            NAMES.reply_queue(client).name for client in "ab"
        ]
        assert (first.settled, second.settled) == (["ack"], ["ack"])

    play(scenario)


@pytest.mark.parametrize("redelivered", [False, True])
def test_a_large_result_is_not_made_again_for_a_lost_acknowledgement(play: Any, redelivered: bool) -> None:
    """The documents that take longest would be read twice, or whoever submits one again not be answered."""

    async def scenario(bench: Bench) -> None:
        message = job()
        bench.dispatcher.receive(FakeDelivery(message, alive=False))  # type: ignore[arg-type]
        large = replace(RESULT, body=random.Random(1).randbytes(20_000))
        (await bench.task("job/0/1")).set_result(large)
        await bench.done()
        bench.pool.tasks.clear()
        again = FakeDelivery(message)
        again.redelivered = redelivered
        bench.dispatcher.receive(again)  # type: ignore[arg-type]
        if not redelivered:
            (await bench.task("job/0/1")).set_result(RESULT)
        await bench.done()
        assert again.settled == ["ack"]
        assert bool(bench.pool.tasks) is not redelivered
        assert len(bench.outbox.replies) == 2 - redelivered

    play(scenario)


def test_what_is_said_of_a_message_is_short(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger would write as much as he likes into the log of the daemon."""

    async def scenario(bench: Bench) -> None:
        def refuse(*_arguments: Any, **_more: Any) -> None:
            raise InvalidMessageError("x" * 200_000)

        monkeypatch.setattr("ingestkit_pdfd.dispatcher.decode_job", refuse)
        with structlog.testing.capture_logs() as logs:
            bench.dispatcher.receive(FakeDelivery(job()))  # type: ignore[arg-type]
            await bench.done()
        (line,) = logs
        assert line["event"] == "delivery_rejected"
        assert len(line["reason"]) == 1000
        assert bench.outbox.bodies[0].count(b"x") <= 1010

    play(scenario)


@pytest.mark.parametrize(
    ("earlier", "is_away", "settled"), [(1, False, "requeue"), (2, False, "ack"), (2, True, "requeue")]
)
def test_stops_do_not_count_as_what_takes_daemons_down(
    play: Any, earlier: int, is_away: bool, settled: str
) -> None:
    """A job that waits while daemons are restarted would be parked as one that kills them, or be lost."""

    async def scenario(bench: Bench) -> None:
        bench.outbox.is_away = is_away
        waiting, late = FakeDelivery(job("waiting")), FakeDelivery(job("late"))
        waiting.earlier = late.earlier = earlier
        bench.dispatcher.receive(waiting)  # type: ignore[arg-type]
        await bench.task("waiting/0/1")
        bench.dispatcher.drain()
        bench.dispatcher.receive(late)  # type: ignore[arg-type]
        await bench.done()
        assert waiting.settled == late.settled == [settled]
        assert len(bench.outbox.copies) == 2 * (settled == "ack")

    play(scenario)
