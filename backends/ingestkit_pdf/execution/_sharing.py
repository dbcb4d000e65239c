"""Several workers on one document, as their slots see it: the one that has it, and those that help.

Frames of the worker that has the document: OFFER (units, and what a helper must know), then TAKE as often as
it wants something to do, answered by PART. Frames of a helper: TAKE, with what it has done, answered by PART.
The pool only hands the bytes over.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace

from ingestkit_pdf.execution._answer import read_count
from ingestkit_pdf.execution._channel import ChannelError, Frame, Kind
from ingestkit_pdf.execution._offer import Helper, Offer, Terms
from ingestkit_pdf.execution._process import WorkerProcess
from ingestkit_pdf.execution._queue import JobQueue, PoolJob
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.task import PoolResult

__all__ = ["Conversation", "Helped", "give_help"]

_GRACE_SECONDS = 5.0
"""So long after the deadline a helper ends, should the slot that has the document not have killed it."""


class Conversation:
    """With the worker that has the document, until it answers or has ended.

    Attributes:
        peak_memory_bytes: Of its helpers.
        page: The page that a helper was on when the worker had only to wait for it any more, and did in vain.
    """

    def __init__(
        self, worker: WorkerProcess, job: PoolJob, queue: JobQueue, *, deadline: float, document: int | None
    ) -> None:
        self.peak_memory_bytes = 0
        self.page: int | None = None
        self._worker = worker
        self._job = job
        self._queue = queue
        self._deadline = deadline
        self._document = document
        self._offer: Offer | None = None

    def await_answer(self) -> Frame | None:
        """What the worker answers in the end; None when it has ended, or the time is up.

        Raises:
            ChannelError: It sent something else.
        """
        try:
            while (frame := self._worker.receive(self._deadline)) is not None:
                if frame.kind is Kind.OFFER:
                    self._make_offer(frame)
                elif frame.kind is not Kind.TAKE:
                    return frame
                elif not self._hand_out(read_count(frame, "most")):
                    return None
            return None
        finally:
            self._withdraw()

    def with_helpers(self, outcome: PoolResult | WorkerFailure) -> PoolResult | WorkerFailure:
        """The outcome, with the memory of the largest of the workers."""
        if self.peak_memory_bytes > (outcome.peak_memory_bytes or 0):
            return replace(outcome, peak_memory_bytes=self.peak_memory_bytes)
        return outcome

    def _make_offer(self, frame: Frame) -> None:
        self._withdraw()
        start, stop = read_count(frame, "start"), read_count(frame, "stop")
        terms = Terms(
            task=self._job.task,
            config=self._job.config,
            plan=frame.body,
            start=start,
            stop=stop,
            deadline=self._deadline,
            document=self._document,
        )
        self._offer = self._queue.offer(terms)

    def _withdraw(self) -> None:
        offer, self._offer = self._offer, None
        if offer is None:
            return
        self._queue.withdraw(offer)
        self.peak_memory_bytes = max(self.peak_memory_bytes, offer.peak_memory_bytes)

    def _hand_out(self, most: int) -> bool:
        """Answer with a part, once there is one; False when the worker has ended, or the time is up."""
        if self._offer is None:
            raise ChannelError("a question about an offer that it has not made")
        offer = self._offer
        while True:
            if (part := offer.take_returned()) is not None:
                meta: dict[str, object] = {
                    "start": part.start,
                    "stop": part.stop,
                    "failed": part.body is None,
                }
                return self._reply(meta, part.body or b"")
            if (part := offer.take_next(most)) is not None:
                return self._reply({"start": part.start, "stop": part.stop, "failed": False}, b"")
            if not offer.await_returned():
                return self._reply({}, b"")
            if not self._worker.await_other(offer.fd, self._deadline):
                self.page = offer.lowest_page()
                return False

    def _reply(self, meta: dict[str, object], body: bytes) -> bool:
        return self._worker.reply(Kind.PART, meta, body, deadline=self._deadline)


@dataclass(frozen=True, slots=True)
class Helped:
    """How a helper's work on a document ended.

    Attributes:
        cause: Why the worker has to be replaced; None when it need not be.
        resident_bytes: What it is resident with.
    """

    cause: str | None
    resident_bytes: int = 0


def give_help(worker: WorkerProcess, offer: Offer, number: int) -> Helped:
    """Let an idle worker take parts of a document, as long as it is wanted; `number` is that of the task."""
    helper = Helper(worker.kill, worker.progress)
    if not offer.join(helper):
        return Helped(None)
    helped, failed, peak = Helped("crashed"), True, 0
    try:
        answer = _work(worker, offer, helper, number)
        if answer is not None:
            failed = answer.kind is not Kind.RESULT
            out_of_memory = answer.meta.get("reason") == FailureReason.MEMORY
            helped = Helped("memory" if out_of_memory else None, read_count(answer, "resident_bytes"))
            peak = read_count(answer, "peak_memory_bytes")
        elif time.monotonic() > offer.terms.deadline:
            helped = Helped("timeout")
    except OSError:  # the document cannot be opened once more; nothing was sent
        helped = Helped(None)
    except ChannelError:
        helped = Helped("crashed")
    finally:
        killed = offer.leave(helper, failed=failed, peak_memory_bytes=peak)
    return Helped("cancelled") if killed else helped


def _work(worker: WorkerProcess, offer: Offer, helper: Helper, number: int) -> Frame | None:
    """Hand over the document, then part after part; the worker's last word, None when it has ended."""
    terms = offer.terms
    deadline = terms.deadline + _GRACE_SECONDS
    meta: dict[str, object] = {
        "number": number,
        "file_path": terms.task.file_path,
        "reported_path": terms.task.reported_path,
        "memory_bytes": terms.task.memory_bytes,
        "plan_bytes": len(terms.plan),
    }
    document = offer.reopen()
    try:
        left = deadline - time.monotonic()
        sent = worker.send(meta, terms.config + terms.plan, timeout=left, document=document)
    finally:
        if document is not None:
            os.close(document)
    while sent and (frame := worker.receive(deadline)) is not None:
        if frame.kind is not Kind.TAKE:
            return frame
        if frame.body:
            offer.take_back(helper, frame.body)
        part = offer.give_helper(helper, read_count(frame, "most"))
        facts: dict[str, object] = {} if part is None else {"start": part.start, "stop": part.stop}
        sent = worker.reply(Kind.PART, facts, b"", deadline=deadline)
    return None
