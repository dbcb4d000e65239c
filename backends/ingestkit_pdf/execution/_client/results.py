"""Results between their arrival and their hand-over; free of pika and of the network.

A result stays in its queue, unacknowledged, until it is claimed. Meanwhile it is held here as it came
(compressed, in parts), and found again when the broker delivers it a second time after a reconnect.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ingestkit_pdf.errors import ExecutionError, JobNotFoundError
from ingestkit_pdf.execution._client.answer import Answer, ClaimedAnswers, Delivery
from ingestkit_pdf.wire.envelope import ResultPart

__all__ = ["ResultStore", "Waiter"]

_log = logging.getLogger("ingestkit_pdf.client")

AnswerKey = tuple[str, int]  # of a ResultPart

_LEFTOVER_AFTER = 24 * 3600.0
"""Seconds without a new part after which no more are expected. A daemon that could not send the rest has sent
the whole answer to the orphaned ones; but while publishers are blocked it waits, and then goes on."""


@dataclass(slots=True)
class _Held:
    parts: dict[tuple[AnswerKey, int], tuple[ResultPart, Delivery]] = field(default_factory=dict)
    answer: AnswerKey | None = None  # the first one that is complete
    redrive: int = 0
    changed: float = 0.0  # when the latest part came that was not here before

    def is_whole(self, part: ResultPart) -> bool:
        """True when every part of the answer that `part` belongs to is here."""
        return sum(1 for answer, _number in self.parts if answer == part.answer) >= part.parts

    def is_intact(self, answer: AnswerKey) -> bool:
        """True when the parts have the digest they declare. Else a later answer must not lose to them."""
        whole = hashlib.sha256()
        for key in sorted(key for key in self.parts if key[0] == answer):
            whole.update(self.parts[key][0].body)
        return whole.hexdigest() == answer[0]

    def drop(self, which: Callable[[AnswerKey], bool]) -> tuple[Delivery, ...]:
        """Let go of the parts whose answer is chosen; their deliveries."""
        keys = [key for key in self.parts if which(key[0])]
        return tuple(self.parts.pop(key)[1] for key in keys)

    def make_way_for(self, part: ResultPart) -> tuple[Delivery, ...]:
        """Let go of everything if the job was brought back from the dead letters since it was answered."""
        if part.redrive <= self.redrive:
            return ()
        self.answer, self.redrive = None, part.redrive
        return self.drop(lambda _answer: True)


class Waiter:
    """What one call waits on: the ids of jobs that can be claimed, or the reason why none will come."""

    def __init__(self, job_ids: frozenset[str]) -> None:
        self.job_ids = job_ids
        self._news: queue.SimpleQueue[Any] = queue.SimpleQueue()

    @property
    def has_news(self) -> bool:
        """True when `next` would return at once."""
        return not self._news.empty()

    def tell(self, news: str | ExecutionError) -> None:
        """From any thread."""
        self._news.put(news)

    def next(self, timeout: float | None) -> str | None:
        """The next job that can be claimed; None when `timeout` seconds have passed.

        Raises:
            ExecutionError: No result will come.
        """
        try:
            news = self._news.get(timeout=None if timeout is None else max(0.0, timeout))
        except queue.Empty:
            return None
        if isinstance(news, ExecutionError):
            raise news
        job_id: str = news
        return job_id


SomeWaiter = TypeVar("SomeWaiter", bound=Waiter)


class ResultStore:
    """Jobs that were submitted, results that were received, and who waits for them. Thread-safe.

    Args:
        adopt: Also keep results of jobs that were not submitted here: those of a predecessor with the
            same client id.
        clock: Monotonic seconds.
    """

    def __init__(self, *, adopt: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._adopt = adopt
        self._clock = clock
        self._lock = threading.Lock()
        self._expected: dict[str, str | None] = {}  # job id → the file as its caller named it
        self._held: dict[str, _Held] = {}
        self._claimed = ClaimedAnswers()
        self._waiters: dict[str, set[Waiter]] = {}

    @property
    def is_starving(self) -> bool:
        """True while somebody waits for a job whose result is not complete."""
        with self._lock:
            return any(not self._is_complete(job) for job in self._waiters)

    @property
    def is_settled(self) -> bool:
        """True when every job that was submitted here has been handed over."""
        with self._lock:
            return not self._expected and not self._held

    def expect(self, job_id: str, file_path: str | None = None) -> bool:
        """A job of this id is about to be submitted; False when it is under way already.

        `file_path`: the name to report the document under, where it is not the one that travels.
        """
        with self._lock:
            is_new = job_id not in self._expected
            self._claimed.discard(job_id)
            self._expected[job_id] = file_path
            return is_new

    def is_answered(self, job_id: str) -> bool:
        """True when the result of a job is here, or was handed over.

        Raises:
            JobNotFoundError: It was not submitted here.
        """
        with self._lock:
            if job_id in self._claimed or self._is_complete(job_id):
                return True
            self._check_known(job_id)
            return False

    def forget(self, job_id: str) -> None:
        """The job was refused: no result will come."""
        with self._lock:
            self._expected.pop(job_id, None)

    def receive(self, part: ResultPart, delivery: Delivery) -> tuple[Delivery, ...]:
        """Take a part that arrived; the deliveries that can be acknowledged at once, being duplicates."""
        with self._lock:
            if self._claimed.covers(part):
                return (delivery,)
            if not self._adopt and part.job_id not in self._expected and part.job_id not in self._claimed:
                _log.warning("a result of job %s, which was not submitted here, was dropped", part.job_id)
                return (delivery,)
            held = self._held.setdefault(part.job_id, _Held(redrive=part.redrive))
            outdated = held.make_way_for(part)
            if part.redrive < held.redrive or held.answer not in {None, part.answer}:
                return (delivery,)  # a second answer: the first one wins
            key = (part.answer, part.part)
            known = held.parts.get(key)
            if known is not None and known[1].generation == delivery.generation:
                return (delivery,)
            if known is None:
                held.changed = self._clock()
            # Also for a part that is known: its old delivery died with its channel.
            held.parts[key] = (part, delivery)
            if held.answer is None and held.is_whole(part):
                return (*outdated, *self._complete(part, held))
            return outdated

    def drop_leftovers(self) -> tuple[Delivery, ...]:
        """Give up on answers whose other parts have not come for a day; the deliveries to discard."""
        with self._lock:
            before = self._clock() - _LEFTOVER_AFTER
            old = [
                job_id
                for job_id, held in self._held.items()
                if held.parts and held.answer is None and held.changed <= before
            ]
            if old:
                _log.warning(
                    "parts of %d results were dropped, since the rest has not come: %s", len(old), old
                )
            return tuple(
                delivery for job_id in old for delivery in self._held.pop(job_id).drop(lambda _answer: True)
            )

    def watch(self, job_ids: Iterable[str]) -> Waiter:
        """Wait for these jobs; the caller must `unwatch` in the end.

        Raises:
            JobNotFoundError: One of them was handed over long ago, or not submitted here.
        """
        return self.enlist(Waiter(frozenset(job_ids)))

    def enlist(self, waiter: SomeWaiter) -> SomeWaiter:
        """Tell this waiter of its jobs, as `watch` does."""
        with self._lock:
            for job_id in waiter.job_ids:
                self._check_known(job_id)
            for job_id in waiter.job_ids:
                self._waiters.setdefault(job_id, set()).add(waiter)
                if self._is_complete(job_id) or job_id in self._claimed:
                    waiter.tell(job_id)
        return waiter

    def unwatch(self, waiter: Waiter) -> None:
        """The call has ended."""
        with self._lock:
            for job_id in waiter.job_ids:
                waiters = self._waiters.get(job_id)
                if waiters is not None:
                    waiters.discard(waiter)
                    if not waiters:
                        del self._waiters[job_id]

    def claim(self, job_id: str) -> Answer | None:
        """Take a complete result, if there is one; from now on the job counts as handed over.

        One that was handed over before is given again for as long as it is kept.

        Raises:
            JobNotFoundError: It was handed over, and is not kept any more.
        """
        with self._lock:
            self._check_known(job_id)
            if not self._is_complete(job_id):
                return self._claimed.get(job_id)
            held = self._held.pop(job_id)
            parts, deliveries = zip(*held.parts.values(), strict=True)
            earlier = self._claimed.get(job_id)
            file_path = self._expected.pop(job_id, earlier.file_path if earlier else None)
            answer = Answer(job_id, parts, deliveries, file_path)
            self._claimed.add(answer)
            return answer

    def put_back(self, answer: Answer) -> None:
        """The caller did not get it after all: it can be claimed again."""
        if not answer.deliveries:
            return  # settled long ago, and still kept
        with self._lock:
            held = self._reopen(answer)
            held.parts = {
                (part.answer, part.part): (part, delivery)
                for part, delivery in zip(answer.parts, answer.deliveries, strict=True)
            }
            held.answer = answer.parts[0].answer
            held.redrive = answer.redrive
            self._announce(answer.job_id)

    def discard(self, answer: Answer) -> None:
        """It was no result: wait for another one."""
        with self._lock:
            self._reopen(answer)

    def fail(self, error: ExecutionError) -> None:
        """Tell everybody who waits that nothing will come."""
        with self._lock:
            for waiter in {waiter for waiters in self._waiters.values() for waiter in waiters}:
                waiter.tell(error)

    def _reopen(self, answer: Answer) -> _Held:
        self._claimed.discard(answer.job_id)
        self._expected[answer.job_id] = answer.file_path
        held = self._held[answer.job_id] = _Held()
        return held

    def _complete(self, part: ResultPart, held: _Held) -> tuple[Delivery, ...]:
        """The first whole answer is in; what can be acknowledged now: every part of another one."""
        if held.is_intact(part.answer):
            held.answer = part.answer
            self._announce(part.job_id)
            return held.drop(lambda answer: answer != part.answer)
        _log.warning("a result of job %s was dropped: it does not have the declared SHA-256", part.job_id)
        return held.drop(lambda answer: answer == part.answer)

    def _announce(self, job_id: str) -> None:
        for waiter in self._waiters.get(job_id, ()):
            waiter.tell(job_id)

    def _is_complete(self, job_id: str) -> bool:
        held = self._held.get(job_id)
        return held is not None and held.answer is not None

    def _check_known(self, job_id: str) -> None:
        if job_id in self._claimed:
            if self._claimed.get(job_id) is None and job_id not in self._held:
                raise JobNotFoundError(job_id, f"the result of job {job_id!r} was handed over already")
        elif not self._adopt and job_id not in self._expected:
            raise JobNotFoundError(job_id)
