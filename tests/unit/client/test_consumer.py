"""Acknowledgements: each on the channel its delivery came on, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ingestkit_pdf.execution._client import consumer as consumer_module
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.consumer import ReplyConsumer
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution._client.script import Script
from ingestkit_pdf.wire.envelope import Message, encode_result


class FakeChannel:
    """A channel that delivers what a test says and notes what is settled."""

    def __init__(self) -> None:
        self.is_open = True
        self.acked: list[int] = []
        self.acked_up_to: list[int] = []
        self.rejected: list[int] = []
        self.limits: list[int] = []
        self.is_consuming = False
        self._deliver: Any = None

    def add_on_cancel_callback(self, _callback: Any) -> None:
        pass

    def basic_qos(self, *, prefetch_count: int, callback: Any) -> None:
        self.limits.append(prefetch_count)
        callback(None)

    def basic_consume(self, _queue: str, deliver: Any, *, callback: Any, **_: Any) -> None:
        self._deliver, self.is_consuming = deliver, True
        callback(SimpleNamespace(method=SimpleNamespace(consumer_tag="tag")))

    def basic_cancel(self, _tag: str, *, callback: Any) -> None:
        self.is_consuming = False
        callback(None)

    def basic_ack(self, tag: int, *, multiple: bool = False) -> None:
        (self.acked_up_to if multiple else self.acked).append(tag)

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        assert not requeue
        self.rejected.append(tag)

    def deliver(self, tag: int, message: Message) -> None:
        self._deliver(self, SimpleNamespace(delivery_tag=tag), message, message.body)


def consuming(consumer: ReplyConsumer) -> FakeChannel:
    """A new channel on which the consumer consumes."""
    channel = FakeChannel()
    Script(lambda _script: consumer.start(channel, lambda _frame: None), lambda error: None).start()
    return channel


def test_a_delivery_of_a_lost_channel_is_not_acknowledged_on_the_next() -> None:
    """An acknowledgement would settle another message that has the same number on the new channel."""
    store = ResultStore(adopt=True)
    consumer = ReplyConsumer("replies", store, window=10)
    first = consuming(consumer)
    (message,) = encode_result("job-1", b"{}")
    (other,) = encode_result("job-2", b"{}")
    first.deliver(1, message)
    consumer.lost()
    second = consuming(consumer)
    second.deliver(1, other)
    consumer.settle([Delivery(1, 1)])
    assert second.acked == []
    second.deliver(2, message)
    answer = store.claim("job-1")
    assert answer is not None
    consumer.settle(answer.deliveries)
    consumer.settle(answer.deliveries)
    assert (first.acked, second.acked) == ([], [2])


def test_what_is_no_result_is_dropped_and_a_duplicate_acknowledged() -> None:
    """Rubbish and second answers would fill the window until no result comes through."""
    consumer = ReplyConsumer("replies", ResultStore(adopt=True), window=10)
    channel = consuming(consumer)
    (message,) = encode_result("job-1", b"{}")
    channel.deliver(1, Message(body=b"rubbish"))
    channel.deliver(2, message)
    channel.deliver(3, message)
    assert (channel.rejected, channel.acked) == ([1], [3])


def delivered(consumer: ReplyConsumer, count: int) -> FakeChannel:
    """A channel on which so many results have arrived, with tags from 1."""
    channel = consuming(consumer)
    for tag in range(1, count + 1):
        channel.deliver(tag, *encode_result(f"job-{tag}", b"{}"))
    return channel


def test_results_that_were_handed_over_together_are_acknowledged_together() -> None:
    """Each acknowledgement is an entry in the log of a quorum queue: one a result costs the broker."""
    consumer = ReplyConsumer("replies", ResultStore(adopt=True), window=10)
    channel = delivered(consumer, 4)
    consumer.settle_later([Delivery(1, 2), Delivery(1, 1)])
    consumer.settle_later([Delivery(1, 3)])
    assert (channel.acked, channel.acked_up_to) == ([], [])
    consumer.flush()
    consumer.flush()
    assert (channel.acked, channel.acked_up_to) == ([], [3])


def test_an_acknowledgement_of_several_leaves_out_what_nobody_has_claimed() -> None:
    """A result that is acknowledged with its neighbours before it was claimed is lost with the client."""
    consumer = ReplyConsumer("replies", ResultStore(adopt=True), window=10)
    channel = delivered(consumer, 6)
    consumer.settle([Delivery(1, tag) for tag in (6, 1, 4, 2)])  # 3 and 5 are unclaimed
    assert (sorted(channel.acked), channel.acked_up_to) == ([4, 6], [2])
    consumer.settle([Delivery(1, 5)])
    assert (sorted(channel.acked), channel.acked_up_to) == ([4, 5, 6], [2])
    consumer.settle([Delivery(1, 3)])
    assert (sorted(channel.acked), channel.acked_up_to) == ([3, 4, 5, 6], [2])


def test_a_full_window_does_not_wait_for_acknowledgements_that_are_gathered() -> None:
    """The broker delivers nothing into a full window: a caller would wait for the timer each time."""
    consumer = ReplyConsumer("replies", ResultStore(adopt=True), window=2)
    channel = delivered(consumer, 2)
    assert consumer.is_full
    consumer.settle_later([Delivery(1, 1)])
    consumer.make_room()
    assert (channel.acked, consumer.is_full) == ([1], False)


@pytest.fixture
def room_for_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most ten of the results of these tests are fetched ahead."""
    monkeypatch.setattr(consumer_module, "_MAX_AHEAD", 20)  # two bytes each


@pytest.mark.usefixtures("room_for_ten")
def test_no_more_is_fetched_ahead_than_so_many_bytes() -> None:
    """A thousand unclaimed results of 8 MiB would take 8 GB of the client's memory."""
    consumer = ReplyConsumer("replies", ResultStore(adopt=True), window=1000)
    channel = delivered(consumer, 10)
    assert channel.is_consuming
    channel.deliver(11, *encode_result("job-11", b"{}"))
    assert (channel.is_consuming, consumer.is_full) == (False, True)
    consumer.settle_later([Delivery(1, tag) for tag in range(1, 6)])
    consumer.flush()
    assert not channel.is_consuming  # not for each one that is claimed
    consumer.settle_later([Delivery(1, 6)])
    consumer.flush()
    assert (channel.is_consuming, channel.limits) == (True, [1000, 1000])


@pytest.mark.usefixtures("room_for_ten")
def test_who_waits_for_a_result_further_back_lets_in_a_few_at_a_time() -> None:
    """A caller would wait for ever for a result behind many others, or let in a whole window of them."""
    store = ResultStore(adopt=True)
    consumer = ReplyConsumer("replies", store, window=1000)
    channel = delivered(consumer, 11)
    waiter = store.watch(["job-17"])
    consumer.make_room()
    for tag in range(12, 20):
        channel.deliver(tag, *encode_result(f"job-{tag}", b"{}"))
    assert waiter.next(0) == "job-17"
    assert consumer.is_full
    assert channel.limits == [1000, 4, 4]


def test_a_full_window_is_widened_for_whom_waits_for_what_is_not_in_it() -> None:
    """A caller that asks for the last result first would wait for ever."""
    store = ResultStore(adopt=True)
    consumer = ReplyConsumer("replies", store, window=2)
    store.watch(["job-5"])
    channel = delivered(consumer, 5)
    consumer.make_room()
    assert channel.limits == [2, 4]
