"""Asking every daemon for something, and hearing what they tell: scripts on an open connection."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from ingestkit_pdf.execution._client.amqp import describe, properties_of, to_message
from ingestkit_pdf.execution._client.declare import Declarer, open_channel
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.models import JobProgress
from ingestkit_pdf.wire.envelope import InvalidMessageError, Message, decode_event
from ingestkit_pdf.wire.topology import Topology

__all__ = ["RefusedError", "send", "subscribe"]

_log = logging.getLogger("ingestkit_pdf.client")

_ACCESS_REFUSED, _NOT_FOUND = 403, 404


class RefusedError(Exception):
    """The broker does not let this user do it; `str()` tells what it was."""


def send(connection: Any, script: Script, topology: Topology, messages: Sequence[Message]) -> Steps:
    """Publish requests, and return whether a daemon has heard each of them.

    Raises:
        RefusedError: This user may not.
    """
    exchange = topology.control_exchange.name
    waiting: list[Callable[[Any], None]] = []
    returned: list[Any] = []

    def confirmed(frame: Any) -> None:
        waiting.pop()(frame)

    try:
        with _refusals(f"requests to daemons (exchange {exchange!r})"):
            channel = yield open_channel(connection, script)
            channel.add_on_return_callback(lambda *answer: returned.append(answer))
            yield lambda done: channel.confirm_delivery(confirmed, callback=done)
            for message in messages:

                def publish(done: Callable[[Any], None], message: Message = message) -> None:
                    waiting.append(done)
                    properties = properties_of(message)
                    channel.basic_publish(exchange, "", message.body, properties, mandatory=True)

                yield publish
            channel.close()
    except ChannelClosedByBroker as error:
        if error.reply_code != _NOT_FOUND:
            raise
        return False  # no daemon has declared the exchange yet
    return not returned


def subscribe(
    connection: Any,
    script: Script,
    topology: Topology,
    client_id: str,
    on_event: Callable[[JobProgress], None],
) -> Steps:
    """Hear of the jobs of this client from now on, and return the channel: closing it ends that.

    Raises:
        RefusedError: This user may not.
        DeclarationError: There is no exchange for it, and this user may not declare one.
    """
    exchange = topology.events_exchange
    declarer = Declarer(connection, script)
    for needed in topology.side_exchanges():  # the other one is to ask for events
        yield from declarer.exchange(needed)
    declarer.close()
    queue = topology.event_queue(client_id, uuid.uuid4().hex)

    def on_message(_channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        try:
            progress = decode_event(to_message(properties, body))
        except InvalidMessageError as error:
            _log.debug("a message in exchange %r is no event and was dropped: %s", exchange.name, error)
        else:
            on_event(progress)

    with _refusals(f"events of jobs (exchange {exchange.name!r}, queue {queue.name!r})"):
        channel = yield open_channel(connection, script)
        yield lambda done: channel.queue_declare(
            queue.name, exclusive=True, auto_delete=True, arguments=dict(queue.arguments), callback=done
        )
        yield lambda done: channel.queue_bind(
            queue.name, exchange.name, topology.event_key_of_all(client_id), callback=done
        )
        yield lambda done: channel.basic_consume(queue.name, on_message, auto_ack=True, callback=done)
    return channel


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except ChannelClosedByBroker as error:
        if error.reply_code == _ACCESS_REFUSED:
            raise RefusedError(
                f"this user has no right to {what}: {describe(error)}; "
                "docs/reference/wire.md lists the rights"
            ) from error
        raise
