"""What clients ask of daemons, and what daemons tell: what goes in comes out, and nothing else gets past."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent
from ingestkit_pdf.wire.envelope import (
    MAX_REQUEST_JOBS,
    InvalidMessageError,
    Message,
    RequestKind,
    decode_event,
    decode_request,
    encode_event,
    encode_request,
)
from ingestkit_pdf.wire.topology import Topology

NAMES = Topology()
REPLY_TO = NAMES.reply_queue("alice").name
EVENT = JobProgress(
    job_id="job-1",
    event=ProgressEvent.FINISHED,
    attempt=2,
    page=7,
    pages=9,
    at=1767225600.5,
    lane="bulk",
    host="a.example",
    reason="timeout",
    outcome=JobOutcome.FAILED,
)


def a_request(kind: RequestKind = RequestKind.CANCEL) -> Message:
    """A valid request."""
    (message,) = encode_request(kind, REPLY_TO, ["job-1", "job.2"])
    return message


@pytest.mark.parametrize("kind", list(RequestKind))
def test_a_request_comes_out_as_it_went_in(kind: RequestKind) -> None:
    """Daemons would do something else than a client asks for, or to other jobs."""
    request = decode_request(a_request(kind), NAMES)
    assert (request.kind, request.reply_to, request.job_ids) == (kind, REPLY_TO, ("job-1", "job.2"))
    assert a_request(kind).transient


def test_a_request_for_many_jobs_is_several_messages() -> None:
    """A client that follows a thousand jobs could follow none."""
    names = [f"job-{number}-{'x' * 100}" for number in range(2 * MAX_REQUEST_JOBS + 1)]
    messages = encode_request(RequestKind.WATCH, REPLY_TO, names)
    assert [name for message in messages for name in decode_request(message, NAMES).job_ids] == names
    assert len(messages) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "ingestkit.pdf.job.v1"},
        {"type": None},
        {"content_encoding": "deflate"},
        {"reply_to": None},
        {"reply_to": "ingestkit.pdf.jobs.default"},
        {"reply_to": "ingestkit.pdf.replies.orphaned"},
        {"body": b""},
        {"body": b"[]"},
        {"body": b'{"version": 2, "jobs": ["a"]}'},
        {"body": b'{"version": 1, "jobs": []}'},
        {"body": b'{"version": 1, "jobs": "a"}'},
        {"body": b'{"version": 1, "jobs": [1]}'},
        {"body": b'{"version": 1, "jobs": ["a b"]}'},
        {"body": b'{"version": 1, "jobs": [""]}'},
        {"body": json.dumps({"version": 1, "jobs": ["a"] * (MAX_REQUEST_JOBS + 1)}).encode()},
        {"body": json.dumps({"version": 1, "jobs": ["a"], "more": "x" * 70_000}).encode()},
    ],
    ids=str,
)
def test_what_is_no_request_is_refused(changed: dict[str, Any]) -> None:
    """A daemon would act on what no client of ours has asked for."""
    with pytest.raises(InvalidMessageError):
        decode_request(replace(a_request(), **changed), NAMES)


def test_what_is_no_job_id_is_not_asked_about() -> None:
    """A client would publish what every daemon refuses, and think that it was heard."""
    with pytest.raises(InvalidMessageError, match="not a job id"):
        encode_request(RequestKind.CANCEL, REPLY_TO, ["a b"])


def test_an_event_comes_out_as_it_went_in() -> None:
    """Whoever follows a job would be told another page, or another end."""
    message = encode_event(EVENT)
    assert decode_event(message) == EVENT
    assert message.transient


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "ingestkit.pdf.result.v1"},
        {"message_id": None},
        {"correlation_id": "another"},
        {"body": b""},
        {"body": b"[]"},
        {"body": b'{"event": "exploded"}'},
        {"body": b'{"event": "page", "page": 0}'},
        {"body": b'{"event": "page", "page": -1}'},
        {"body": b'{"event": "page", "page": NaN}'},
        {"body": b'{"event": "started", "host": "%s"}' % (b"x" * 300)},
        {"body": b'{"event": "started", "more": "%s"}' % (b"x" * 5000)},
    ],
    ids=str,
)
def test_what_is_no_event_is_refused(changed: dict[str, Any]) -> None:
    """A client would show what no daemon has said, or break on it."""
    with pytest.raises(InvalidMessageError):
        decode_event(replace(encode_event(EVENT), **changed))


def test_what_a_newer_daemon_adds_to_an_event_is_ignored() -> None:
    """An older client would be blind to a newer daemon."""
    body = json.dumps({"event": "page", "page": 3, "attempt": 1, "at": 1.0, "mood": "good"}).encode()
    assert decode_event(replace(encode_event(EVENT), body=body)).page == 3


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    """A daemon or a client would end with an exception that nobody expects."""
    for decode in (
        lambda: decode_event(replace(encode_event(EVENT), body=body)),
        lambda: decode_request(replace(a_request(), body=body), NAMES),
    ):
        try:
            decode()
        except InvalidMessageError:
            continue


def test_own_queues_are_named_below_the_rights_of_their_users() -> None:
    """A user with the rights that are documented could not listen."""
    assert NAMES.event_queue("alice", "t1").name == "ingestkit.pdf.events.alice.t1"
    assert NAMES.control_queue("t1").name == "ingestkit.pdf.control.t1"
    assert NAMES.event_key(REPLY_TO, "job.2", "page") == "alice.job.2.page"
    assert NAMES.event_queue("a", "t").arguments["x-queue-type"] == "classic"
