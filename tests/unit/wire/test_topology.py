"""Names, arguments and which queues a job may be answered to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestkit_pdf._deployment import is_valid_name
from ingestkit_pdf.wire.topology import RETRY_DELAYS, Queue, Topology


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("ingestkit.pdf.replies.alice", True),
        ("ingestkit.pdf.replies.9f8e-_Z", True),
        ("ingestkit.pdf.replies.orphaned", False),
        ("ingestkit.pdf.replies.", False),
        ("ingestkit.pdf.replies.a.b", False),
        ("ingestkit.pdf.replies.a\n", False),
        ("ingestkit.pdf.jobs.default", False),
        ("x.ingestkit.pdf.replies.alice", False),
        ("ingestkit.pdf.replies.ingestkit.pdf.replies.alice", False),
        ("amq.rabbitmq.reply-to.g1h2", False),
        ("", False),
    ],
)
def test_only_reply_queues_are_reply_queues(name: str, allowed: bool) -> None:
    """A job could make a daemon publish into any queue of the broker."""
    assert Topology().is_reply_queue(name) is allowed


@given(st.text(max_size=80))
def test_every_client_that_may_have_a_queue_can_be_answered(client_id: str) -> None:
    """A client could submit jobs whose answers every daemon refuses to send."""
    allowed = Topology().is_reply_queue(Topology().reply_queue(client_id).name)
    assert allowed == (is_valid_name(client_id) and client_id != "orphaned")


def test_every_queue_names_its_type_and_lane_queues_dead_letter_at_least_once() -> None:
    """Messages would be lost when a dead-letter target is absent: it takes all four arguments."""
    queues = Topology("some.prefix").queues(["default", "bulk"])
    assert len({queue.name for queue in queues}) == 2 + 2 * (1 + len(RETRY_DELAYS))
    for queue in (*queues, Topology().reply_queue("alice")):
        assert queue.arguments["x-queue-type"] == "quorum"
    for queue in _lane_queues(queues):
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-dead-letter-exchange"]
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish"


def _lane_queues(queues: tuple[Queue, ...]) -> list[Queue]:
    return [queue for queue in queues if ".jobs." in queue.name or ".retry." in queue.name]


@pytest.mark.parametrize("prefix", ["", "amq", "amq.x", "a b", "a\n", "x" * 101, "ä"])
def test_a_prefix_that_cannot_begin_a_name_is_refused(prefix: str) -> None:
    """A typing error would only show as a refusal of the broker, or forge a line of a log."""
    with pytest.raises(ValueError, match="prefix"):
        Topology(prefix)
