"""Messages of a queue looked at one by one, taken for good or put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pika import spec
from pika.exceptions import ChannelClosedByBroker

from ingestkit_pdf.execution._client.amqp import to_message
from ingestkit_pdf.execution._client.declare import Declarer, QueueInUseError, open_channel
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Queue

__all__ = ["Found", "QueueBrowser", "QueueInUseError"]

_ACCESS_REFUSED, _RESOURCE_LOCKED, _PRECONDITION_FAILED = 403, 405, 406
_DELIVERY_LIMIT = "x-delivery-limit"
_WARY_FROM = 15
"""Looks at a message after which a queue without our delivery limit is left alone (20 is RabbitMQ 4's)."""

_RETURN_TRIES, _RETURN_PAUSE = 40, 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """A message that is held: nobody else gets it until it is taken or put back."""

    message: Message
    tag: int
    deliveries: int


class QueueBrowser:
    """One queue, emptied message by message over one channel; what is not taken goes back.

    Messages are fetched one at a time (`basic.get`), so only one body is in memory, the end of the queue
    is known for certain, and a connection that is lost leaves at most one message in doubt. What is held
    is not visible to others meanwhile. If this process dies, the broker puts everything back.

    Args:
        one_shot: Whose connection it is.
        queue: The queue, as it was declared.
    """

    def __init__(self, one_shot: OneShotConnection, queue: Queue) -> None:
        self._one_shot = one_shot
        self._queue = queue
        self._channel: Any = None
        self._done: Callable[[Any], None] = lambda _answer: None
        self._held = 0
        self._wary = False

    def open(self, connection: Any, script: Script) -> Steps:
        """Get ready; False when there is no such queue."""
        declarer = Declarer(connection, script)
        if (yield from declarer.peek(self._queue.name)) is None:
            return False
        yield from self._compare(connection, script)
        self._channel = yield open_channel(connection, script)
        self._channel.add_callback(lambda _frame: self._done(None), [spec.Basic.GetEmpty], one_shot=False)
        return True

    def get(self) -> Steps:
        """The next message that has not been looked at, or None.

        Raises:
            QueueInUseError: A consumer has the queue to itself.
            ConnectionError: Looking on might lose the message.
        """

        def call(done: Callable[[Any], None]) -> None:
            self._done = done
            self._channel.basic_get(self._queue.name, lambda _channel, *found: done(found))

        try:
            answer = yield call
        except ChannelClosedByBroker as error:
            if error.reply_code in {_ACCESS_REFUSED, _RESOURCE_LOCKED} and "exclusive" in error.reply_text:
                raise QueueInUseError(f"a consumer has queue {self._queue.name!r} to itself") from error
            raise
        self._one_shot.progress()
        if answer is None:
            return None
        method, properties, body = answer
        self._held += 1
        message = to_message(properties, body)
        return Found(message, method.delivery_tag, self._count(message))

    def take(self, found: Found) -> None:
        """The message is done with."""
        self._channel.basic_ack(found.tag)
        self._held -= 1

    def put_back(self) -> Steps:
        """Return everything that was not taken, and wait until the broker offers it again.

        The broker has then seen every acknowledgement as well: nothing that was taken is in doubt.
        """
        if self._held:
            # Not by closing the channel: from RabbitMQ 4.3 on a nack alone is not counted as a failure.
            self._channel.basic_nack(0, multiple=True, requeue=True)
        for _ in range(_RETURN_TRIES):
            declared = yield lambda done: self._channel.queue_declare(
                self._queue.name, passive=True, callback=done
            )
            if declared.method.message_count >= self._held:
                break
            yield self._one_shot.pause(_RETURN_PAUSE)
        self._held = 0

    def _compare(self, connection: Any, script: Script) -> Steps:
        """Does the queue allow any number of looks? One that was declared otherwise may not."""
        if _DELIVERY_LIMIT not in self._queue.arguments:
            return
        channel = yield open_channel(connection, script)
        try:
            yield lambda done: channel.queue_declare(
                self._queue.name, durable=True, arguments=dict(self._queue.arguments), callback=done
            )
        except ChannelClosedByBroker as error:
            if error.reply_code not in {_ACCESS_REFUSED, _PRECONDITION_FAILED}:
                raise
            self._wary = error.reply_code == _PRECONDITION_FAILED
        else:
            channel.close()

    def _count(self, message: Message) -> int:
        count = message.headers.get("x-delivery-count", 0)
        count = int(count) if isinstance(count, int) else 0
        if self._wary and count >= _WARY_FROM:
            raise ConnectionError(
                f"queue {self._queue.name!r} was declared with another {_DELIVERY_LIMIT}, and message "
                f"{ascii(message.message_id)[:150]} was looked at {count} times; RabbitMQ 4 drops it at 20: "
                "move the messages to another queue, delete this one, and let a daemon declare it again"
            )
        return count
