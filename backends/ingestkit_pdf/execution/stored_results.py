"""Collecting one result from a queue in which it waits, without being the client it was meant for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestkit_pdf.errors import JobNotFoundError
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.queue_browser import Found, QueueBrowser, QueueInUseError
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.execution.reading import read_result, too_large
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import (
    InvalidMessageError,
    ResultAssembler,
    ResultPart,
    ResultTooLargeError,
    decode_result_part,
)
from ingestkit_pdf.wire.topology import DEFAULT_PREFIX, Topology

__all__ = ["QueueInUseError", "collect_result"]


def collect_result(
    url: str,
    job_id: str,
    deliver: Callable[[ProcessingResult], None],
    *,
    client_id: str | None = None,
    orphaned: bool = True,
    keep: bool = False,
    prefix: str = DEFAULT_PREFIX,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
) -> None:
    """Find the result of a job and take it off its queue once `deliver` has returned.

    Every other result stays where it is. Of several answers the first one counts, after a redrive the
    first one since; all of them go.

    Args:
        url: AMQP URL.
        job_id: The job.
        deliver: Given the result; when it raises, the result stays.
        client_id: In whose reply queue to look, before the orphaned ones.
        orphaned: Whether to look among the orphaned ones.
        keep: Leave the result in its queue.
        prefix: Of exchanges and queues.
        timeout: Seconds to wait for any one answer of the broker.
        tls: For `amqps://`.

    Raises:
        JobNotFoundError: There is no complete result of this job.
        QueueInUseError: The client itself is running, and has its queue to itself; or another call has looked
            among the orphaned results for so long.
        ExecutionError: The result is not one that this version understands, or takes more than 512 MiB; it
            stays.
        ValueError: `url` or `prefix` is not one, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, or has not answered in time.
    """
    topology = Topology(prefix)
    queues = [topology.reply_queue(client_id)] if client_id is not None else []
    if orphaned:
        queues.append(topology.orphaned_queue)
    one_shot = OneShotConnection(url, name="ingestkit-pdf result", timeout=timeout, tls=tls)

    def steps(connection: Any, script: Script) -> Steps:
        problems = []
        for queue in queues:
            wait, owner = 0.0, "that client is running and collects its results itself"
            if queue == topology.orphaned_queue:
                wait, owner = timeout, "another command is looking into it; try again when it has ended"
            try:
                yield from one_shot.lock(connection, script, topology.reply_lock(queue), wait)
            except QueueInUseError as error:
                raise QueueInUseError(f"queue {queue.name!r} is in use: {owner}") from error
            browser = QueueBrowser(one_shot, queue)
            if not (yield from browser.open(connection, script)):
                problems.append(f"queue {queue.name!r} does not exist")
                continue
            problem = yield from _deliver(browser, job_id, deliver, keep=keep)
            if problem is None:
                return
            problems.append(f"queue {queue.name!r} has {problem}")
        raise JobNotFoundError(job_id, f"no result of job {job_id!r}: {', '.join(problems)}")

    one_shot.run(steps)


def _deliver(
    browser: QueueBrowser, job_id: str, deliver: Callable[[ProcessingResult], None], *, keep: bool
) -> Steps:
    """Deliver the result, if it is in this queue, and take it off; None, or what there is instead."""
    answers = yield from _search(browser, job_id)
    body = answers.best()
    if body is not None:
        deliver(read_result(job_id, body))
        for found in () if keep else answers.outdated():
            browser.take(found)
    yield from browser.put_back()
    return None if body is not None else answers.what()


class _Answers:
    """What was found of one job: parts of one answer or of several."""

    def __init__(self) -> None:
        self._found: list[tuple[Found, int]] = []
        self._assembler = ResultAssembler()
        self._redrive = -1
        self._body: bytes | None = None

    def add(self, found: Found, part: ResultPart) -> None:
        """Take a part, in the order of arrival."""
        self._found.append((found, part.redrive))
        if part.redrive < self._redrive or (part.redrive == self._redrive and self._body is not None):
            return
        try:
            body = self._assembler.add(part)
        except ResultTooLargeError as error:
            raise too_large(part.job_id, error) from error
        except InvalidMessageError:
            return
        if body is not None:
            self._body, self._redrive = body, part.redrive

    def best(self) -> bytes | None:
        """The answer that counts, if it is complete."""
        return self._body

    def what(self) -> str:
        """For the message that says that there is none."""
        return "only a part of it" if self._found else "none"

    def outdated(self) -> list[Found]:
        """What is of no use to anybody once the best is delivered: itself, and all but later answers."""
        return [found for found, redrive in self._found if redrive <= self._redrive]


def _search(browser: QueueBrowser, job_id: str) -> Steps:
    answers = _Answers()
    while (found := (yield from browser.get())) is not None:
        if found.message.message_id != job_id:
            continue
        try:
            part = decode_result_part(found.message)
        except InvalidMessageError:
            continue
        answers.add(found, part)
    return answers
