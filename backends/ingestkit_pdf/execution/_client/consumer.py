"""The reply queue: what arrives, how many may be under way, and what has been settled."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ingestkit_pdf.execution._client.amqp import to_message
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution._client.script import Steps
from ingestkit_pdf.wire.envelope import InvalidMessageError, decode_result_part

__all__ = ["ReplyConsumer"]

_log = logging.getLogger("ingestkit_pdf.client")

_MAX_WINDOW = 65_535  # of AMQP: a 16-bit number
_NO_TAG = 2**64  # more than any

_MAX_AHEAD = 256 * 1024 * 1024
"""Bytes of unclaimed results from which on no more are fetched ahead: AMQP itself only counts messages, and
the default window would hold 8 GB of the largest."""

_FEW = 4
"""Results that are let in at a time where more bytes than that are held and somebody waits for another."""


class ReplyConsumer:
    """Consumes one reply queue with manual acknowledgements; owned by the I/O thread.

    At most `window` results are unclaimed at a time, and some 256 MiB of them, so a caller that does not ask
    keeps the rest in the broker. Where somebody waits for a result that is further back in the queue, more
    are let in.

    Args:
        queue: Name of the reply queue.
        store: Where results go.
        window: Results that may be unclaimed at first.
    """

    def __init__(self, queue: str, store: ResultStore, *, window: int) -> None:
        self._queue = queue
        self._store = store
        self._window = window
        self._channel: Any = None
        self._consumer_tag: str | None = None
        self._is_paused = False
        self._limit = 0  # unsettled deliveries that the broker gives the present consumer
        self._own = 0  # those that it has been given
        self._last_tag_before = 0  # the last delivery of the consumer before it
        self._generation = 0
        self._unsettled: dict[int, int] = {}  # in the order of the tags; with the size
        self._bytes = 0
        self._handed_over: deque[Delivery] = deque()

    def start(self, channel: Any, on_cancel: Callable[[Any], None]) -> Steps:
        """Consume on this channel from now on; `on_cancel` if the broker ends it (the queue was deleted)."""
        self.lost()
        self._generation += 1
        self._channel = channel
        channel.add_on_cancel_callback(on_cancel)
        yield partial(self._consume, self._window)

    def lost(self) -> None:
        """The channel is gone; what it delivered comes again on the next one."""
        self._channel = self._consumer_tag = None
        self._is_paused = False
        self._unsettled.clear()
        self._bytes = 0

    def settle(self, deliveries: Iterable[Delivery], *, discard: bool = False) -> None:
        """Acknowledge (or discard) what was delivered on the present channel; the rest is history."""
        present = {delivery.tag for delivery in deliveries if delivery.generation == self._generation}
        tags = [tag for tag in present if tag in self._unsettled]
        for tag in tags:
            self._bytes -= self._unsettled.pop(tag)
            self._own -= tag > self._last_tag_before
        if self._channel is None or not self._channel.is_open:
            return
        if discard:
            for tag in tags:
                self._channel.basic_reject(tag, requeue=False)
            return
        # All before the oldest that stays in one go: each acknowledgement is an entry in the queue's log.
        oldest = next(iter(self._unsettled), _NO_TAG)
        before = [tag for tag in tags if tag < oldest]
        if len(before) > 1:
            self._channel.basic_ack(max(before), multiple=True)
            tags = [tag for tag in tags if tag > oldest]
        for tag in tags:
            self._channel.basic_ack(tag)

    def settle_later(self, deliveries: Iterable[Delivery]) -> None:
        """Have these acknowledged by the next `flush`; from any thread."""
        self._handed_over.extend(deliveries)

    def flush(self) -> None:
        """Acknowledge what is to be settled."""
        deliveries = []
        while self._handed_over:
            deliveries.append(self._handed_over.popleft())
        if deliveries:
            self.settle(deliveries)
            self._adjust()

    @property
    def is_full(self) -> bool:
        """True while the broker delivers nothing more until something is settled."""
        return self._own >= self._limit or self._is_paused

    def make_room(self) -> None:
        """Somebody waits for a result: let more in if that may be what is missing."""
        if self.is_full:
            self.flush()
        self._adjust()

    def _adjust(self) -> None:
        """Consume with another limit, or not at all for now, if what is unclaimed calls for it."""
        if self._channel is None or not self._channel.is_open:
            return
        if self._is_paused:
            if self._bytes <= _MAX_AHEAD // 2 or self._store.is_starving:
                self._consume_on()
        elif self._consumer_tag is not None and self._is_limit_wrong():
            self._consume_anew()

    def _is_limit_wrong(self) -> bool:
        if self._bytes > _MAX_AHEAD and self._limit > _FEW:
            return True
        if not self.is_full:
            return False
        if self._store.is_starving:
            if self._limit >= self._window:
                self._window = min(self._window * 2, _MAX_WINDOW)
            return self._limit < _MAX_WINDOW
        return self._limit < self._window and self._bytes <= _MAX_AHEAD // 2

    def _consume_anew(self) -> None:
        # The limit is the consumer's, fixed when it starts; what it delivered stays with the channel. What is
        # on its way when it is cancelled goes back into the queue.
        tag, self._consumer_tag = self._consumer_tag, None
        self._channel.basic_cancel(tag, callback=lambda _frame: self._consume_on())

    def _consume_on(self) -> None:
        if self._channel is None or not self._channel.is_open:
            return
        limit = self._window
        if self._bytes > _MAX_AHEAD:
            limit = _FEW if self._store.is_starving else 0
        self._is_paused = limit == 0
        if not self._is_paused:
            self._consume(limit, lambda _answer: self._adjust())

    def _consume(self, limit: int, done: Callable[[Any], None]) -> None:
        channel = self._channel

        def limited(_frame: Any) -> None:
            if not channel.is_open:
                return  # the queue was deleted meanwhile
            self._limit, self._own = limit, 0
            self._last_tag_before = next(reversed(self._unsettled), 0)
            channel.basic_consume(self._queue, self._on_message, callback=consuming)

        def consuming(frame: Any) -> None:
            if channel is self._channel:
                self._consumer_tag = frame.method.consumer_tag
                done(frame)

        channel.basic_qos(prefetch_count=limit, callback=limited)

    def delete_queue(self, done: Callable[..., None]) -> bool:
        """Delete the reply queue; `done` is called either way. False: it cannot be asked."""
        if self._channel is None or not self._channel.is_open:
            return False
        self._channel.add_on_close_callback(done)
        self._channel.queue_delete(self._queue, callback=done)
        return True

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        if channel is not self._channel:
            return
        delivery = Delivery(self._generation, method.delivery_tag)
        self._unsettled[delivery.tag] = len(body)
        self._bytes += len(body)
        self._own += 1
        try:
            part = decode_result_part(to_message(properties, body))
        except InvalidMessageError as error:
            _log.warning("a message in queue %r is not a result and was dropped: %s", self._queue, error)
            self.settle([delivery], discard=True)
            return
        self.settle(self._store.receive(part, delivery))
        if self.is_full or self._bytes > _MAX_AHEAD:
            self.make_room()
