"""What was submitted, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle
from pathlib import Path

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig, ProcessingResult
from ingestkit_pdf.errors import SubmitError
from ingestkit_pdf.execution.dead_letters import LetterFilter, look
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty
from support.letters import drained

__all__ = ["Ledger"]

NAMES = Topology()


class Ledger:
    """Every job id that the broker has confirmed, and what became of it.

    Args:
        backend: Through which it submits and collects; with a `client_id`, so that an answer nobody asked for
            stays in its queue and is found.
        documents: What it submits, turn by turn, and the Markdown that is to come back.
        config: How they are to be read.

    Attributes:
        confirmed: Job id to the document.
        uncertain: Jobs that were not confirmed in time, and may have arrived all the same.
        answered: Job id to the first answer.
        documents: Those that it submits, and the Markdown that is to come back.
    """

    def __init__(
        self,
        backend: DistributedExecutionBackend,
        documents: Mapping[Path, str],
        config: PDFProcessorConfig | None = None,
    ) -> None:
        self.backend = backend
        self.config = config or PDFProcessorConfig()
        self.confirmed: dict[str, Path] = {}
        self.uncertain: set[str] = set()
        self.answered: dict[str, ProcessingResult] = {}
        self.documents = documents
        self._next = cycle(documents)

    @property
    def missing(self) -> list[str]:
        """What was confirmed and not answered so far."""
        return [job_id for job_id in self.confirmed if job_id not in self.answered]

    def submit(self, count: int) -> None:
        """Submit so many jobs."""
        for _ in range(count):
            document = next(self._next)
            try:
                self.confirmed[self.backend.submit(str(document), self.config)] = document
            except SubmitError as error:
                self.uncertain.add(error.job_id or "")
                raise

    def submit_again(self) -> None:
        """Submit what has no answer, each under the id it had."""
        for job_id in self.missing:
            self.backend.submit(str(self.confirmed[job_id]), self.config, job_id=job_id)

    def settle(self, timeout: float) -> None:
        """Collect the answers that are missing."""
        for job_id, result in self.backend.as_completed(self.missing, timeout=timeout):
            self.answered[job_id] = result

    def assert_balanced(self, url: str, *, parked: Collection[str] = ()) -> None:
        """Nothing lost, nothing unknown, each answer right; `parked` alone failed.

        For when no daemon runs any more. The client is closed; of what it has handed over, nothing is left
        for its successor, however often a job was answered.
        """
        assert not self.missing, self.missing
        wrong = {
            self.confirmed[job_id]: result.errors
            for job_id, result in self.answered.items()
            if job_id not in parked and not self._is_right(job_id, result)
        }
        assert not wrong, wrong
        self.backend.close()
        unknown = drained(url, NAMES.reply_queue(self.backend.client_id).name)
        assert set(unknown) <= self.uncertain, unknown
        assert_queues_empty(url, parked=len(parked))
        letters: set[str | None] = set()
        look(url, LetterFilter(), lambda letter, _message: letters.add(letter.job_id))
        assert letters == set(parked), letters

    def _is_right(self, job_id: str, result: ProcessingResult) -> bool:
        document = self.confirmed[job_id]
        return not result.errors and result.markdown == self.documents[document]
