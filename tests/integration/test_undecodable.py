"""Messages that the AMQP library of the daemon cannot decode, among jobs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf import ErrorCode
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, publish, take_all
from support.daemon import DaemonProcess
from support.letters import declare, job
from support.raw_frames import nested_table, publish_raw

pytestmark = pytest.mark.broker

NAMES = Topology()
WHERE = {"exchange": NAMES.jobs_exchange.name, "routing_key": "default"}
NEIGHBOURS = 20
MICROSECONDS = 1_767_225_600_000_000

JOBS_ALL_THE_SAME: dict[str, dict[str, Any]] = {
    "microseconds": {"timestamp": MICROSECONDS},
    "nanoseconds": {"timestamp": MICROSECONDS * 1000},
    "app-id": {"app_id": b"\xff\xfe"},
    "header-time": {"more_headers": b"\x04timeT" + struct.pack(">Q", MICROSECONDS)},
    "header-name": {"more_headers": b"\x02\xff\xfeI" + struct.pack(">i", 1)},
    "header-text": {"more_headers": b"\x04textS" + struct.pack(">I", 2) + b"\xff\xfe"},
    "deep": {"more_headers": nested_table(5000)},
}
"""What is wrong with them concerns nobody."""

NO_JOBS: dict[str, dict[str, Any]] = {
    "type": {"type": b"\xff" * 255},
    "message-id": {"message_id": b"\xc3(", "correlation_id": b"\xc3("},
    "reply-to": {"reply_to": b"\xff\xfe"},
    "history": {"more_headers": b"\x13x-ingestkit-historyS" + struct.pack(">I", 2) + b"\xff\xfe"},
    "attempt": {"more_headers": b"\x13x-ingestkit-attemptT" + struct.pack(">Q", MICROSECONDS)},
}


def test_a_message_that_cannot_be_decoded_is_parked_and_its_neighbours_are_answered(
    amqp_url: str, tmp_path: Path
) -> None:
    """One message would cost every daemon of its lane the connection for ever, and get good jobs parked."""
    declare(amqp_url)
    for number in range(NEIGHBOURS):
        publish(amqp_url, job(f"before-{number}"), **WHERE)
    for name, what in {**NO_JOBS, **JOBS_ALL_THE_SAME}.items():
        publish_raw(amqp_url, job(name), **WHERE, **what)
    for number in range(NEIGHBOURS):
        publish(amqp_url, job(f"after-{number}"), **WHERE)
    answered = 2 * NEIGHBOURS + len(JOBS_ALL_THE_SAME)
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        daemon.wait_for("attempt_finished", outcome="completed", count=answered)
        letters = take_all(amqp_url, NAMES.dead_queue.name, count=len(NO_JOBS))
        assert len(daemon.logged("daemon_ready")) == 1, "the connection was lost"
    assert {letter.headers["x-ingestkit-reason"] for letter in letters} == {ErrorCode.E_EXECUTION_REJECTED}
    reasons = " ".join(letter.headers["x-ingestkit-reason-text"] for letter in letters)
    assert all(
        what in reasons
        for what in ("type is", "message_id", "reply_to", "x-ingestkit-attempt", "x-ingestkit-history")
    )
    replies = take_all(amqp_url, NAMES.reply_queue("tests").name, count=answered + 3)
    assert {"type", "history", "attempt", *JOBS_ALL_THE_SAME} < {reply.message_id for reply in replies}
    assert_queues_empty(amqp_url)
