"""Dead letters larger than a frame or a message may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import ErrorCode, PDFProcessorConfig
from ingestkit_pdf.wire.envelope import AttemptRecord, Message, encode_job
from ingestkit_pdf.wire.envelope.attempts import history_text
from ingestkit_pdf.wire.envelope.message import H_HISTORY, H_JOB, H_REASON_TEXT
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, depth, publish, take
from support.daemon import DaemonProcess
from support.documents import endless_pdf
from support.letters import declare, job

pytestmark = pytest.mark.broker

NAMES = Topology()
WHERE = {"exchange": NAMES.jobs_exchange.name, "routing_key": "default"}
REPLIES = NAMES.reply_queue("tests").name
SMALL = 20_000


def answered_and_parked(url: str, staging: Path, message: Message) -> Message:
    """The letter that becomes of a message; its sender and a neighbour are answered."""
    declare(url)
    publish(url, message, **WHERE)
    with DaemonProcess(url, staging) as daemon:
        assert take(url, REPLIES).message_id == message.message_id
        letter = take(url, NAMES.dead_queue.name)
        publish(url, job("neighbour"), **WHERE)
        assert take(url, REPLIES).message_id == "neighbour"
        assert daemon.logged("publish_failed") == []
    assert_queues_empty(url)
    return letter


def test_headers_that_fill_a_frame_can_be_parked(amqp_url: str, tmp_path: Path) -> None:
    """The connection that answers everybody would be closed by it, again and again."""
    stranger = replace(job("stranger"), headers={H_JOB: "x" * 130_600})
    letter = answered_and_parked(amqp_url, tmp_path, stranger)
    assert H_JOB not in letter.headers
    assert letter.headers[H_REASON_TEXT].endswith(f"too large to be kept whole: {H_HISTORY}, {H_JOB}")
    assert letter.body == stranger.body


def test_a_job_with_large_fields_and_a_long_history_can_be_parked(amqp_url: str, tmp_path: Path) -> None:
    """The more often such a job had failed, the less could be done with it."""
    config = PDFProcessorConfig(tenant_id="t" * 60_000, per_document_timeout_seconds=0.5)
    fields = {"reply_to": REPLIES, "config": config, "path": "/p.pdf"}
    large = encode_job("large", document=endless_pdf(), **fields)
    record = AttemptRecord(attempt=1, reason="memory", code="E", message="m" * 1000)
    history = history_text((record,) * 31)
    letter = answered_and_parked(
        amqp_url, tmp_path, replace(large, headers={**large.headers, H_HISTORY: history})
    )
    assert letter.headers["x-ingestkit-reason"] == ErrorCode.E_EXECUTION_TIMEOUT
    assert letter.headers[H_JOB] == large.headers[H_JOB]
    assert '"reason":"timeout"' in letter.headers[H_HISTORY]


@pytest.fixture
def lowered(broker: PrivateBroker, amqp_url: str) -> Iterator[PrivateBroker]:
    """Messages that are in its queues may be larger than what it takes from now on."""

    def limit(size: int) -> None:
        broker.ctl("eval", f"application:set_env(rabbit, max_message_size, {size}).")

    declare(amqp_url)
    before = int(broker.ctl("eval", "{ok, S} = application:get_env(rabbit, max_message_size), S."))
    for message in (replace(job("stranger"), type="no.job", body=bytes(2 * SMALL)), large_job()):
        publish(amqp_url, message, **WHERE)
    limit(SMALL)
    yield broker
    limit(before)


def large_job() -> Message:
    document = endless_pdf() + b"%" * 2 * SMALL
    config = PDFProcessorConfig(per_document_timeout_seconds=0.5)
    return encode_job("large", reply_to=REPLIES, config=config, path="/p.pdf", document=document)


def test_what_has_become_too_large_is_parked_by_the_broker(
    lowered: PrivateBroker, amqp_url: str, tmp_path: Path
) -> None:
    """A lowered limit would have such messages published in vain for ever, each in a place of its own."""
    with DaemonProcess(amqp_url, tmp_path, retry_attempts={"timeout": 2}) as daemon:
        assert {take(amqp_url, REPLIES).message_id for _ in range(2)} == {"stranger", "large"}
        letters = {
            letter.message_id: letter for letter in (take(amqp_url, NAMES.dead_queue.name) for _ in range(2))
        }
        (line,) = daemon.logged("attempt_finished")
    assert line["outcome"] == "deadlettered"
    assert {letter.headers["x-death"][0]["reason"] for letter in letters.values()} == {"rejected"}
    assert letters["large"].body == large_job().body
    assert depth(amqp_url, NAMES.job_queue("default").name) == 0
