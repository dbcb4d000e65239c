"""What goes out and how, with a publisher that a test tells what to say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ingestkit_pdf.wire.envelope import Message, ResultAssembler, decode_result_part, encode_result
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd import reply as reply_module
from ingestkit_pdfd.amqp import BrokerRefusedError, RejectedError, TooLargeError, UnroutableError
from ingestkit_pdfd.metrics import Metrics
from ingestkit_pdfd.reply import Outbox

NAMES = Topology()
LIMIT = 100
BODY = bytes(range(256)) * 4


class Broker:
    """Takes messages of at most `limit` bytes into the queues that it knows."""

    def __init__(self, *queues: str, limit: int = LIMIT) -> None:
        self.queues: dict[str, list[Message]] = {name: [] for name in queues}
        self.limit = limit
        self.refusals = 0

    async def publish(
        self, message: Message, *, routing_key: str, exchange: str = "", apart: bool = False
    ) -> None:
        if len(message.body) > self.limit:
            self.refusals += 1
            raise TooLargeError(self.limit)
        if routing_key not in self.queues:
            raise UnroutableError
        self.queues[routing_key].append(message)

    async def close(self) -> None:
        """Nothing is open."""


class Refusals:
    """Writes down what the outbox says of the broker."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def add(self, subject: str, _error: BrokerRefusedError) -> None:
        self.told.append(("refused", subject))

    def accepted(self, subject: str) -> None:
        self.told.append(("accepted", subject))


def outbox(broker: Any, refusals: Any = None) -> Outbox:
    return Outbox(broker, NAMES, refusals or Refusals(), Metrics(["default"]))


def whole(messages: list[Message]) -> bytes | None:
    assembler = ResultAssembler()
    return [assembler.add(decode_result_part(message)) for message in messages][-1]


def test_a_result_too_large_for_the_broker_goes_in_parts_and_the_limit_is_remembered() -> None:
    """One large document would end every daemon in turn, or each result would be refused once."""
    name = NAMES.reply_queue("a").name
    broker = Broker(name)
    sender = outbox(broker)
    asyncio.run(sender.reply(encode_result("one", BODY), name))
    assert whole(broker.queues[name]) == BODY
    broker.queues[name].clear()
    asyncio.run(sender.reply(encode_result("two", BODY), name))
    assert whole(broker.queues[name]) == BODY
    assert broker.refusals == 1


def test_a_result_too_large_for_the_broker_is_kept_when_its_queue_is_gone() -> None:
    """A large result of a client that is gone would be lost, where a small one is kept."""
    name = NAMES.orphaned_queue.name
    broker = Broker(name)
    asyncio.run(outbox(broker).reply(encode_result("one", BODY), NAMES.reply_queue("gone").name))
    assert whole(broker.queues[name]) == BODY


def test_a_dead_letter_that_has_become_too_large_is_refused_once() -> None:
    """A lowered limit would have it published again and again, and hold a place in the window for ever."""
    broker = Broker("default")
    with pytest.raises(TooLargeError):
        asyncio.run(outbox(broker).park(Message(body=BODY), "default"))
    assert broker.refusals == 1


class NoWait:
    """A backoff without a pause."""

    def __init__(self, **_limits: float) -> None:
        """Takes what a backoff takes."""

    def next(self) -> float:
        return 0.0


class Refusing(Broker):
    """Refuses what is for `full`, on the channel that all share or on every one."""

    def __init__(self, full: str, *, everywhere: bool) -> None:
        super().__init__(full, NAMES.orphaned_queue.name, limit=10_000)
        self.full = full
        self.everywhere = everywhere
        self.tried: list[tuple[str, bool]] = []

    async def publish(
        self, message: Message, *, routing_key: str, exchange: str = "", apart: bool = False
    ) -> None:
        await asyncio.sleep(0)
        self.tried.append((routing_key, apart))
        if routing_key == self.full and (self.everywhere or not apart):
            raise RejectedError("refused")
        await super().publish(message, routing_key=routing_key, exchange=exchange)


def test_a_queue_that_refuses_on_one_channel_is_tried_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of clients that wait would go to the orphaned ones, long after a node was lost."""
    monkeypatch.setattr(reply_module, "Backoff", NoWait)
    name = NAMES.reply_queue("a").name
    broker = Refusing(name, everywhere=False)
    asyncio.run(outbox(broker).reply(encode_result("one", BODY), name))
    assert whole(broker.queues[name]) == BODY
    assert broker.tried == [(name, False), (name, False), (name, True)]


def test_a_queue_that_stays_full_is_tried_once_for_each_further_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that does not read would hold up all others: each of its results would wait half a minute."""
    monkeypatch.setattr(reply_module, "Backoff", NoWait)
    name = NAMES.reply_queue("a").name
    broker = Refusing(name, everywhere=True)
    sender = outbox(broker)

    async def scenario() -> None:
        await asyncio.gather(
            *(sender.reply(encode_result(f"early-{number}", BODY), name) for number in range(5))
        )
        assert len([queue for queue, _ in broker.tried if queue == name]) <= 5 * 12
        broker.tried.clear()
        await sender.reply(encode_result("late", BODY), name)
        assert broker.tried == [(name, True), (NAMES.orphaned_queue.name, False)]
        assert len(broker.queues[NAMES.orphaned_queue.name]) == 6
        broker.everywhere = False
        broker.tried.clear()
        await sender.reply(encode_result("read", BODY), name)
        await sender.reply(encode_result("again", BODY), name)
        assert broker.tried[:2] == [(name, True), (name, False)], (
            "it counts as full although it takes results"
        )

    asyncio.run(scenario())


def test_a_full_queue_is_given_its_time_again_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose queue was full once would miss its results whenever a node is lost."""
    monkeypatch.setattr(reply_module, "Backoff", NoWait)
    monkeypatch.setattr(reply_module, "_FULL_FOR", 0.0)
    name = NAMES.reply_queue("a").name
    broker = Refusing(name, everywhere=True)
    sender = outbox(broker)
    for job_id in ("one", "two"):
        broker.tried.clear()
        asyncio.run(sender.reply(encode_result(job_id, BODY), name))
        assert len(broker.tried) == 12 + 1


def test_a_confirmed_publish_makes_refusals_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals that had passed would add up over months, until one more ends the daemon."""
    name = NAMES.reply_queue("a").name

    class Moody(Broker):
        async def publish(
            self, message: Message, *, routing_key: str, exchange: str = "", apart: bool = False
        ) -> None:
            if not refusals.told:
                raise BrokerRefusedError("not now")
            await super().publish(message, routing_key=routing_key, exchange=exchange, apart=apart)

    refusals = Refusals()
    broker = Moody(name, limit=10_000)
    asyncio.run(outbox(broker, refusals).reply(encode_result("one", b"{}"), name))
    assert refusals.told == [("refused", name), ("accepted", name)]
