"""Looking into a broker from a test."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from ingestkit_pdf.execution._client.amqp import properties_of, to_message
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology

__all__ = ["assert_queues_empty", "channel", "depth", "exists", "publish", "take", "take_all"]


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
    stated = properties_of(message)
    for name, value in properties.items():
        setattr(stated, name, value)
    with channel(url) as opened:
        opened.basic_publish(
            exchange,
            routing_key,
            message.body,
            stated,
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
                taken.append(to_message(properties, body))
            elif time.monotonic() > deadline:
                raise AssertionError(f"{len(taken)} of {count} messages in {queue} within {timeout:g} s")
            else:
                opened.connection.sleep(0.02)
    return taken


def depth(url: str, queue: str) -> int:
    """Messages that are ready in a queue."""
    with channel(url) as opened:
        return int(opened.queue_declare(queue, passive=True).method.message_count)


def exists(url: str, queue: str) -> bool:
    """Whether there is a queue of this name."""
    try:
        depth(url, queue)
    except ChannelClosedByBroker as error:
        if error.reply_code == 404:
            return False
        raise
    return True


def assert_queues_empty(url: str, *, parked: int = 0, lanes: Sequence[str] = ("default",)) -> None:
    """No job waits anywhere, and so many are among the dead letters."""
    names = Topology()
    left = {queue.name: depth(url, queue.name) for queue in names.queues(lanes)}
    assert left.pop(names.dead_queue.name) == parked, "dead letters"
    assert set(left.values()) == {0}, left
