"""Publishing what became of a job, again and again until the broker has confirmed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.wire.envelope import Message, in_smaller_parts
from ingestkit_pdf.wire.topology import Topology

from .amqp import (
    BrokerRefusedError,
    BrokerUnavailableError,
    Publisher,
    RejectedError,
    TooLargeError,
    UnroutableError,
)
from .metrics import Metrics, PublishFailure, PublishKind
from .refusals import Refusals

__all__ = ["Outbox"]

_log = structlog.stdlib.get_logger(__name__)

_REFUSED_REPLIES = 12
"""So often, for 18 to 36 seconds, a reply queue may refuse a reply before that goes to the orphaned ones: it
is full, or its node is being replaced, which has taken up to 12 seconds."""

_RENEW_AFTER, _RENEW_EVERY = 2, 5.0
"""After so many refusals the fault may be the connection's: it is opened anew, so many seconds apart."""

_FAILURES: Mapping[type[Exception], PublishFailure] = {
    UnroutableError: "unroutable",
    RejectedError: "rejected",
    BrokerRefusedError: "refused",
    BrokerUnavailableError: "unavailable",
}


class Outbox:
    """Where replies, retries and dead letters go out. Each call returns once the broker is answerable.

    Args:
        publisher: The publishing connection.
        topology: The names of the queues.
        refusals: Told when the broker refuses the connection itself, and when it takes a message.
        metrics: Counts what goes out, and what does not.
    """

    def __init__(
        self,
        publisher: Publisher,
        topology: Topology,
        refusals: Refusals,
        metrics: Metrics,
    ) -> None:
        self._publisher = publisher
        self._topology = topology
        self._refusals = refusals
        self._metrics = metrics
        self._largest: int | None = None  # bytes, once the broker has refused a larger message

    async def reply(self, messages: Sequence[Message], reply_to: str) -> None:
        """Answer a client; where its queue is gone or stays full, keep the answer among the orphaned."""
        with self._timed("reply"):
            try:
                await self._send(messages, reply_to, give_up_after=_REFUSED_REPLIES)
            except (UnroutableError, RejectedError) as error:
                self._metrics.reply_orphaned()
                _log.warning("reply_orphaned", job_id=messages[0].message_id, reason=str(error))
                await self._send(messages, self._topology.orphaned_queue.name)

    async def retry(self, message: Message, lane: str, delay: int) -> None:
        """Put the job onto the rung of `delay` seconds.

        Raises:
            TooLargeError: The broker takes less by now than when the job was submitted.
        """
        with self._timed("retry"):
            await self._confirmed(message, self._topology.retry_queue(lane, delay).name)

    async def park(self, message: Message, lane: str) -> None:
        """Put the job among the dead letters.

        Raises:
            TooLargeError: The broker takes less by now than when the job was submitted.
        """
        with self._timed("dead"):
            await self._confirmed(message, lane, exchange=self._topology.dead_exchange.name)

    async def _send(
        self, messages: Sequence[Message], queue: str, *, give_up_after: int | None = None
    ) -> None:
        """Every part of an answer; in smaller ones where the broker takes less than they have."""
        while True:
            parts, limit = messages, self._largest
            if limit is not None and any(len(part.body) > limit for part in parts):
                parts = in_smaller_parts(messages, limit)
            try:
                for part in parts:
                    await self._confirmed(part, queue, give_up_after=give_up_after)
            except TooLargeError as error:
                if error.limit == self._largest:
                    continue  # learned from another result meanwhile
                self._largest = error.limit
                _log.warning("message_limit_learned", job_id=messages[0].message_id, limit=error.limit)
            else:
                return

    @contextmanager
    def _timed(self, kind: PublishKind) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._metrics.published(kind, time.monotonic() - started)

    async def _confirmed(
        self,
        message: Message,
        routing_key: str,
        *,
        exchange: str = "",
        give_up_after: int | None = None,
    ) -> None:
        """Publish until it is confirmed, or too large.

        With `give_up_after`, what the queue itself says is raised.
        """
        backoff = Backoff(first=0.2, limit=5.0)
        refusals = 0
        is_missing = False
        while True:
            try:
                if is_missing:
                    await self._publisher.declare()
                await self._publisher.publish(message, routing_key=routing_key, exchange=exchange)
                return self._refusals.accepted()
            except UnroutableError as error:
                if give_up_after is not None:
                    raise
                is_missing = True  # one of our own queues was deleted
                reason: Exception = error
            except RejectedError as error:
                refusals += 1
                if give_up_after is not None and refusals >= give_up_after:
                    raise
                if refusals >= _RENEW_AFTER:
                    await self._publisher.renew(older_than=_RENEW_EVERY)
                reason = error
            except BrokerRefusedError as error:
                self._refusals.add(error)
                reason = error
            except BrokerUnavailableError as error:
                reason = error
            delay = backoff.next()
            self._metrics.publish_failed(_FAILURES[type(reason)])
            _log.warning(
                "publish_failed", job_id=message.message_id, reason=str(reason), retry_in=round(delay, 2)
            )
            await asyncio.sleep(delay)
