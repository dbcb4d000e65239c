"""Everything about the broker that would keep the daemon from working; nothing is changed there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence

from ingestkit_pdf.wire.topology import Topology

from .amqp import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    BrokerUntrustedError,
    Connection,
    broker_version,
    close_quietly,
    connect,
    inspect_topology,
    largest_message,
    missing_rights,
)
from .findings import Finding
from .memory import memory_here
from .settings import DaemonSettings

__all__ = ["check_broker", "examine", "limits"]

_OLDEST = (3, 10)
_DELIVERY_LIMIT_FROM, _DELIVERY_LIMIT = (4,), 20
"""From this version on, a quorum queue that says nothing else drops or dead-letters what came so often."""

_MESSAGE_LIMIT, _MESSAGE_LIMIT_BEFORE = 16 * 1024 * 1024, 128 * 1024 * 1024
"""Bytes of a message, from version 4 on and before, where the operator has not said otherwise."""


async def check_broker(settings: DaemonSettings) -> AsyncIterator[Finding]:
    """The connection, what exists on the broker already, rights, and limits that contradict ours."""
    address = BrokerAddress.of(settings)
    subject = f"broker {address}"
    try:
        connection = await connect(address, "ingestkit-pdfd check")
    except BrokerUntrustedError as error:
        yield Finding(subject, str(error), "then run this again; docs/how-to/tls.md has more")
        return
    except BrokerRefusedError as error:
        yield Finding(subject, str(error), "correct amqp_url, or the rights of its user on the broker")
        return
    except BrokerUnavailableError as error:
        yield Finding(subject, str(error), "start the broker, or correct host and port of amqp_url")
        return
    try:
        yield Finding(subject)
        topology = Topology(settings.prefix)
        absent, differing = await inspect_topology(
            connection, topology, settings.lanes, timeout=settings.connect_timeout
        )
        for finding in _queues(absent, differing):
            yield finding
        for finding in await examine(connection, settings, absent=absent):
            yield finding
    except (BrokerRefusedError, BrokerUnavailableError) as error:
        yield Finding("queues", str(error), "look at the broker's log")
    finally:
        await close_quietly(connection)


def _queues(absent: Sequence[str], differing: Sequence[str]) -> Iterator[Finding]:
    for line in differing:
        yield Finding("queues", line, "delete the queue once it is empty, or choose another prefix")
    if absent:
        note = f"{len(absent)} do not exist yet; the daemon declares them when it starts"
        yield Finding("queues", None, note)
    elif not differing:
        yield Finding("queues")


async def examine(
    connection: Connection, settings: DaemonSettings, *, absent: Collection[str] = ()
) -> list[Finding]:
    """Rights and limits, for a daemon that finds the queues and exchanges of the names `absent` not declared.

    Raises:
        BrokerUnavailableError: The connection was lost meanwhile.
    """
    timeout = settings.connect_timeout
    missing = await missing_rights(
        connection, Topology(settings.prefix), settings.lanes, absent=absent, timeout=timeout
    )
    rights = [
        Finding(
            "rights",
            f"the daemon's user has no right to {needed.right} {needed.name}",
            "rabbitmqctl set_permissions, or deploy/rabbitmq/definitions.json, gives it"
            + (", or run `ingestkit-pdfd topology declare` as a user who has it" if absent else ""),
        )
        for needed in missing
    ]
    largest = await largest_message(connection, settings.inline_limit, timeout=timeout)
    found = limits(settings, broker_version(connection), largest, memory_here())
    return [*(rights or [Finding("rights")]), *found]


def limits(
    settings: DaemonSettings, version: tuple[int, ...], largest: int | None, memory: int
) -> Iterator[Finding]:
    """Limits of the broker that contradict the daemon's.

    Args:
        settings: The daemon's.
        version: The broker's; empty for unknown.
        largest: Bytes that the broker takes in a message, where that is less than `inline_limit`.
        memory: Bytes of memory that the daemon and its workers have.
    """
    subject = f"broker version {'.'.join(map(str, version)) or 'unknown'}"
    if version and version < _OLDEST:
        problem = "its quorum queues do not dead-letter at least once, so that dead letters can be lost"
        yield Finding(subject, problem, "upgrade it to 3.10 or later")
    else:
        yield Finding(subject)
    allowed = settings.delivery_limit or (_DELIVERY_LIMIT if version >= _DELIVERY_LIMIT_FROM else None)
    if allowed is not None and settings.max_deliveries >= allowed:
        yield Finding(
            "delivery limit",
            f"the broker takes a job away after {allowed} deliveries, max_deliveries is "
            f"{settings.max_deliveries}: its client would not be told",
            f"lower max_deliveries below {allowed}; or, where a policy allows more deliveries, say so with "
            "delivery_limit",
        )
    message = largest or (_MESSAGE_LIMIT if version >= _DELIVERY_LIMIT_FROM else _MESSAGE_LIMIT_BEFORE)
    held = settings.effective_prefetch * len(settings.lanes)
    if held * message > memory:
        yield Finding(
            "memory of deliveries",
            f"a message is held whole before it can be refused, and {held} of {message >> 20} MiB (the "
            f"broker's limit, unless that was changed) are more than the {memory >> 20} MiB there are",
            "lower prefetch, or max_message_size on the broker",
            fatal=False,
        )
    if largest is not None:
        yield Finding(
            "message size",
            f"the broker takes at most {largest} bytes in a message, inline_limit is "
            f"{settings.inline_limit}: larger documents cannot be sent inline, results come in smaller parts",
            "raise max_message_size on the broker, or lower inline_limit here and in the clients",
            fatal=False,
        )
