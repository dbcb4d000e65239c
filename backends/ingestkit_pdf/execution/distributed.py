"""`DistributedExecutionBackend`: the same calls as the local backend, through RabbitMQ."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import time
import uuid
import weakref
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from ingestkit_pdf import _tracing
from ingestkit_pdf._deployment import (
    DEFAULT_INLINE_LIMIT,
    DEFAULT_LANE,
    DEFAULT_PREFIX,
    check_client_id,
    check_lane,
)
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ExecutionError, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution._client.asking import Asking
from ingestkit_pdf.execution._client.connection import ClientConnection
from ingestkit_pdf.execution._client.publisher import Publication
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution.reading import read_result, too_large
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import JobProgress, ProcessingResult
from ingestkit_pdf.wire.envelope import (
    InvalidMessageError,
    Message,
    ResultTooLargeError,
    encode_job,
)
from ingestkit_pdf.wire.secrets import PasswordSeal, SecretsError
from ingestkit_pdf.wire.topology import Topology

__all__ = ["DistributedExecutionBackend"]

_log = logging.getLogger("ingestkit_pdf.client")
logging.getLogger("ingestkit_pdf").addHandler(logging.NullHandler())  # the application shows what it wants

_DEFAULT_WINDOW = 1000
_FINALIZE_TIMEOUT = 2.0


class DistributedExecutionBackend:
    """Submits documents to the daemons behind a RabbitMQ broker and collects their results.

    Thread-safe; one connection and one I/O thread, both started by the first call and ended by `close`
    (or the end of a `with` block). A connection that is lost is made again. A result
    is acknowledged when it is handed over; what nobody claimed stays in the reply queue.

        with DistributedExecutionBackend("amqp://user:password@broker/") as backend:
            job_id = backend.submit("report.pdf", PDFProcessorConfig())
            result = backend.get_result(job_id, timeout=300)

    Args:
        queue_url: `amqp://` or `amqps://`; looked at by the first call, not here.
        tls: For `amqps://`: CA, client certificate and so on; without it, the CAs of the system count.
        client_id: Whose reply queue it is. A client made again with the same id collects the results of
            jobs that its predecessor submitted; without one, the id is random and nobody can.
        lane: The queue the jobs go to.
        prefix: First part of the name of every exchange and queue.
        inline_limit: Files of up to this many bytes travel inside the job, larger ones by their absolute
            path, which the daemons must be able to read. 0: always by path.
        secrets_key: Seals the passwords that jobs carry; the daemons' `secrets_key`. Without it, a job with a
            password is not accepted.
        submit_timeout: Seconds that `submit` waits for the broker to confirm a job.
        result_window: Unclaimed results that are fetched ahead, as long as they take no more than some 256
            MiB; a caller that waits for one further back in the queue lets more in.

    Raises:
        ValueError: `client_id`, `lane` or `prefix` cannot be part of a queue's name, a limit is negative, or
            `secrets_key` is not a key.
    """

    def __init__(
        self,
        queue_url: str,
        *,
        tls: BrokerTLS | None = None,
        client_id: str | None = None,
        lane: str = DEFAULT_LANE,
        prefix: str = DEFAULT_PREFIX,
        inline_limit: int = DEFAULT_INLINE_LIMIT,
        secrets_key: str | SecretStr | None = None,
        submit_timeout: float = 30.0,
        result_window: int = _DEFAULT_WINDOW,
    ) -> None:
        self._topology = Topology(prefix)
        if inline_limit < 0 or submit_timeout <= 0 or result_window < 1:
            raise ValueError("inline_limit, submit_timeout and result_window must not be negative or zero")
        self._url = queue_url
        self._tls = tls
        self._lane = check_lane(lane)
        self._given_client_id = None if client_id is None else check_client_id(client_id)
        self._inline_limit = inline_limit
        self._seal = PasswordSeal(secrets_key) if secrets_key else None
        self._submit_timeout = submit_timeout
        self._window = result_window
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._client_id = self._given_client_id or uuid.uuid4().hex
        transient = self._given_client_id is None
        self._store = ResultStore(adopt=not transient)
        self._reply_queue = self._topology.reply_queue(self._client_id)
        self._connection = ClientConnection(
            self._url,
            tls=self._tls,
            topology=self._topology,
            lane=self._lane,
            reply_queue=self._reply_queue,
            store=self._store,
            window=self._window,
            transient=transient,
        )
        self._asking = Asking(self._connection, self._store, self._topology, self._reply_queue)
        # The connection does not know this object, so one that was forgotten is closed when it is collected.
        self._finalizer = weakref.finalize(self, _close_in, self._pid, self._connection, _FINALIZE_TIMEOUT)

    @property
    def client_id(self) -> str:
        """The identity whose reply queue is used."""
        return self._client_id

    def submit(
        self, file_path: str | os.PathLike[str], config: PDFProcessorConfig, *, job_id: str | None = None
    ) -> str:
        """Hand over a document; returns the id of its job once the broker has it safely.

        Args:
            file_path: A file that exists here travels as `inline_limit` says; one that does not goes by
                its absolute path, since a daemon may see what this process does not.
            config: How to read it; settings of the execution are not sent.
            job_id: An id of one's own, to submit again what may or may not have been submitted before.

        Raises:
            SubmitError: The file cannot be read; no queue takes the job; the broker refused it, was not
                there, blocked publishers or did not confirm in time. The message says which, and
                `job_id` is set.
        """
        self._check_usable(submitting=True)
        job_id = job_id or uuid.uuid4().hex
        with _tracing.publishing(job_id, self._lane) as traceparent:
            return self._submit(job_id, os.fspath(file_path), config, traceparent)

    def _submit(self, job_id: str, path: str, config: PDFProcessorConfig, traceparent: str | None) -> str:
        message = self._encode(job_id, path, config, traceparent)
        publication = Publication(message, time.monotonic() + self._submit_timeout)
        is_new = self._store.expect(job_id, path)
        try:
            self._connection.publish(publication)
            publication.wait()
        finally:
            self._connection.withdraw(publication)
        if publication.is_confirmed:
            return job_id
        if is_new and not publication.uncertain:
            self._store.forget(job_id)
        raise SubmitError(self._why_not(publication), job_id=job_id)

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """Wait for the result of a job, at most `timeout` seconds (None: as long as it takes).

        Asking again gives the same, for the latest 256 results (and 64 MiB of them).

        Raises:
            JobNotFoundError: It was handed over long ago; or it was not submitted here, and there is no
                `client_id` under which a predecessor could have.
            ResultTimeoutError: Nothing came in time. The job goes on; ask again later.
            ExecutionError: The broker refuses the connection, the result is not one this version
                understands or takes more than 512 MiB (it stays in the queue), or the backend was closed.
        """
        with contextlib.closing(self._collect([job_id], timeout)) as results:
            return next(results)[1]

    def as_completed(
        self, job_ids: Iterable[str], timeout: float | None = None
    ) -> Iterator[tuple[str, ProcessingResult]]:
        """Yield `(job id, result)` of these jobs as they arrive, all within `timeout` seconds.

        Raises:
            ExecutionError: As `get_result` does, when the iteration comes to it.
        """
        return self._collect(job_ids, timeout)

    def cancel(self, job_id: str) -> bool:
        """Ask the daemons to end a job: its result is an error then (`E_EXECUTION_CANCELLED`).

        One that runs is killed; one that waits, in a queue or for its next attempt, is answered when a daemon
        comes to it. A request, heard by the daemons that are connected now and remembered for a day by them:
        a job whose result is under way keeps it. `get_result` tells.

        Returns:
            False when the job has its result; True when a daemon has heard.

        Raises:
            JobNotFoundError: It was not submitted here, and there is no `client_id` under which a predecessor
                could have.
            ExecutionError: No daemon hears it, the broker does not allow it or is not there, or the backend
                was closed.
        """
        self._check_usable()
        if self._store.is_answered(job_id):
            return False
        self._asking.cancel(job_id, self._submit_timeout)
        return True

    def progress(self, job_ids: str | Iterable[str], timeout: float | None = None) -> Iterator[JobProgress]:
        """Yield what happens to a job, or to several, until all have ended, at most `timeout` seconds.

        When it begins, the page reached (not in the first second, then once a second at most), that it is to
        be tried again, and how it ended. What happened before the first question is told as far as a daemon
        knows it; a step may be lost, the end never is. Its result is still to be had from `get_result`.

        Raises:
            JobNotFoundError: As `get_result` does.
            ResultTimeoutError: A job has not ended in time.
            ExecutionError: The broker does not allow it or refuses the connection, or the backend was closed;
                when the iteration comes to it. Jobs and results are not touched by that.
        """
        self._check_usable()
        names = [job_ids] if isinstance(job_ids, str) else list(dict.fromkeys(job_ids))
        for job_id in names:
            self._store.is_answered(job_id)
        return self._asking.follow(names, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """End the connection and its thread within `timeout` seconds; calls that wait raise. Idempotent."""
        self._closed = True
        self._finalizer.detach()
        _close_in(self._pid, self._connection, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_usable(self, *, submitting: bool = False) -> None:
        reason = "this backend was closed" if self._closed else None
        if reason is None and os.getpid() != self._pid:
            if self._connection.is_started:
                reason = (
                    f"this backend belongs to process {self._pid}; make one in each process after the fork"
                )
            else:
                self._begin()
        if reason and submitting:
            raise SubmitError(reason)
        if reason:
            raise ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, reason, stage="result")

    def _encode(
        self, job_id: str, file_path: str, config: PDFProcessorConfig, traceparent: str | None
    ) -> Message:
        try:
            document = _read_inline(file_path, self._inline_limit)
            return encode_job(
                job_id,
                reply_to=self._reply_queue.name,
                config=config,
                path=file_path if document is not None else os.path.abspath(file_path),  # noqa: PTH100 - no symlinks
                document=document,
                traceparent=traceparent,
                seal=self._seal,
            )
        except SecretsError as error:
            raise SubmitError(str(error), job_id=job_id) from None
        except (InvalidMessageError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise SubmitError(f"{file_path!r}: {reason or error}", job_id=job_id) from error

    def _why_not(self, publication: Publication) -> str:
        if publication.failure is not None:
            return f"job {publication.job_id} was not accepted: {publication.failure}"
        trouble = self._connection.trouble() or "the broker has not confirmed it"
        text = f"job {publication.job_id} was not confirmed within {self._submit_timeout:g} s: {trouble}"
        if publication.uncertain:
            text += (
                "; it may have arrived all the same: submit it again with this job_id, or ask for its result"
            )
        return text

    def _collect(
        self, job_ids: Iterable[str], timeout: float | None
    ) -> Generator[tuple[str, ProcessingResult], None, None]:
        self._check_usable()
        deadline = None if timeout is None else time.monotonic() + timeout
        waiter = self._store.watch(job_ids)
        try:
            missing = set(waiter.job_ids)
            if not waiter.has_news:
                self._connection.ensure()
            while missing:
                job_id = waiter.next(None if deadline is None else deadline - time.monotonic())
                if job_id is None:
                    raise ResultTimeoutError(min(missing), timeout or 0.0, self._connection.trouble())
                result = self._hand_over(job_id) if job_id in missing else None
                if result is not None:
                    missing.discard(job_id)
                    yield job_id, result
        finally:
            self._store.unwatch(waiter)

    def _hand_over(self, job_id: str) -> ProcessingResult | None:
        answer = self._store.claim(job_id)
        if answer is None:
            return None
        try:
            result = read_result(job_id, answer.body())
        except ResultTooLargeError as error:
            self._store.put_back(answer)
            raise too_large(job_id, error) from error
        except InvalidMessageError as error:
            _log.warning("a result of job %s was dropped: %s", job_id, error)
            self._store.discard(answer)
            self._connection.settle(answer.deliveries, discard=True)
            return None
        except BaseException:  # KeyboardInterrupt too: the caller does not have it
            self._store.put_back(answer)
            raise
        self._connection.settle(answer.deliveries)
        if answer.deliveries:
            _tracing.received(job_id, self._lane, answer.parts[0].traceparent)
        if answer.file_path is None:
            return result
        return result.model_copy(update={"file_path": answer.file_path})


def _read_inline(file_path: str, limit: int) -> bytes | None:
    """The file, if it is one that travels inside its job; None if it goes by its path.

    Raises:
        OSError: It is there, and cannot be read or is not a regular file.
    """
    try:
        status = os.stat(file_path)  # noqa: PTH116 - once for every job, and a Path costs more than the call
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:  # a null byte
        raise OSError(errno.EINVAL, str(error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if limit == 0 or status.st_size > limit:
        return None
    with open(file_path, "rb") as file:  # noqa: PTH123
        # A buffer of the limit would be made for every small file. One that grows has what it has by then.
        document = file.read(status.st_size + 1)
        if len(document) > status.st_size:
            document += file.read(limit)
    return document if len(document) <= limit else None


def _close_in(pid: int, connection: ClientConnection, timeout: float) -> None:
    # After a fork the connection is the parent's: the child has no I/O thread and must not say goodbye on it.
    if os.getpid() == pid:
        connection.close(timeout)
