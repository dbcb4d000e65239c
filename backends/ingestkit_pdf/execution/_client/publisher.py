"""Jobs on their way to the broker: published, confirmed, returned, refused, or published again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from pika import spec
from pika.exceptions import ChannelClosedByBroker, ChannelClosedByClient

from ingestkit_pdf.execution._client.amqp import describe, properties_of
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.refusals import size_limit

__all__ = ["Publication", "Publisher"]

_MAX_CHANNEL_CLOSURES = 3
_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt at a job that was refused. A quorum queue without a leader refuses as a
full one does; and the channel that it was refused on may go on refusing when there has long been another
leader (3.10.8, cluster of three), so each attempt gets a channel of its own."""

_LAST_CONFIRMS = 2.0
"""Seconds in which a channel that is to be given up may answer for what was published on it: what it leaves
unanswered is published again, and a job whose confirm was on its way then runs twice."""


class Publication:
    """One job until the broker has answered for it. `wait` is for the caller, the rest for the I/O thread.

    Args:
        message: The job.
        deadline: On the monotonic clock; not published after it.
    """

    def __init__(self, message: Message, deadline: float) -> None:
        self.message = message
        self.job_id = message.message_id or ""
        self.deadline = deadline
        self.uncertain = False  # on the wire, and the broker has not said what became of it
        self.redeclared = False  # since it was returned, so that it is published a second time
        self.channel_closures = 0  # that may have been its fault
        self.nacks = 0
        self.returned: str | None = None
        self.failure: str | None = None
        self.is_answered = False  # nothing more will come of it
        self._abandoned = False
        # Released by the answer. An Event is three locks, which the two threads then fight for.
        self._answer = threading.Lock()
        self._answer.acquire()

    @property
    def is_open(self) -> bool:
        """True while somebody waits for the broker's answer and the deadline has not passed."""
        return not self._abandoned and not self.is_answered and time.monotonic() < self.deadline

    @property
    def pause(self) -> float | None:
        """Seconds until it is to be tried again after a refusal; None when it is not, or that is too late."""
        if self.nacks == len(_PAUSES):
            return None
        pause = _PAUSES[self.nacks]
        return pause if time.monotonic() + pause < self.deadline else None

    @property
    def is_confirmed(self) -> bool:
        """True when the broker has the job."""
        return self.is_answered and self.failure is None

    def settle(self, failure: str | None) -> None:
        """The broker has answered: it has the job, or `failure` says why not."""
        self.uncertain = False
        self.fail(failure)

    def fail(self, failure: str | None) -> None:
        """Nothing more will come of it; whether the broker has the job may be uncertain."""
        if not self.is_answered:
            self.failure, self.is_answered = failure, True
            self._answer.release()

    def wait(self) -> bool:
        """Wait until the deadline, once; True when there is an answer."""
        return self._answer.acquire(timeout=max(0.0, self.deadline - time.monotonic()))

    def abandon(self) -> None:
        """Nobody waits any more: do not publish it (again)."""
        self._abandoned = True


