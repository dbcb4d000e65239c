"""Dead letters made for the tests, and the command that works on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pika

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution._client.amqp import properties_of
from ingestkit_pdf.wire.envelope import AttemptRecord, Message, dead_letter, encode_job
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel

__all__ = ["command", "declare", "drained", "job", "letter", "park", "start_command"]

NAMES = Topology()
CONFIG = PDFProcessorConfig()
DOCUMENT = b"%PDF-1.7 a document of no importance"


def job(job_id: str, *, client_id: str = "tests", document: bytes | None = DOCUMENT) -> Message:
    """A job as a producer publishes it."""
    reply_to = NAMES.reply_queue(client_id).name
    return encode_job(job_id, reply_to=reply_to, config=CONFIG, path=f"/p/{job_id}.pdf", document=document)


def letter(
    job_id: str,
    *,
    reason: str = "timeout",
    code: str = "E_EXECUTION_TIMEOUT",
    lane: str = "default",
    **how: Any,
) -> Message:
    """The same job as a daemon parks it."""
    details = {"page_reached": 7, "peak_memory_bytes": 3 * 2**20, "signal": "SIGKILL"}
    record = AttemptRecord(
        attempt=1,
        reason=reason,
        code=code,
        message="it took too long",
        host="hostname",
        at=1e9,
        details=details,
    )
    return dead_letter(
        job(job_id, **how),
        lane=lane,
        reason=code,
        text="it took too long",
        history=(record,),
        details={**details, "host": "hostname", "version": "0.1.0"},
    )


def declare(url: str, *, lanes: tuple[str, ...] = ("default",)) -> None:
    """Everything a daemon declares, and the reply queue of the client `tests`."""
    with channel(url) as opened:
        for exchange in NAMES.exchanges():
            opened.exchange_declare(exchange.name, exchange.kind, durable=True)
        for queue in (*NAMES.queues(lanes), NAMES.reply_queue("tests")):
            opened.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for binding in NAMES.bindings(lanes):
            opened.queue_bind(binding.queue, binding.exchange, binding.routing_key)


def park(url: str, *letters: Message) -> None:
    """Publish letters where daemons publish them."""
    with channel(url) as opened:
        for message in letters:
            opened.basic_publish(
                NAMES.dead_exchange.name, "default", message.body, properties_of(message), mandatory=True
            )


def drained(url: str, queue: str) -> Counter[str]:
    """How often each job id is in a queue; the queue is empty afterwards."""
    found: Counter[str] = Counter()
    with channel(url) as opened:
        while True:
            method, props, _body = opened.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            assert isinstance(props, pika.BasicProperties)
            found[props.message_id or "?"] += 1


def start_command(url: str, *arguments: str) -> subprocess.Popen[str]:
    """`ingestkit-pdf` in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INGESTKIT_PDF")}
    return subprocess.Popen(
        [sys.executable, "-c", "from ingestkit_pdf.cli import main; main()", *arguments],
        env={**environment, "INGESTKIT_PDF_AMQP_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(url: str, *arguments: str, timeout: float = 60.0) -> tuple[int, str, str]:
    """Run `ingestkit-pdf` to its end: exit code, standard output, standard error."""
    process = start_command(url, *arguments)
    output, errors = process.communicate(timeout=timeout)
    return process.returncode, output, errors
