"""What the user may do on the broker and how large a message may be, asked so that the answer is always no.

Each question is a request that the broker refuses whatever the rights: a queue whose messages live for less
than no time, a message whose expiration is no number, a consumer whose priority is none. RabbitMQ looks at
the rights first, so which refusal comes back tells them apart (3.10.8 and 4.0.5), and nothing is declared,
published or consumed. Rights are patterns on names, be it a queue or an exchange that has the name.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused

from ingestkit_pdf.wire.refusals import size_limit
from ingestkit_pdf.wire.topology import Topology

from .connection import translated

__all__ = [
    "MissingRight",
    "broker_version",
    "largest_message",
    "may_write",
    "missing_rights",
    "missing_side_rights",
]

DEFAULT_EXCHANGE = "amq.default"
"""What RabbitMQ calls the exchange without a name where it is about rights."""


@dataclass(frozen=True, slots=True, order=True)
class MissingRight:
    """A right that the daemon needs and its user does not have: `configure`, `write` or `read` on `name`."""

    right: str
    name: str


def broker_version(connection: AbstractConnection) -> tuple[int, ...]:
    """What the broker says of itself, (3, 10, 8); empty where that is no version."""
    transport = connection.transport
    stated = transport.connection.server_properties.get("version") if transport else None
    text = stated.decode("ascii", "replace") if isinstance(stated, bytes) else str(stated)
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


async def missing_rights(
    connection: AbstractConnection,
    topology: Topology,
    lanes: Sequence[str],
    *,
    absent: Collection[str] = (),
    timeout: float,
) -> list[MissingRight]:
    """The rights that are missing, where the queues and exchanges called `absent` are still to be declared.

    Raises:
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    return await _missing(connection, _needed(topology, lanes, absent), timeout)


async def missing_side_rights(
    connection: AbstractConnection, topology: Topology, *, timeout: float
) -> list[MissingRight]:
    """The rights that are missing to hear requests and to publish events; jobs go on without them.

    Raises:
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    own = topology.control_queue(uuid.uuid4().hex).name
    needed = {MissingRight(right, own) for right in ("configure", "write", "read")}
    needed.add(MissingRight("read", topology.control_exchange.name))
    needed.add(MissingRight("write", topology.events_exchange.name))
    return await _missing(connection, needed, timeout)


async def _missing(
    connection: AbstractConnection, needed: Collection[MissingRight], timeout: float
) -> list[MissingRight]:
    questions = {"configure": _configure, "write": _write, "read": _read}
    return [
        right
        for right in sorted(needed)
        if await _is_refused(connection, right.name, questions[right.right], timeout)
    ]


async def may_write(connection: AbstractConnection, exchange: str, *, timeout: float) -> bool:
    """Whether the user may publish to this exchange, which exists.

    Raises:
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    return not await _is_refused(connection, exchange, _write, timeout)


async def largest_message(connection: AbstractConnection, size: int, *, timeout: float) -> int | None:
    """The bytes that the broker takes in a message, if that is less than `size`; else None.

    Raises:
        BrokerUnavailableError: The connection was lost meanwhile, or sending `size` bytes took too long.
    """
    with translated("ask for the largest message"):
        try:
            await _ask(connection, lambda channel: _publish(channel, "", bytes(size)), timeout)
        except ChannelPreconditionFailed as error:
            return size_limit(str(error))
        except ChannelAccessRefused:
            return None  # it was not too large; the rights are another question
    return None


def _needed(topology: Topology, lanes: Sequence[str], absent: Collection[str]) -> set[MissingRight]:
    needed = {MissingRight("write", DEFAULT_EXCHANGE), MissingRight("write", topology.dead_exchange.name)}
    needed |= {MissingRight("read", topology.job_queue(lane).name) for lane in lanes}
    needed |= {MissingRight("configure", name) for name in absent}
    for queue in topology.queues(lanes):
        target = queue.arguments.get("x-dead-letter-exchange")
        if queue.name in absent and isinstance(target, str):
            needed |= {MissingRight("read", queue.name), MissingRight("write", target)}
    for binding in topology.bindings(lanes):
        if binding.queue in absent or binding.exchange in absent:
            needed |= {MissingRight("write", binding.queue), MissingRight("read", binding.exchange)}
    return needed


async def _is_refused(
    connection: AbstractConnection,
    name: str,
    question: Callable[[AbstractChannel, str], Awaitable[object]],
    timeout: float,
) -> bool:
    with translated(f"ask for the rights on {name}"):
        try:
            await _ask(connection, lambda channel: question(channel, name), timeout)
        except ChannelAccessRefused:
            return True
        except (ChannelPreconditionFailed, ChannelNotFoundEntity):
            return False
    return False


async def _ask(
    connection: AbstractConnection, question: Callable[[AbstractChannel], Awaitable[object]], timeout: float
) -> None:
    """Ask on a channel of its own, since the refusal closes it."""
    async with asyncio.timeout(timeout), connection.channel() as channel:
        await question(await channel.get_underlay_channel())


async def _configure(channel: AbstractChannel, name: str) -> None:
    await channel.queue_declare(name, durable=True, arguments={"x-message-ttl": -1})


async def _write(channel: AbstractChannel, name: str) -> None:
    await _publish(channel, "" if name == DEFAULT_EXCHANGE else name, b"")


async def _publish(channel: AbstractChannel, exchange: str, body: bytes) -> None:
    await channel.basic_publish(
        body, exchange=exchange, routing_key="", properties=spec.Basic.Properties(expiration="never")
    )


async def _read(channel: AbstractChannel, name: str) -> None:
    async def ignore(_message: DeliveredMessage) -> None:
        """Nothing is delivered."""

    await channel.basic_consume(name, ignore, arguments={"x-priority": "none"})
