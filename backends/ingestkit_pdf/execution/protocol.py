"""The one interface of every execution backend."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import ProcessingResult

__all__ = ["ExecutionBackend"]


@runtime_checkable
class ExecutionBackend(Protocol):
    """Takes documents and gives their results. Any object with these two methods is one."""

    def submit(self, file_path: str, config: PDFProcessorConfig) -> str:
        """Hand over a document and return the id of its job.

        Raises:
            ExecutionError: The job was not accepted (`E_EXECUTION_SUBMIT`).
        """
        ...

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """Wait for the result of a job, at most `timeout` seconds (None: as long as it takes).

        Raises:
            ExecutionError: No such job (`E_EXECUTION_NOT_FOUND`), or no result in time
                (`E_EXECUTION_TIMEOUT`; the job goes on and may be asked for again).
        """
        ...
