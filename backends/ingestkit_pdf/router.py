"""`PDFRouter`: documents in, results out, wherever the work is done."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from ingestkit_pdf._sinks import VectorSink
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError, IngestError, ResultTimeoutError
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.protocols import EmbeddingBackend, ExecutionBackend, VectorStoreBackend

__all__ = ["PDFRouter", "create_default_router"]

_log = logging.getLogger("ingestkit_pdf")

_MAX_WAITING = 32
"""Threads of a router in which `aprocess` waits: as many as asyncio gives a whole program at most."""


class PDFRouter:
    """Hands documents to an execution backend and collects their results; safe to use from many threads.

        with PDFRouter(config=PDFProcessorConfig(execution_max_workers=2)) as router:
            for result in router.process_batch(["a.pdf", "b.pdf"]):
                print(result.file_path, result.errors or result.chunks_created)

    Args:
        vector_store: Together with `embedder`, takes the chunks of every result that succeeded.
        structured_db: Part of the interface; no stage writes to a database yet.
        llm: Part of the interface; documents are classified by rules, without a model.
        embedder: Makes the vectors for `vector_store`.
        config: How documents are read and where; default `PDFProcessorConfig()`.
        execution: Where the work is done; default is what `config.execution_backend` names. The router
            closes a backend that it has made itself, and no other.

    Raises:
        ValueError: `execution_backend` is `distributed` and there is no `execution_queue_url`.
    """

    def __init__(
        self,
        *,
        vector_store: VectorStoreBackend | None = None,
        structured_db: object | None = None,
        llm: object | None = None,
        embedder: EmbeddingBackend | None = None,
        config: PDFProcessorConfig | None = None,
        execution: ExecutionBackend | None = None,
    ) -> None:
        self._config = config or PDFProcessorConfig()
        for name, sink in (("structured_db", structured_db), ("llm", llm)):
            if sink is not None:
                _log.warning(
                    "PDFRouter was given %s, which no stage uses yet; nothing is written to it", name
                )
        self._sink: VectorSink | None = None
        if embedder is not None and vector_store is not None:
            self._sink = VectorSink(
                embedder,
                vector_store,
                collection=self._config.default_collection,
                batch_size=self._config.embedding_batch_size,
            )
        self._owns_execution = execution is None
        self._execution = _default_execution(self._config) if execution is None else execution
        self._threads = ThreadPoolExecutor(_MAX_WAITING, thread_name_prefix="ingestkit-pdf-result")

    def can_handle(self, file_path: str | os.PathLike[str]) -> bool:
        """True for a name that ends in `.pdf`, in any case; the file itself is not looked at."""
        return Path(file_path).suffix.lower() == ".pdf"

    def process(self, file_path: str | os.PathLike[str], *, timeout: float | None = None) -> ProcessingResult:
        """Process one document and wait for its result.

        Args:
            file_path: The document.
            timeout: Seconds to wait for the result once the job is submitted; None: as long as it takes.

        Raises:
            SubmitError: The execution backend did not take the document.
            ResultTimeoutError: There was no result in time. The job goes on; the error names it.
            ExecutionError: The backend was closed, or cannot have the result for another reason.
            ImportError: The documents are read on this machine, and PyMuPDF is not installed.
        """
        job_id = self._execution.submit(os.fspath(file_path), self._config)
        return self._result(job_id, timeout, time.monotonic())

    async def aprocess(
        self, file_path: str | os.PathLike[str], *, timeout: float | None = None
    ) -> ProcessingResult:
        """`process` for an event loop, which goes on meanwhile.

        Any number of documents can be under way. Their results are waited for in up to 32 threads of the
        router, so the event loop's own threads stay free.

        Raises:
            SubmitError, ResultTimeoutError, ExecutionError, ImportError: As `process`.
        """
        # In two steps, so that of many documents all are submitted before a thread waits for the first.
        job_id = await asyncio.to_thread(self._execution.submit, os.fspath(file_path), self._config)
        wait = partial(copy_context().run, self._result, job_id, timeout, time.monotonic())
        return await asyncio.get_running_loop().run_in_executor(self._threads, wait)

    def process_batch(
        self, file_paths: Iterable[str | os.PathLike[str]], *, timeout: float | None = None
    ) -> list[ProcessingResult]:
        """Process many documents at once; their results are in the order of the paths.

        A document that the backend did not take, or has no result of in time, is a result with that error,
        so that the others are not lost.

        Args:
            file_paths: The documents.
            timeout: Seconds to wait for all results together, once the jobs are submitted; None: as long as
                it takes.

        Raises:
            ImportError: The documents are read on this machine, and PyMuPDF is not installed.
        """
        jobs = [(os.fspath(path), self._submit(os.fspath(path))) for path in file_paths]
        since = time.monotonic()
        return [self._collect(path, job, timeout, since) for path, job in jobs]

    def _submit(self, path: str) -> str | ExecutionError:
        try:
            return self._execution.submit(path, self._config)
        except ExecutionError as error:
            return error

    def _collect(
        self, path: str, job: str | ExecutionError, timeout: float | None, since: float
    ) -> ProcessingResult:
        try:
            if isinstance(job, ExecutionError):
                raise job
            return self._result(job, timeout, since)
        except ExecutionError as error:
            reason = IngestError(code=error.code, message=error.message, stage="execution", recoverable=True)
            return ProcessingResult.failed(path, reason, tenant_id=self._config.tenant_id)

    def _result(self, job_id: str, timeout: float | None, since: float) -> ProcessingResult:
        left = None if timeout is None else max(0.0, since + timeout - time.monotonic())
        try:
            result = self._execution.get_result(job_id, left)
        except ResultTimeoutError as error:
            # It has waited for what was left; the caller knows the whole.
            raise ResultTimeoutError(job_id, timeout or 0.0, error.trouble) from None
        return result if self._sink is None else self._sink.write(result)

    def close(self) -> None:
        """Close the execution backend, if the router has made it."""
        close = getattr(self._execution, "close", None)
        if self._owns_execution and close is not None:
            close()
            self._threads.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def create_default_router(
    config: PDFProcessorConfig | None = None,
    *,
    vector_store: VectorStoreBackend | None = None,
    structured_db: object | None = None,
    llm: object | None = None,
    embedder: EmbeddingBackend | None = None,
    execution: ExecutionBackend | None = None,
) -> PDFRouter:
    """A router with the execution backend that the configuration names; see `PDFRouter`."""
    return PDFRouter(
        vector_store=vector_store,
        structured_db=structured_db,
        llm=llm,
        embedder=embedder,
        config=config,
        execution=execution,
    )


def _default_execution(config: PDFProcessorConfig) -> ExecutionBackend:
    if config.execution_backend == "local":
        from ingestkit_pdf.execution.local import LocalExecutionBackend  # noqa: PLC0415 - only what is used

        return LocalExecutionBackend(max_workers=config.execution_max_workers)
    if config.execution_queue_url is None:
        raise ValueError(
            "execution_backend is 'distributed', which needs execution_queue_url, "
            "for example amqp://user:password@host:5672/vhost"
        )
    from ingestkit_pdf.execution.distributed import DistributedExecutionBackend  # noqa: PLC0415
    from ingestkit_pdf.execution.tls import BrokerTLS  # noqa: PLC0415

    return DistributedExecutionBackend(
        config.execution_queue_url,
        tls=BrokerTLS.from_config(config),
        client_id=config.execution_client_id,
        prefix=config.execution_prefix,
        lane=config.execution_lane,
        inline_limit=config.execution_inline_limit,
        submit_timeout=config.execution_submit_timeout,
        secrets_key=config.execution_secrets_key,
    )
