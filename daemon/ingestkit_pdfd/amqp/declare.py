"""Declaring the topology."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.exceptions import ChannelAccessRefused

from ingestkit_pdf.wire.topology import Exchange, Queue, Topology

from .connection import BrokerRefusedError, BrokerUnavailableError, translated

__all__ = ["declare_side_exchanges", "declare_topology", "inspect_topology"]


async def declare_topology(
    connection: AbstractConnection, topology: Topology, lanes: Sequence[str], *, timeout: float
) -> None:
    """Declare every exchange, queue and binding; what is there already, and the same, stays.

    A user without the right to configure gets by when all of it is there.

    Raises:
        BrokerRefusedError: Something exists with other arguments, or is missing and may not be declared.
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    try:
        await _declare(connection, topology, lanes, passive=False, timeout=timeout)
    except BrokerRefusedError as refused:
        if not isinstance(refused.__cause__, ChannelAccessRefused):
            raise
        try:
            await _declare(connection, topology, lanes, passive=True, timeout=timeout)
        except BrokerUnavailableError as error:
            if not _is_missing(error):
                raise
            raise BrokerRefusedError(
                f"{error}; and the daemon's user may not declare it: "
                "run `ingestkit-pdfd topology declare` as a user who may"
            ) from error


async def _declare(
    connection: AbstractConnection,
    topology: Topology,
    lanes: Sequence[str],
    *,
    passive: bool,
    timeout: float,
) -> None:
    with translated("open a channel"):
        channel = connection.channel()
        await channel.initialize(timeout=timeout)
    for exchange in topology.exchanges():
        with translated(f"declare exchange {exchange.name}"):
            await channel.declare_exchange(
                exchange.name, exchange.kind, durable=True, passive=passive, timeout=timeout
            )
    queues = {}
    for queue in topology.queues(lanes):
        with translated(f"declare queue {queue.name}"):
            queues[queue.name] = await channel.declare_queue(
                queue.name, durable=True, arguments=dict(queue.arguments), passive=passive, timeout=timeout
            )
    for binding in () if passive else topology.bindings(lanes):
        with translated(f"bind queue {binding.queue}"):
            await queues[binding.queue].bind(binding.exchange, binding.routing_key, timeout=timeout)
    with translated("close a channel"):
        await channel.close()


async def declare_side_exchanges(
    connection: AbstractConnection, topology: Topology, *, timeout: float
) -> None:
    """Declare what requests and events need, for users that may not.

    Raises:
        BrokerRefusedError: Something exists otherwise, or may not be declared.
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    for exchange in topology.side_exchanges():
        await _declare_alone(connection, exchange, passive=False, timeout=timeout)


def _is_missing(error: BrokerUnavailableError) -> bool:
    """Whether it does not exist; RabbitMQ says NOT_FOUND of a queue whose node is down as well."""
    cause = error.__cause__
    return (
        isinstance(cause, ChannelNotFoundEntity)
        and re.search(r"no (queue|exchange) '", str(cause)) is not None
    )


async def inspect_topology(
    connection: AbstractConnection, topology: Topology, lanes: Sequence[str], *, timeout: float
) -> tuple[list[str], list[str]]:
    """Compare what exists on the broker with what the daemon needs, and change nothing.

    Returns:
        The names of what does not exist yet, and one line for each that exists otherwise.
    """
    missing: list[str] = []
    differing: list[str] = []
    needed: tuple[Exchange | Queue, ...] = (*topology.exchanges(), *topology.queues(lanes))
    for wanted in needed:
        try:
            await _declare_alone(connection, wanted, passive=True, timeout=timeout)
        except BrokerUnavailableError as error:
            if not isinstance(error.__cause__, ChannelNotFoundEntity):
                raise
            missing.append(wanted.name)
            continue
        try:
            # Declaring what exists only compares it.
            await _declare_alone(connection, wanted, passive=False, timeout=timeout)
        except BrokerRefusedError as error:
            if not isinstance(error.__cause__, ChannelAccessRefused):
                differing.append(str(error))
    return missing, differing


async def _declare_alone(
    connection: AbstractConnection, wanted: Exchange | Queue, *, passive: bool, timeout: float
) -> None:
    """Declare one of them on a channel of its own, since a refusal closes the channel."""
    kind = type(wanted).__name__.lower()
    with translated(f"declare {kind} {wanted.name}"):
        async with connection.channel() as channel:
            if isinstance(wanted, Exchange):
                await channel.declare_exchange(
                    wanted.name, wanted.kind, durable=True, passive=passive, timeout=timeout
                )
            else:
                await channel.declare_queue(
                    wanted.name,
                    durable=True,
                    arguments=dict(wanted.arguments),
                    passive=passive,
                    timeout=timeout,
                )
