"""Jobs on their way: what a lost channel leaves behind, and whose fault a closed one was."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pika import spec
from pika.exceptions import ChannelClosedByBroker, StreamLostError

from ingestkit_pdf.execution._client import publisher as publisher_module
from ingestkit_pdf.execution._client.publisher import Publication, Publisher
from ingestkit_pdf.wire.envelope import Message


class FakeChannel:
    """A channel that takes what is published and answers when the test says so."""

    def __init__(self) -> None:
        self.is_open = True
        self.published: list[str] = []
        self._returned: Any = None
        self._confirmed: Any = None

    def add_on_return_callback(self, callback: Any) -> None:
        self._returned = callback

    def confirm_delivery(self, answer: Any, *, callback: Any) -> None:
        self._confirmed = answer
        callback(None)

    def basic_publish(
        self, _exchange: str, _key: str, _body: bytes, properties: Any, *, mandatory: bool
    ) -> None:
        assert mandatory
        self.published.append(properties.message_id)

    def confirm(self, tag: int, *, multiple: bool = False) -> None:
        self._confirmed(SimpleNamespace(method=spec.Basic.Ack(tag, multiple)))

    def refuse(self, tag: int) -> None:
        self._confirmed(SimpleNamespace(method=spec.Basic.Nack(tag, False, False)))

    def close(self) -> None:
        self.is_open = False

    def return_(self, job_id: str) -> None:
        self._returned(self, SimpleNamespace(reply_text="NO_ROUTE"), SimpleNamespace(message_id=job_id), b"")


def job(job_id: str, *, size: int = 10, seconds: float = 60.0) -> Publication:
    """A job that somebody waits for."""
    return Publication(Message(body=b"x" * size, message_id=job_id), time.monotonic() + seconds)


def publisher_on(
    channel: FakeChannel,
    unroutable: list[str] | None = None,
    stale: list[str] | None = None,
    later: list[Callable[[], None]] | None = None,
) -> Publisher:
    """A publisher that may publish on this channel."""
    publisher = Publisher(
        "jobs",
        "default",
        lambda: unroutable.append("told") if unroutable is not None else None,
        lambda: stale.append("told") if stale is not None else None,
        lambda _seconds, function: later.append(function) if later is not None else None,
    )
    attach(publisher, channel)
    return publisher


def attach(publisher: Publisher, channel: FakeChannel) -> None:
    """Give the publisher a new channel."""
    publisher.attach(channel, lambda _frame: None)
    publisher.start(channel)


def test_what_a_lost_connection_left_unanswered_is_published_again_in_order() -> None:
    """Jobs in flight would be lost with the connection, or overtake each other."""
    first, second = FakeChannel(), FakeChannel()
    publisher = publisher_on(first)
    jobs = [job(name) for name in "abc"]
    for one in jobs:
        publisher.add(one)
    first.confirm(1)
    publisher.lost(StreamLostError("cut"))
    publisher.add(job("d"))
    attach(publisher, second)
    assert jobs[0].is_confirmed
    assert second.published == ["b", "c", "d"]
    second.confirm(3, multiple=True)
    assert all(one.is_confirmed for one in jobs)


def test_a_job_too_large_for_the_broker_fails_alone() -> None:
    """A document above the broker's limit would be published for ever, or take its neighbours with it."""
    first, second = FakeChannel(), FakeChannel()
    publisher = publisher_on(first)
    small, large = job("small"), job("large", size=1000)
    publisher.add(small)
    publisher.add(large)
    text = "PRECONDITION_FAILED - message size 1000 is larger than configured max size 500"
    publisher.lost(ChannelClosedByBroker(406, text))
    attach(publisher, second)
    assert "at most 500 bytes" in (large.failure or "")
    assert not large.uncertain
    assert second.published == ["small"]


def test_a_channel_that_is_closed_again_and_again_ends_in_a_refusal() -> None:
    """A job that the broker will never take would be published in a hot loop until its deadline."""
    publisher = publisher_on(FakeChannel())
    one = job("a")
    publisher.add(one)
    for _ in range(2):
        publisher.lost(ChannelClosedByBroker(403, "ACCESS_REFUSED - write"))
        assert one.is_open
        attach(publisher, FakeChannel())
    publisher.lost(ChannelClosedByBroker(403, "ACCESS_REFUSED - write"))
    assert "ACCESS_REFUSED" in (one.failure or "")


def test_a_job_that_was_returned_survives_as_many_closed_channels_as_any_other() -> None:
    """A job of a queue that was deleted would be blamed for the closures that another job is to blame for."""
    channel = FakeChannel()
    publisher = publisher_on(channel)
    one = job("a")
    publisher.add(one)
    channel.return_("a")
    channel.confirm(1)
    publisher.resume()
    for _ in range(2):
        publisher.lost(ChannelClosedByBroker(403, "ACCESS_REFUSED - write"))
        assert one.is_open
        attach(publisher, FakeChannel())


def test_an_unroutable_job_is_tried_once_more_and_then_refused() -> None:
    """A deleted queue would cost every job until a restart; a missing one would be tried for ever."""
    told: list[str] = []
    channel = FakeChannel()
    publisher = publisher_on(channel, told)
    one, other = job("a"), job("b")
    publisher.add(one)
    publisher.add(other)
    channel.return_("a")
    channel.confirm(2, multiple=True)
    assert other.is_confirmed
    assert told == ["told"]
    publisher.resume()
    assert channel.published == ["a", "b", "a"]
    channel.return_("a")
    channel.confirm(3)
    assert "NO_ROUTE" in (one.failure or "")


