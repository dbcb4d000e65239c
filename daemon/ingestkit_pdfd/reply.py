"""Publishing what became of a job, again and again until the broker has confirmed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.wire.envelope import Message, in_smaller_parts, same_again
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

_APART_AFTER = 2
"""After so many refusals the fault may be the channel's: each further try has one of its own."""

_FULL_FOR = 60.0
"""Seconds for which a reply queue that stayed full counts as full: what is for it is tried once. Else each of
its results would take a place in the window for as long as the first, and one client hold up all others."""

_SUBMIT_TIMEOUT = 3.0
"""Seconds that a stopping daemon takes for the copy of a job."""

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
        refusals: Told when the broker refuses the connection or a queue, and when it takes a message.
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
        self._full: dict[str, float] = {}  # reply queues, and until when they count as full
        self._largest: int | None = None  # bytes, once the broker has refused a larger message

    async def reply(self, messages: Sequence[Message], reply_to: str) -> None:
        """Answer a client; where its queue is gone or stays full, keep the answer among the orphaned."""
        with self._timed("reply"):
            try:
                await self._send(messages, reply_to, gives_up=True)
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

    async def submit_again(self, message: Message, lane: str) -> bool:
        """Put a copy of the job, with no delivery counted, at the end of its queue; whether it is there.

        It is tried once, since the daemon is stopping.
        """
        queue = self._topology.job_queue(lane).name
        try:
            async with asyncio.timeout(_SUBMIT_TIMEOUT):
                await self._publisher.publish(same_again(message), routing_key=queue)
        except (
            UnroutableError,
            RejectedError,
            TooLargeError,
            BrokerRefusedError,
            BrokerUnavailableError,
            TimeoutError,
        ) as error:
            _log.info("copy_failed", job_id=message.message_id, reason=str(error))
            return False
        return True

    async def _send(self, messages: Sequence[Message], queue: str, *, gives_up: bool = False) -> None:
        """Every part of an answer; in smaller ones where the broker takes less than they have."""
        while True:
            parts, limit = messages, self._largest
            if limit is not None and any(len(part.body) > limit for part in parts):
                parts = in_smaller_parts(messages, limit)
            try:
                for part in parts:
                    await self._confirmed(part, queue, gives_up=gives_up)
            except TooLargeError as error:
                if error.limit == self._largest:
                    continue  # learned from another result meanwhile
                self._largest = error.limit
                _log.warning("message_limit_learned", job_id=messages[0].message_id, limit=error.limit)
            else:
                return

    def _is_full(self, queue: str) -> bool:
        now = time.monotonic()
        self._full = {name: until for name, until in self._full.items() if until > now}
        return queue in self._full

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
        gives_up: bool = False,
    ) -> None:
        """Publish until it is confirmed, or too large.

        Who `gives_up` is told when the queue is gone, or stays full.
        """
        backoff = Backoff(first=0.2, limit=5.0)
        refusals = 0
        is_missing = False
        while True:
            try:
                if is_missing:
                    await self._publisher.declare()
                await self._publisher.publish(
                    message,
                    routing_key=routing_key,
                    exchange=exchange,
                    apart=refusals >= _APART_AFTER or routing_key in self._full,
                )
            except UnroutableError as error:
                if gives_up:
                    raise
                is_missing = True  # one of our own queues was deleted
                reason: Exception = error
            except RejectedError as error:
                refusals += 1
                if gives_up and (refusals >= _REFUSED_REPLIES or self._is_full(routing_key)):
                    self._full[routing_key] = time.monotonic() + _FULL_FOR
                    raise
                reason = error
            except BrokerRefusedError as error:
                self._refusals.add(routing_key, error)
                reason = error
            except BrokerUnavailableError as error:
                reason = error
            else:
                self._full.pop(routing_key, None)
                self._refusals.accepted(routing_key)
                return
            delay = backoff.next()
            self._metrics.publish_failed(_FAILURES[type(reason)])
            _log.warning(
                "publish_failed", job_id=message.message_id, reason=str(reason), retry_in=round(delay, 2)
            )
            await asyncio.sleep(delay)
