"""Declaring what a client needs, and making do with what it finds where it may not declare."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pika.exceptions import ChannelClosedByBroker, ChannelClosedByClient

from ingestkit_pdf.execution._client.amqp import describe
from ingestkit_pdf.execution._client.script import Call, Script, Steps
from ingestkit_pdf.wire.topology import Binding, Exchange, Queue, Topology

__all__ = ["DeclarationError", "Declarer", "QueueInUseError", "declare_for_client", "open_channel"]

_log = logging.getLogger("ingestkit_pdf.client")

_ACCESS_REFUSED, _NOT_FOUND, _RESOURCE_LOCKED, _PRECONDITION_FAILED = 403, 404, 405, 406


class DeclarationError(Exception):
    """Something that a client cannot do without is absent, and this user may not declare it."""


class QueueInUseError(ConnectionError):
    """Somebody else has the queue, or the lock that guards it, to himself."""


def open_channel(connection: Any, script: Script) -> Call:
    """The call that opens a channel; should it be closed under the script, the script hears of it."""

    def closed(_channel: Any, error: BaseException) -> None:
        if not isinstance(error, ChannelClosedByClient):
            script.fail(error)

    def call(done: Callable[[Any], None]) -> None:
        def opened(channel: Any) -> None:
            channel.add_on_close_callback(closed)
            done(channel)

        connection.channel(on_open_callback=opened)

    return call


class Declarer:
    """Declares on a channel of its own, which it opens again whenever the broker closes it for a refusal.

    Args:
        connection: An open connection.
        script: Runs these steps.
    """

    def __init__(self, connection: Any, script: Script) -> None:
        self._connection = connection
        self._script = script
        self._channel: Any = None

    def exchange(self, exchange: Exchange) -> Steps:
        """Declare an exchange, or use the one that is there."""

        def declare(passive: bool) -> Call:
            return lambda done: self._channel.exchange_declare(
                exchange.name, exchange.kind, passive=passive, durable=True, callback=done
            )

        yield from self._declare(f"exchange {exchange.name!r}", declare)

    def queue(self, queue: Queue) -> Steps:
        """Declare a queue, or use the one that is there; the broker's answer with its counts."""

        def declare(passive: bool) -> Call:
            return lambda done: self._channel.queue_declare(
                queue.name, passive=passive, durable=True, arguments=dict(queue.arguments), callback=done
            )

        return (yield from self._declare(f"queue {queue.name!r}", declare))

    def peek(self, name: str) -> Steps:
        """The broker's counts for a queue, or None where there is none of that name."""
        try:
            yield from self._open()
            return (yield lambda done: self._channel.queue_declare(name, passive=True, callback=done))
        except ChannelClosedByBroker as error:
            if error.reply_code != _NOT_FOUND:
                raise
            return None

    def bind(self, binding: Binding) -> Steps:
        """Bind a queue; a user without the right to takes the binding for granted.

        A job that reaches no queue is returned by the broker, so a binding that is missing is noticed.
        """
        try:
            yield from self._open()
            yield lambda done: self._channel.queue_bind(
                binding.queue, binding.exchange, binding.routing_key, callback=done
            )
        except ChannelClosedByBroker as error:
            if error.reply_code != _ACCESS_REFUSED:
                raise
            _log.debug("binding of queue %r taken for granted: %s", binding.queue, describe(error))

    def lock(self, name: str) -> Steps:
        """Be the only one with this lock: an exclusive queue, which goes with the connection.

        A user without the right to declare it does without.

        Raises:
            QueueInUseError: Somebody else is.
        """
        try:
            yield from self._open()
            yield lambda done: self._channel.queue_declare(
                name, exclusive=True, arguments={"x-queue-type": "classic"}, callback=done
            )
        except ChannelClosedByBroker as error:
            if error.reply_code == _RESOURCE_LOCKED:
                raise QueueInUseError(f"{name!r} says that somebody else has it in exclusive use") from error
            if error.reply_code != _ACCESS_REFUSED:
                raise
            _log.debug("lock %r done without: %s", name, describe(error))

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None and self._channel.is_open:
            self._channel.close()

    def _open(self) -> Steps:
        if self._channel is None or not self._channel.is_open:
            self._channel = yield open_channel(self._connection, self._script)

    def _declare(self, what: str, declare: Callable[[bool], Call]) -> Steps:
        yield from self._open()
        try:
            return (yield declare(False))
        except ChannelClosedByBroker as error:
            if error.reply_code not in {_ACCESS_REFUSED, _PRECONDITION_FAILED}:
                raise
            refusal = error
        if refusal.reply_code == _PRECONDITION_FAILED:
            # The broker's own text names the queue and the argument that differs.
            _log.warning("using %s as it is: %s", what, describe(refusal))
        yield from self._open()
        try:
            return (yield declare(True))
        except ChannelClosedByBroker as error:
            if error.reply_code == _NOT_FOUND:
                raise DeclarationError(
                    f"{what} does not exist and this user may not declare it ({describe(refusal)}); "
                    "run `ingestkit-pdfd topology declare` as a user who may"
                ) from error
            raise DeclarationError(f"{what}: {describe(error)}") from error


def declare_for_client(declarer: Declarer, topology: Topology, lane: str, reply_queue: Queue) -> Steps:
    """Everything a job needs to wait safely for the first daemon, and the queue of its answer."""
    job_queue = topology.job_queue(lane)
    for exchange in topology.exchanges():
        yield from declarer.exchange(exchange)
    yield from declarer.queue(topology.dead_queue)
    answer = yield from declarer.queue(job_queue)
    for binding in topology.bindings([lane]):
        yield from declarer.bind(binding)
    yield from declarer.queue(reply_queue)
    declarer.close()
    if answer.method.consumer_count == 0:
        _log.warning("no daemon consumes lane %r now; jobs wait in queue %r", lane, job_queue.name)
