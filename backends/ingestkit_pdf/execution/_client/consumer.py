"""The reply queue: what arrives, how many may be under way, and what has been settled."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
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


class ReplyConsumer:
    """Consumes one reply queue with manual acknowledgements; owned by the I/O thread.

    At most `window` results are unclaimed at a time, so a caller that does not ask keeps the rest in
    the broker. Where somebody waits for a result that is further back in the queue, the window grows.

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
        self._generation = 0
        self._unsettled: dict[int, None] = {}  # in the order of the tags
        self._handed_over: deque[Delivery] = deque()

    def start(self, channel: Any, on_cancel: Callable[[Any], None]) -> Steps:
        """Consume on this channel from now on; `on_cancel` if the broker ends it (the queue was deleted)."""
        self._generation += 1
        self._channel = channel
        self._unsettled.clear()
        channel.add_on_cancel_callback(on_cancel)
        yield lambda done: channel.basic_qos(prefetch_count=self._window, callback=done)
        yield self._consume

    def lost(self) -> None:
        """The channel is gone; what it delivered comes again on the next one."""
        self._channel = self._consumer_tag = None
        self._unsettled.clear()

    def settle(self, deliveries: Iterable[Delivery], *, discard: bool = False) -> None:
        """Acknowledge (or discard) what was delivered on the present channel; the rest is history."""
        present = {delivery.tag for delivery in deliveries if delivery.generation == self._generation}
        tags = [tag for tag in present if tag in self._unsettled]
        for tag in tags:
            del self._unsettled[tag]
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

    @property
    def is_full(self) -> bool:
        """True while the broker delivers nothing more until something is settled."""
        return len(self._unsettled) >= self._window

    def widen(self) -> None:
        """Let more results in, if the window is full and somebody waits for what is not in it."""
        if self.is_full:
            self.flush()
        if not self.is_full or self._consumer_tag is None or not self._store.is_starving:
            return
        if not self._channel.is_open or self._window >= _MAX_WINDOW:
            return
        self._window = min(self._window * 2, _MAX_WINDOW)
        channel, tag, self._consumer_tag = self._channel, self._consumer_tag, None

        # The limit is the consumer's, fixed when it starts; what it delivered stays with the channel.
        def cancelled(_frame: Any) -> None:
            channel.basic_qos(prefetch_count=self._window, callback=limited)

        def limited(_frame: Any) -> None:
            self._consume(lambda _answer: self.widen())

        channel.basic_cancel(tag, callback=cancelled)

    def delete_queue(self, done: Callable[..., None]) -> bool:
        """Delete the reply queue; `done` is called either way. False: it cannot be asked."""
        if self._channel is None or not self._channel.is_open:
            return False
        self._channel.add_on_close_callback(done)
        self._channel.queue_delete(self._queue, callback=done)
        return True

    def _consume(self, done: Callable[[Any], None]) -> None:
        def consuming(frame: Any) -> None:
            self._consumer_tag = frame.method.consumer_tag
            done(frame)

        self._channel.basic_consume(self._queue, self._on_message, callback=consuming)

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        if channel is not self._channel:
            return
        delivery = Delivery(self._generation, method.delivery_tag)
        self._unsettled[delivery.tag] = None
        try:
            part = decode_result_part(to_message(properties, body))
        except InvalidMessageError as error:
            _log.warning("a message in queue %r is not a result and was dropped: %s", self._queue, error)
            self.settle([delivery], discard=True)
            return
        self.settle(self._store.receive(part, delivery))
        self.widen()
