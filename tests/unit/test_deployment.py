"""Names of prefixes, lanes and clients: one rule for everybody who takes one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.settings import DaemonSettings

URL = "amqp://guest:guest@localhost:1/"


def taken(call: Callable[[], object]) -> bool:
    """Whether a name is accepted."""
    try:
        call()
    except (ValueError, ValidationError):
        return False
    return True


@pytest.mark.parametrize(
    ("prefix", "good"),
    [("a", True), ("team-1.pdf_x", True), ("x" * 100, True), ("amqp", True)]
    + [(bad, False) for bad in ("", "x" * 101, "a b", "a\n", "ä", "amq", "amq.x")],
)
def test_a_prefix_is_good_for_all_or_for_none(prefix: str, good: bool) -> None:
    """A producer could use a prefix that no daemon of that name can be started with."""
    assert taken(lambda: Topology(prefix)) is good
    assert taken(lambda: DistributedExecutionBackend(URL, prefix=prefix)) is good
    assert taken(lambda: DaemonSettings(prefix=prefix)) is good


@pytest.mark.parametrize(
    ("lane", "good"),
    [("bulk", True), ("A_1-x", True), ("x" * 64, True), ("orphaned", True)]
    + [(bad, False) for bad in ("", "x" * 65, "a.b", "a\n", "ä")],
)
def test_a_lane_is_good_for_all_or_for_none(lane: str, good: bool) -> None:
    """Jobs could go to a lane that no daemon can be told to consume."""
    assert taken(lambda: DistributedExecutionBackend(URL, lane=lane)) is good
    assert taken(lambda: PDFProcessorConfig(execution_lane=lane)) is good
    assert taken(lambda: DaemonSettings(lanes=[lane])) is good


@pytest.mark.parametrize(
    ("client_id", "good"), [("billing", True), ("x" * 64, True), ("a.b", False), ("orphaned", False)]
)
def test_a_client_id_is_good_for_all_or_for_none(client_id: str, good: bool) -> None:
    """A client could be configured that no daemon would answer."""
    assert taken(lambda: DistributedExecutionBackend(URL, client_id=client_id)) is good
    assert taken(lambda: PDFProcessorConfig(execution_client_id=client_id)) is good
    assert Topology().is_reply_queue(Topology().reply_queue(client_id).name) is good
