"""What was submitted, and what came of it."""

from __future__ import annotations

import time
from pathlib import Path

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig, ProcessingResult

__all__ = ["Ledger"]


class Ledger:
    """Every job id that the broker has confirmed, and the answer to it.

    Args:
        backend: Through which it submits and collects.
        document: What it submits.
        config: How that is to be read.
    """

    def __init__(
        self, backend: DistributedExecutionBackend, document: Path, config: PDFProcessorConfig
    ) -> None:
        self.backend = backend
        self.document = document
        self.config = config
        self.confirmed: list[str] = []
        self.answered: dict[str, ProcessingResult] = {}

    def submit(self, count: int) -> None:
        """Submit so many jobs."""
        for _ in range(count):
            self.confirmed.append(self.backend.submit(str(self.document), self.config))

    def settle(self, timeout: float) -> None:
        """Collect the answers that are missing."""
        deadline = time.monotonic() + timeout
        for job_id in self.confirmed:
            if job_id not in self.answered:
                left = deadline - time.monotonic()
                self.answered[job_id] = self.backend.get_result(job_id, timeout=max(left, 0.1))

    def assert_balanced(self) -> None:
        """Each confirmed job was answered, and well."""
        assert set(self.confirmed) == set(self.answered)
        failed = {job_id: result.errors for job_id, result in self.answered.items() if result.errors}
        assert failed == {}
