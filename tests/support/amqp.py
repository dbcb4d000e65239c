"""Looking into a broker from a test."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology

__all__ = ["assert_queues_empty", "channel", "depth", "publish", "take", "take_all"]


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    """A channel with confirms on a connection of its own."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        opened = connection.channel()
        opened.confirm_delivery()
        yield opened
    finally:
        connection.close()


def publish(url: str, message: Message, *, exchange: str, routing_key: str, **properties: Any) -> None:
    """Publish a message as it stands, valid or not."""
    known: Mapping[str, Any] = {
        "type": message.type,
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        "headers": dict(message.headers),
        "delivery_mode": 2,
    }
    with channel(url) as opened:
        opened.basic_publish(
            exchange,
            routing_key,
            message.body,
            pika.BasicProperties(**{**known, **properties}),
            mandatory=True,
        )


def take(url: str, queue: str, *, timeout: float = 20.0) -> Message:
    """Take one message off a queue, waiting for it."""
    return take_all(url, queue, count=1, timeout=timeout)[0]


def take_all(url: str, queue: str, *, count: int, timeout: float = 20.0) -> list[Message]:
    """Take so many messages off a queue, waiting for them."""
    taken: list[Message] = []
    deadline = time.monotonic() + timeout
    with channel(url) as opened:
        while len(taken) < count:
            method, properties, body = opened.basic_get(queue, auto_ack=True)
            if method is not None:
                taken.append(_message(properties, body))
            elif time.monotonic() > deadline:
                raise AssertionError(f"{len(taken)} of {count} messages in {queue} within {timeout:g} s")
            else:
                opened.connection.sleep(0.02)
    return taken


def _message(properties: pika.BasicProperties, body: bytes) -> Message:
    return Message(
        body=body,
        type=properties.type,
        message_id=properties.message_id,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        headers=properties.headers or {},
    )


def depth(url: str, queue: str) -> int:
    """Messages that are ready in a queue."""
    with channel(url) as opened:
        return int(opened.queue_declare(queue, passive=True).method.message_count)


def assert_queues_empty(url: str, *, parked: int = 0, lanes: Sequence[str] = ("default",)) -> None:
    """No job waits anywhere, and so many are among the dead letters."""
    names = Topology()
    left = {queue.name: depth(url, queue.name) for queue in names.queues(lanes)}
    assert left.pop(names.dead_queue.name) == parked
    assert set(left.values()) == {0}, left
