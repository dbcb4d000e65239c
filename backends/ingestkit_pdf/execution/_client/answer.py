"""One result as it came from the broker, and the memory of those that were handed over."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from ingestkit_pdf.wire.envelope import ResultAssembler, ResultPart

__all__ = ["Answer", "ClaimedAnswers", "Delivery"]

_REMEMBERED = 100_000
"""So many ids of jobs that were handed over are remembered, so that a second answer is dropped."""

_KEPT, _KEPT_BYTES = 256, 64 * 1024 * 1024
"""Of so many, and so many bytes on the wire, the answer itself: asking again gives the same."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery tag and the generation of the channel it belongs to; no other channel can acknowledge it."""

    generation: int
    tag: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete result, claimed.

    Attributes:
        job_id: The job.
        parts: Its parts, in the order of their arrival.
        deliveries: To settle once the caller has the result; empty when that is done.
        file_path: The document as the caller named it, where the daemon knows it under another name.
    """

    job_id: str
    parts: tuple[ResultPart, ...]
    deliveries: tuple[Delivery, ...]
    file_path: str | None = None

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return sum(len(part.body) for part in self.parts)

    @property
    def redrive(self) -> int:
        """How often the job had been brought back from the dead letters when it was answered."""
        return self.parts[0].redrive

    def body(self) -> bytes:
        """The result as JSON in UTF-8.

        Raises:
            InvalidMessageError: The parts do not make the whole that they declare.
        """
        assembler = ResultAssembler()
        whole = [body for part in self.parts if (body := assembler.add(part)) is not None]
        return whole[0] if whole else b""


class ClaimedAnswers:
    """The ids of jobs that were handed over, and the latest of the answers. Not thread-safe."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, int] = OrderedDict()  # with the redrive
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._ids

    def covers(self, part: ResultPart) -> bool:
        """True for a part of an answer that the caller has, or has a later one of."""
        redrive = self._ids.get(part.job_id)
        return redrive is not None and part.redrive <= redrive

    def get(self, job_id: str) -> Answer | None:
        """The answer, if it is still kept; nothing of it is left to settle."""
        return self._answers.get(job_id)

    def add(self, answer: Answer) -> None:
        """The caller gets this answer now."""
        self.discard(answer.job_id)
        self._ids[answer.job_id] = answer.redrive
        self._answers[answer.job_id] = replace(answer, deliveries=())
        self._bytes += answer.size
        while len(self._answers) > _KEPT or self._bytes > _KEPT_BYTES:
            _job_id, oldest = self._answers.popitem(last=False)
            self._bytes -= oldest.size
        if len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)

    def discard(self, job_id: str) -> None:
        """Forget this job, if it is known."""
        self._ids.pop(job_id, None)
        answer = self._answers.pop(job_id, None)
        if answer is not None:
            self._bytes -= answer.size