class Publisher:
    """Publishes with `mandatory` and confirms; owned by the I/O thread.

    What a lost connection left unanswered is published again, in its order and under its job id.

    Args:
        exchange: Where jobs go.
        routing_key: The lane.
        on_unroutable: Called once for a job that reached no queue; it is published again after `resume`.
        on_stale: Called when jobs were refused on this channel, after a pause, and it has answered for the
            others; they are published again on the channel that `start` is given next.
        call_later: Calls a function after so many seconds, on the I/O thread.
    """

    def __init__(
        self,
        exchange: str,
        routing_key: str,
        on_unroutable: Callable[[], None],
        on_stale: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._exchange = exchange
        self._routing_key = routing_key
        self._on_unroutable = on_unroutable
        self._on_stale = on_stale
        self._call_later = call_later
        self._paused = False
        self._retiring = False  # the channel is given up when it has answered
        self._waiting: deque[Publication] = deque()
        self._nacked: list[Publication] = []
        self._unconfirmed: dict[int, Publication] = {}
        self._channel: Any = None
        self._tag = 0
        self.blocked: str | None = None

    def add(self, publication: Publication) -> None:
        """Publish as soon as there is a channel."""
        self._waiting.append(publication)
        self.flush()

    def withdraw(self, publication: Publication) -> None:
        """Let go of a job that nobody waits for any more; one that is on its way may still be confirmed."""
        publication.abandon()
        with contextlib.suppress(ValueError):
            self._waiting.remove(publication)
        with contextlib.suppress(ValueError):
            self._nacked.remove(publication)

    def attach(self, channel: Any, confirmed: Callable[[Any], None]) -> None:
        """Put a new channel into confirm mode; `confirmed` is called once it is."""
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(partial(self._on_confirm, channel), callback=confirmed)

    def start(self, channel: Any) -> None:
        """Publish on this channel from now on."""
        self._channel, self._tag, self._retiring = channel, 0, False
        self.resume()

    def pause(self) -> None:
        """Publish nothing for now."""
        self._paused = True

    def resume(self) -> None:
        """Publish what waits."""
        self._paused = False
        self.flush()

    def hang_up(self) -> None:
        """Give up the channel: what is unconfirmed waits for the next one."""
        channel = self._channel
        self.lost(ChannelClosedByClient(200, "given up"))
        if channel is not None and channel.is_open:
            channel.close()

    def lost(self, error: BaseException) -> None:
        """The channel is gone: what is unconfirmed waits for the next one, unless it is to blame."""
        self._channel = None
        unconfirmed = [*self._unconfirmed.values()]
        self._unconfirmed.clear()
        if isinstance(error, ChannelClosedByBroker):
            unconfirmed = [job for job in unconfirmed if not _is_to_blame(job, error)]
        self._waiting.extendleft(reversed([*unconfirmed, *self._nacked]))
        self._nacked.clear()

    def fail_all(self, reason: str) -> None:
        """Give up on everything, with the reason."""
        jobs = [*self._unconfirmed.values(), *self._waiting, *self._nacked]
        self._unconfirmed.clear()
        self._waiting.clear()
        self._nacked.clear()
        for job in jobs:
            job.fail(reason)

    @property
    def _can_publish(self) -> bool:
        is_free = self.blocked is None and not self._paused and not self._retiring
        return is_free and self._channel is not None and bool(self._channel.is_open)

    def flush(self) -> None:
        """Publish what waits, unless there is no channel or the broker has blocked us."""
        while self._waiting and self._can_publish:
            job = self._waiting.popleft()
            if not job.is_open:
                continue
            self._tag += 1
            self._unconfirmed[self._tag] = job
            job.uncertain = True
            self._channel.basic_publish(
                self._exchange,
                self._routing_key,
                job.message.body,
                properties_of(job.message),
                mandatory=True,
            )

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        # A return comes before the confirm of the same message, so it only leaves its mark here.
        for job in self._unconfirmed.values():
            if job.job_id == properties.message_id and job.returned is None:
                job.returned = method.reply_text
                return

    def _on_confirm(self, channel: Any, frame: Any) -> None:
        if channel is not self._channel:
            return  # of one that was given up: its numbers mean nothing here
        method = frame.method
        if method.multiple:
            tags = [
                tag
                for tag in self._unconfirmed
                if method.delivery_tag in {0, tag} or tag < method.delivery_tag
            ]
        else:
            tags = [method.delivery_tag]
        refused = isinstance(method, spec.Basic.Nack)
        for tag in tags:
            job = self._unconfirmed.pop(tag, None)
            if job is None:
                continue
            if job.returned is not None and not job.redeclared:
                # The queue may have been deleted under us: declare it again, and try once more.
                job.returned, job.redeclared = None, True
                self._waiting.appendleft(job)
                self._on_unroutable()
            elif refused and (pause := job.pause) is not None:
                self._try_later(job, pause)
            else:
                job.settle(self._failure(job, refused=refused))
        if self._retiring and not self._unconfirmed:
            self._retire(channel)

    def _try_later(self, job: Publication, pause: float) -> None:
        job.nacks += 1
        job.uncertain = False
        if not self._nacked:
            self._call_later(pause, self._try_nacked)
        self._nacked.append(job)

    def _try_nacked(self) -> None:
        if not self._nacked:
            return  # the channel was lost meanwhile, and they have gone to the next one
        self._waiting.extendleft(reversed(self._nacked))
        self._nacked.clear()
        self._retiring = True
        if self._unconfirmed:
            self._call_later(_LAST_CONFIRMS, partial(self._retire, self._channel))
        else:
            self._retire(self._channel)

    def _retire(self, channel: Any) -> None:
        if self._retiring and channel is self._channel:
            self._retiring = False
            self._on_stale()

    def _failure(self, job: Publication, *, refused: bool) -> str | None:
        if job.returned is not None:
            return (
                f"no queue takes jobs of lane {self._routing_key!r} ({job.returned}): no daemon has declared "
                "it; start one with this lane, or name another"
            )
        if refused:
            return (
                f"the broker refused it: the queue of lane {self._routing_key!r} is full, or its node is "
                "being replaced; try again later"
            )
        return None


def _is_to_blame(job: Publication, error: ChannelClosedByBroker) -> bool:
    """Settle `job` if the broker closed the channel because of it; the broker does not say which it was."""
    limit = size_limit(error.reply_text)
    if limit is not None:
        if len(job.message.body) <= limit:
            return False
        job.settle(f"the broker takes messages of at most {limit} bytes; lower inline_limit to send its path")
        return True
    job.channel_closures += 1
    if job.channel_closures < _MAX_CHANNEL_CLOSURES:
        return False
    job.settle(f"the broker refuses to take it: {describe(error)}")
    return True
