"""A stand-in for the daemon: takes jobs off a lane and answers them as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.execution._client.amqp import properties_of, to_message
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import Job, Message, decode_job, encode_result
from ingestkit_pdf.wire.topology import Topology

__all__ = ["Answering", "answer_to"]


def answer_to(job: Job, *, text: str = "") -> bytes:
    """A result as JSON; `text` goes into its error's message, to tell answers apart or to make them long."""
    error = IngestError(code=ErrorCode.E_PARSE_EMPTY, message=text or job.job_id, stage="open")
    return ProcessingResult.failed(job.file_path, error).model_dump_json().encode()


class Answering:
    """Consumes a lane in a thread and publishes what `answer` makes of each job, in the order of arrival.

    Args:
        url: AMQP URL.
        lane: The lane.
        answer: The messages that answer a job; by default one result.
    """

    def __init__(
        self,
        url: str,
        *,
        lane: str = "default",
        answer: Callable[[Job], list[Message]] | None = None,
    ) -> None:
        self._url = url
        self._topology = Topology()
        self._lane = lane
        self._answer = answer or (lambda job: encode_result(job.job_id, answer_to(job)))
        self._stopping = threading.Event()
        self.jobs: list[Job] = []

    def __enter__(self) -> Self:
        # Before the client may declare the queue too: RabbitMQ 3.10 ends the connection (541) that consumes
        # from a quorum queue while another one is still making it.
        channel = self._declared()
        self._thread = threading.Thread(target=self._consume, args=(channel,), name="answering")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(20)

    def _declared(self) -> BlockingChannel:
        channel = pika.BlockingConnection(pika.URLParameters(self._url)).channel()
        queue = self._topology.job_queue(self._lane)
        channel.confirm_delivery()
        channel.exchange_declare(self._topology.dead_exchange.name, "fanout", durable=True)
        channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        channel.basic_qos(prefetch_count=50)
        return channel

    def _consume(self, channel: BlockingChannel) -> None:
        queue = self._topology.job_queue(self._lane)
        for method, props, body in channel.consume(queue.name, inactivity_timeout=0.05):
            if self._stopping.is_set():
                break
            if method is not None:
                self._one(channel, method.delivery_tag, to_message(props, body))
        channel.connection.close()

    def _one(self, channel: BlockingChannel, tag: int, message: Message) -> None:
        job = decode_job(message, self._topology)
        self.jobs.append(job)
        for part in self._answer(job):
            channel.basic_publish("", job.reply_to, part.body, properties_of(part))
        channel.basic_ack(tag)
