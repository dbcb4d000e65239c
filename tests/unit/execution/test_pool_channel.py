"""The channel to a worker: pieces, limits, and answers that are none."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from ingestkit_pdf.execution._answer import read_answer
from ingestkit_pdf.execution._channel import (
    ChannelError,
    Frame,
    FrameReader,
    Kind,
    Progress,
    read_frame,
    write_frame,
)
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.execution.task import Stage

RESULT: dict[str, Any] = {
    "number": 1,
    "peak_memory_bytes": 10,
    "resident_bytes": 20,
    "errors": ["E_PARSE_EMPTY"],
    "pages": 3,
    "chunks": 4,
    "content_sha256": "ab",
    "document_bytes": 5,
    "stages": [["open", 7.0, 0.25], ["read", 7.25, 0.5]],
}


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def header(magic: bytes = b"IKPF", kind: int = 3, meta: int = 2, body: int = 0) -> bytes:
    return struct.pack("<4sBIQ", magic, kind, meta, body)


def test_a_frame_arrives_as_it_was_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    """If it failed, tasks and results would be garbled."""
    write_frame(ends[0], Kind.TASK, {"path": "\udcff"}, b"body")
    write_frame(ends[0], Kind.READY, {})
    assert read_frame(ends[1]) == Frame(Kind.TASK, {"path": "\udcff"}, b"body")
    assert read_frame(ends[1]) == Frame(Kind.READY, {}, b"")
    ends[0].close()
    assert read_frame(ends[1]) is None


def test_a_frame_in_pieces_never_blocks_its_reader(ends: tuple[socket.socket, socket.socket]) -> None:
    """If it failed, a worker that stops halfway through a result would stop its slot before the deadline."""
    ends[1].setblocking(False)
    reader = FrameReader(ends[1])
    whole = header(body=3) + b"{}abc"
    for byte in whole[:-1]:
        ends[0].send(bytes([byte]))
        assert reader.receive() is None
    ends[0].send(whole[-1:])
    assert reader.receive() == Frame(Kind.RESULT, {}, b"abc")
    assert not reader.closed


@pytest.mark.parametrize(
    "data",
    [
        header(magic=b"HTTP") + b"{}",
        header(kind=9) + b"{}",
        header(meta=2**20) + b"{}",
        header(body=2**40) + b"{}",
        header(meta=3) + b"{{{",
        header(meta=2) + b"[]",
        header(meta=0),
        header(meta=2) + b"\xff\xfe",
    ],
)
def test_what_is_not_a_frame_is_refused(ends: tuple[socket.socket, socket.socket], data: bytes) -> None:
    """If it failed, a worker taken over by a document could fill the parent's memory or confuse it."""
    ends[0].send(data)
    with pytest.raises(ChannelError):
        read_frame(ends[1])


def test_an_answer_is_read_for_what_it_says() -> None:
    """If it failed, figures of one result would be those of another."""
    outcome, resident = read_answer(Frame(Kind.RESULT, RESULT, b"{}"), number=1, page=2, seconds=0.5)
    assert resident == 20
    assert outcome == PoolResult(
        body=b"{}",
        errors=("E_PARSE_EMPTY",),
        pages=3,
        chunks=4,
        content_sha256="ab",
        seconds=0.5,
        peak_memory_bytes=10,
        document_bytes=5,
        stages=(Stage("open", 7.0, 0.25), Stage("read", 7.25, 0.5)),
    )


@pytest.mark.parametrize(
    "told",
    [
        [["mine", 1.0, 1.0]],
        [["open", float("nan"), 1.0]],
        [["open", 1.0, float("inf")]],
        [["open", 1.0, -1.0]],
        [["open"]],
        ["open", 1.0, 1.0],
        100 * [["else", 1.0, 1.0]],
    ],
)
def test_a_stage_that_is_none_is_left_out(told: object) -> None:
    """If it failed, a worker could make labels of metrics, or spans at the end of time."""
    outcome, _ = read_answer(Frame(Kind.RESULT, {**RESULT, "stages": told}, b""), number=1, page=1, seconds=1)
    assert isinstance(outcome, PoolResult)
    assert outcome.stages == ()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.RESULT, {"number": 2}),
        (Kind.RESULT, {"pages": -1}),
        (Kind.RESULT, {"chunks": 2**60}),
        (Kind.RESULT, {"peak_memory_bytes": "much"}),
        (Kind.RESULT, {"resident_bytes": None}),
        (Kind.RESULT, {"errors": "E_PARSE_EMPTY"}),
        (Kind.RESULT, {"stages": None}),
        (Kind.READY, {}),
    ],
)
def test_an_answer_that_is_none_is_refused(kind: Kind, change: dict[str, Any]) -> None:
    """If it failed, a late or forged answer would count for the document after it."""
    with pytest.raises(ChannelError):
        read_answer(Frame(kind, {**RESULT, **change}, b""), number=1, page=None, seconds=0)


def test_a_failure_is_of_the_kinds_that_a_worker_can_report_and_short() -> None:
    """If it failed, a worker could claim a cancellation, or send a message of any length into the headers."""
    facts = {**RESULT, "reason": "cancelled", "message": "x" * 100_000}
    outcome, _ = read_answer(Frame(Kind.FAILURE, facts, b""), number=1, page=5, seconds=0)
    assert isinstance(outcome, WorkerFailure)
    assert outcome.reason is FailureReason.EXCEPTION
    assert len(outcome.message) == 1000
    assert outcome.page_reached == 5


def test_the_page_counter_is_shared_and_bounded() -> None:
    """If it failed, nobody would know the page a worker died on, or a wild number would go into headers."""
    ours = Progress.create()
    with open(f"/proc/self/fd/{ours.fileno()}", "r+b", buffering=0) as file:  # noqa: PTH123
        theirs = Progress(file)
        theirs.set_page(9)
        theirs.begin(4)
        assert (ours.begun(4), ours.begun(3), ours.page) == (True, False, None)
        theirs.set_page(12)
        assert ours.page == 12
        theirs.set_page(2**40)
        assert ours.page is None
        theirs.set_pages(30)
        assert ours.pages == 30
        theirs.begin(5)
        assert (ours.page, ours.pages) == (None, None)
        theirs.close()
    ours.close()