def test_nothing_is_published_while_blocked_nor_after_its_deadline() -> None:
    """A job would go out after its caller was told that it did not."""
    channel = FakeChannel()
    publisher = publisher_on(channel)
    publisher.blocked = "low on memory"
    late, given_up, waiting = job("late", seconds=0.0), job("given up"), job("waiting")
    for one in (late, given_up, waiting):
        publisher.add(one)
    publisher.withdraw(given_up)
    assert channel.published == []
    publisher.blocked = None
    publisher.flush()
    assert channel.published == ["waiting"]
    assert late.uncertain is False


def test_a_job_that_nobody_waits_for_is_let_go_of_at_once() -> None:
    """While the broker is away or blocks publishers, each document that was given up would stay in memory."""
    channel = FakeChannel()
    publisher = publisher_on(channel)
    blocked, refused, unanswered = job("blocked"), job("refused"), job("unanswered")
    publisher.add(refused)
    channel.refuse(1)
    publisher.add(unanswered)
    publisher.blocked = "low on memory"
    publisher.add(blocked)
    for one in (blocked, refused, unanswered):
        publisher.withdraw(one)
    publisher.blocked = None
    publisher.flush()
    bodies = [weakref.ref(one) for one in (blocked, refused)]
    del one, blocked, refused
    assert [body() for body in bodies] == [None, None]
    channel.confirm(2)
    assert unanswered.is_confirmed


def test_a_job_that_is_refused_is_tried_again_on_other_channels() -> None:
    """The loss of a node would show to producers as a full queue, for ever where the channel is to blame."""
    channel, one = FakeChannel(), job("one")
    told: list[str] = []
    later: list[Callable[[], None]] = []
    publisher = publisher_on(channel, stale=told, later=later)
    publisher.add(one)
    for attempt in range(1, 4):
        channel.refuse(1)
        assert one.is_open
        assert not one.uncertain
        later.pop()()
        assert len(told) == attempt
        publisher.hang_up()
        assert not channel.is_open
        channel = FakeChannel()
        attach(publisher, channel)
        assert channel.published == ["one"]
    channel.confirm(1)
    assert one.is_confirmed


def test_a_channel_is_given_up_when_it_has_answered_for_all_its_jobs() -> None:
    """A job whose confirm is on its way would be published a second time, and run twice."""
    channel, refused, others = FakeChannel(), job("refused"), [job("b"), job("c")]
    told: list[str] = []
    later: list[Callable[[], None]] = []
    publisher = publisher_on(channel, stale=told, later=later)
    for one in (refused, *others):
        publisher.add(one)
    channel.refuse(1)
    later.pop(0)()
    publisher.add(job("d"))
    assert told == []
    channel.confirm(3, multiple=True)
    assert told == ["told"]
    publisher.hang_up()
    channel = FakeChannel()
    attach(publisher, channel)
    assert channel.published == ["refused", "d"]
    later.pop(0)()  # the time for the confirms of the first channel
    assert told == ["told"]


def test_a_channel_that_does_not_answer_is_given_up_all_the_same() -> None:
    """One confirm that never comes would keep every job from being published."""
    channel = FakeChannel()
    told: list[str] = []
    later: list[Callable[[], None]] = []
    publisher = publisher_on(channel, stale=told, later=later)
    publisher.add(job("refused"))
    publisher.add(job("silent"))
    channel.refuse(1)
    later.pop(0)()
    assert told == []
    later.pop(0)()
    assert told == ["told"]


def test_a_queue_that_goes_on_refusing_is_full() -> None:
    """Backpressure would show as a timeout."""
    channel, one = FakeChannel(), job("one")
    publisher = publisher_on(channel)
    publisher.add(one)
    for _ in publisher_module._PAUSES:
        channel.refuse(1)
        assert one.is_open
        publisher.hang_up()
        channel = FakeChannel()
        attach(publisher, channel)
    channel.refuse(1)
    assert "is full" in (one.failure or "")


def test_a_refusal_is_told_before_the_deadline() -> None:
    """A caller with little time would be told of a broker that does not answer."""
    channel, one = FakeChannel(), job("one", seconds=publisher_module._PAUSES[0])
    publisher_on(channel).add(one)
    channel.refuse(1)
    assert "is full" in (one.failure or "")


def test_a_refused_job_outlives_its_connection() -> None:
    """A job that is to be tried again would be forgotten with the connection, and its caller wait in vain."""
    first, second, one, two = FakeChannel(), FakeChannel(), job("one"), job("two")
    publisher = publisher_on(first)
    publisher.add(one)
    first.refuse(1)
    publisher.lost(StreamLostError("cut"))
    attach(publisher, second)
    assert second.published == ["one"]
    publisher.add(two)
    second.refuse(1)
    publisher.fail_all("closed")
    assert (one.failure, two.failure) == ("closed", "closed")


def test_what_a_channel_says_that_was_given_up_counts_for_nothing() -> None:
    """The number of a job on the old channel would confirm another job on the new one, which then is lost."""
    old, new, one, two = FakeChannel(), FakeChannel(), job("one"), job("two")
    publisher = publisher_on(old)
    publisher.add(one)
    old.confirm(1)
    publisher.hang_up()
    attach(publisher, new)
    publisher.add(two)
    old.confirm(1)
    assert not two.is_confirmed
    new.confirm(1)
    assert two.is_confirmed
