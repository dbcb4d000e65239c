"""The codec: what goes in comes out, and nothing that is not a job gets past it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.wire.envelope import (
    MAX_REPLY_TOS,
    AttemptRecord,
    InvalidMessageError,
    Message,
    ResultAssembler,
    ResultTooLargeError,
    addressed,
    dead_letter,
    decode_job,
    decode_result_part,
    encode_job,
    encode_result,
    fitting,
    in_smaller_parts,
    retry_message,
)
from ingestkit_pdf.wire.envelope.message import (
    H_ALSO_REPLY_TO,
    H_ATTEMPT,
    H_HISTORY,
    H_JOB,
    H_PART,
    H_PARTS,
    H_REASON_TEXT,
    H_REDRIVE,
    H_SHA256,
)
from ingestkit_pdf.wire.topology import Topology

TOPOLOGY = Topology()
REPLY_TO = "ingestkit.pdf.replies.alice"
CONFIG = PDFProcessorConfig(tenant_id="acme", chunk_size_tokens=256, execution_max_workers=9)


def a_job(document: bytes | None = b"%PDF-1.7") -> Message:
    """A valid job, inline or by path."""
    return encode_job("job-1", reply_to=REPLY_TO, config=CONFIG, path="/in/a.pdf", document=document)


def broken(message: Message) -> str:
    """What `decode_job` says against a message."""
    with pytest.raises(InvalidMessageError) as caught:
        decode_job(message, TOPOLOGY)
    return str(caught.value)


@pytest.mark.parametrize("document", [b"%PDF-1.7", b"", None])
def test_a_job_comes_out_as_it_went_in(document: bytes | None) -> None:
    """Daemons would read another document, or with another configuration, than the producer meant."""
    job = decode_job(a_job(document), TOPOLOGY)
    assert (job.job_id, job.reply_to, job.file_path, job.document) == (
        "job-1",
        REPLY_TO,
        "/in/a.pdf",
        document,
    )
    assert job.config.output_fields() == CONFIG.output_fields()
    assert job.config.tenant_id == "acme"
    assert job.attempt == 1


def test_settings_of_the_execution_are_not_sent() -> None:
    """The URL of the broker, with its password, would lie in every queue."""
    config = PDFProcessorConfig(execution_backend="distributed", execution_queue_url="amqp://u:s3cret@h/")
    message = encode_job("job-1", reply_to=REPLY_TO, config=config, path="a.pdf", document=b"x")
    assert "s3cret" not in repr(message)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": None}, "type"),
        ({"type": "ingestkit.pdf.job.v2"}, "type"),
        ({"message_id": None}, "message_id"),
        ({"message_id": "a\nb", "correlation_id": "a\nb"}, "message_id"),
        ({"correlation_id": "other"}, "correlation_id"),
        ({"reply_to": None}, "reply_to"),
        ({"reply_to": "ingestkit.pdf.jobs.default"}, "reply_to"),
        ({"reply_to": "ingestkit.pdf.replies.orphaned"}, "reply_to"),
        ({"content_type": "text/html"}, "content_type"),
        ({"content_type": None}, "content_type"),
        ({"content_encoding": "gzip"}, "content_encoding"),
        ({"body": b"another document"}, "declared"),
        ({"body": b"%PDF-1.8"}, "SHA-256"),
        ({"headers": {}}, "missing"),
        ({"headers": {H_JOB: "{}"}}, "source"),
        ({"headers": {H_JOB: "x" * 70_000}}, "at most"),
    ],
)
def test_a_message_that_is_not_as_it_says_is_refused_with_the_reason(
    changes: dict[str, Any], said: str
) -> None:
    """An invalid message would be acted on, or be parked without anybody knowing why."""
    assert said in broken(replace(a_job(), **changes))


@pytest.mark.parametrize(
    "header",
    [
        {H_ATTEMPT: 0},
        {H_ATTEMPT: "1"},
        {H_ATTEMPT: True},
        {H_ATTEMPT: 10**9},
        {H_HISTORY: "["},
        {H_HISTORY: 5},
    ],
)
def test_a_header_of_the_wrong_kind_is_refused(header: dict[str, Any]) -> None:
    """A forged attempt or history would decide how often a job is run."""
    message = a_job()
    assert next(iter(header)) in broken(replace(message, headers={**message.headers, **header}))


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 2},
        {"source": {"kind": "path", "path": ""}},
        {"source": {"kind": "url", "path": "http://x"}},
        {"source": {"kind": "path", "path": 5}},
        {"config": {"no_such_setting": 1}},
        {"config": {"max_file_size_mb": -1}},
        {"config": {"reject_javascript": False}},
        {"config": 5},
    ],
)
def test_fields_of_the_wrong_kind_are_refused(fields: dict[str, Any]) -> None:
    """A job could lift a limit of the daemon or name what is no file."""
    message = a_job(None)
    whole = {**json.loads(message.body), **fields}
    broken(replace(message, body=json.dumps(whole).encode()))


def test_an_inline_document_above_the_limit_is_refused() -> None:
    """A producer could fill the memory of a daemon."""
    with pytest.raises(InvalidMessageError, match="is the limit"):
        decode_job(a_job(b"x" * 100), TOPOLOGY, inline_limit=99)


@pytest.mark.parametrize("path", ["", "x" * 5000, "a\ud800.pdf"])
def test_a_path_that_no_job_can_carry_is_refused_when_it_is_encoded(path: str) -> None:
    """The producer would learn of it from a dead letter, or from an exception of the JSON encoder."""
    with pytest.raises(InvalidMessageError, match="path"):
        encode_job("job-1", reply_to=REPLY_TO, config=CONFIG, path=path)


@pytest.mark.parametrize("job_id", ["", "a b", "a\n", "x" * 129])
def test_an_id_that_no_daemon_takes_is_refused_when_it_is_encoded(job_id: str) -> None:
    """A job under an id of one's own would be confirmed and then be parked as invalid."""
    with pytest.raises(InvalidMessageError, match="job id"):
        encode_job(job_id, reply_to=REPLY_TO, config=CONFIG, path="a.pdf")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
header_names = (
    st.sampled_from([H_JOB, H_ATTEMPT, H_HISTORY, H_PART, H_PARTS, H_SHA256, "traceparent"]) | st.text()
)
short = st.none() | st.text(max_size=200)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message with some fields of a valid one and some that are anything."""
    base = draw(st.sampled_from([a_job(), a_job(None), encode_result("job-1", b"{}")[0], Message(body=b"")]))
    json_body = st.builds(lambda value: json.dumps(value, default=repr).encode(), values)
    changes = {
        name: draw(strategy)
        for name, strategy in {
            "body": st.binary(max_size=200) | json_body,
            "type": short,
            "message_id": short,
            "correlation_id": short,
            "reply_to": short,
            "content_type": short | st.sampled_from(["application/pdf", "application/json"]),
            "content_encoding": short | st.just("deflate"),
            "headers": st.dictionaries(header_names, values, max_size=6),
        }.items()
        if draw(st.booleans())
    }
    if "headers" in changes and draw(st.booleans()):
        changes["headers"] = {**base.headers, **changes["headers"]}
    return replace(base, **changes)


@settings(max_examples=500, deadline=None)
@given(messages())
def test_decoding_anything_gives_a_job_or_a_reason(message: Message) -> None:
    """A message could end the consumer of every daemon with an exception nobody expects."""
    reason = ""
    try:
        job = decode_job(message, TOPOLOGY)
    except InvalidMessageError as error:
        reason = str(error)
    else:
        assert TOPOLOGY.is_reply_queue(job.reply_to)
    assert reason.isprintable()


@settings(max_examples=300, deadline=None)
@given(messages())
def test_decoding_anything_as_a_result_gives_a_part_or_a_reason(message: Message) -> None:
    """A message in a reply queue could end the I/O thread of the client."""
    reason = ""
    try:
        ResultAssembler().add(decode_result_part(message))
    except InvalidMessageError as error:
        reason = str(error)
    assert reason.isprintable()


@given(st.binary(max_size=3000), st.integers(1, 500), st.randoms())
def test_a_result_is_put_together_from_its_parts_in_any_order(body: bytes, size: int, random: Any) -> None:
    """A large result would come out damaged, or never."""
    parts = [decode_result_part(message) for message in encode_result("job-1", body, part_size=size)]
    random.shuffle(parts)
    assembler = ResultAssembler()
    found = [assembler.add(part) for part in [*parts[:-1], *parts[:1], parts[-1]]]
    assert found[-1] == body


@given(st.binary(max_size=3000), st.integers(1, 500), st.integers(1, 500))
def test_parts_made_smaller_are_the_same_result(body: bytes, size: int, smaller: int) -> None:
    """A result would be damaged by the discovery that the broker takes less in a message."""
    parts = in_smaller_parts(encode_result("job-1", body, part_size=size, redrive=2), smaller)
    assembler = ResultAssembler()
    assert [assembler.add(decode_result_part(part)) for part in parts][-1] == body
    assert max(len(part.body) for part in parts) <= smaller
    assert {part.headers[H_REDRIVE] for part in parts} == {2}


def test_a_long_result_is_compressed() -> None:
    """The reply queue would hold ten times what it must."""
    (message,) = encode_result("job-1", b"words " * 100_000)
    assert message.content_encoding == "deflate"
    assert len(message.body) < 10_000


def test_a_result_cut_short_or_too_long_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a result would be handed over as a whole one, or a small message fill the client's memory."""
    whole = decode_result_part(encode_result("job-1", b"words " * 100_000)[0])
    half = whole.body[: len(whole.body) // 2]
    cut = replace(whole, body=half, sha256=hashlib.sha256(half).hexdigest())
    with pytest.raises(InvalidMessageError, match="decompress"):
        ResultAssembler().add(cut)
    monkeypatch.setattr("ingestkit_pdf.wire.envelope.result._MAX_RESULT_BYTES", 599_999)
    with pytest.raises(ResultTooLargeError, match="more than"):
        ResultAssembler().add(whole)
    monkeypatch.setattr("ingestkit_pdf.wire.envelope.result._MAX_RESULT_BYTES", len(whole.body) - 1)
    with pytest.raises(ResultTooLargeError):
        ResultAssembler().add(replace(whole, content_encoding=None))


def test_a_retry_counts_and_remembers() -> None:
    """A job would be tried for ever, or nobody could tell how its attempts ended."""
    job = decode_job(a_job(), TOPOLOGY)
    record = AttemptRecord(attempt=1, reason="crashed", code="E_EXECUTION_CRASHED", message="SIGSEGV")
    again = decode_job(retry_message(a_job(), job, record), TOPOLOGY)
    assert again.attempt == 2
    assert [entry.reason for entry in again.history] == ["crashed"]
    assert again.document == job.document


def test_a_dead_letter_keeps_the_message_and_drops_foreign_headers() -> None:
    """A letter could not be redriven, or ten thousand headers of a stranger would be carried along."""
    message = a_job()
    stuffed = replace(
        message, headers={**message.headers, **{f"x-{number}": "y" for number in range(10_000)}}
    )
    letter = dead_letter(stuffed, lane="default", reason="invalid", text="because " * 1000)
    assert letter.body == message.body
    assert letter.headers[H_JOB] == message.headers[H_JOB]
    assert len(letter.headers) < 12
    assert decode_job(letter, TOPOLOGY).job_id == "job-1"


def test_what_is_sent_on_has_headers_that_can_be_sent() -> None:
    """A header that is not UTF-8, or no text at all, would keep a job from being retried or parked."""
    job = a_job()
    strange = {**job.headers, H_REDRIVE: ["x"], "traceparent": b"\xff\xfe", H_HISTORY: True}
    letter = dead_letter(replace(job, headers=strange), lane="default", reason="x", text="y")
    assert all(isinstance(value, str | int) for value in letter.headers.values())
    assert letter.headers["traceparent"] == "\ufffd\ufffd"
    assert {H_REDRIVE, H_HISTORY}.isdisjoint(letter.headers)
    assert letter.headers[H_JOB] == job.headers[H_JOB]


def long_history(records: int = 32) -> tuple[AttemptRecord, ...]:
    """As much as a history may say, in letters of four bytes."""
    return tuple(
        AttemptRecord(attempt=number, reason="timeout", code="E", message="\U0001f4c4" * 1000)
        for number in range(1, records + 1)
    )


def test_what_is_measured_is_bytes() -> None:
    """A history of 64 Ki letters of four bytes would not fit into a frame, which ends the connection."""
    job = decode_job(a_job(), TOPOLOGY)
    message = retry_message(a_job(), replace(job, history=long_history()), long_history()[0])
    assert len(message.headers[H_HISTORY].encode()) <= 64 * 1024
    assert decode_job(message, TOPOLOGY).history[-1].attempt == 1
    long = PDFProcessorConfig(tenant_id="\U0001f4c4" * 20_000)
    with pytest.raises(InvalidMessageError, match="limit"):
        encode_job("job", reply_to=REPLY_TO, config=long, path="a", document=b"")


def test_headers_that_do_not_fit_lose_the_oldest_attempts_first() -> None:
    """A letter could not be parked, or would lose what it takes to bring it back, or why it is there."""
    letter = dead_letter(a_job(), lane="default", reason="E", text="too slow", history=long_history())
    assert fitting(letter, 128 * 1024) is letter
    fitted = fitting(letter, 10_000)
    assert fitted.headers[H_JOB] == letter.headers[H_JOB]
    assert '"attempt":32' in fitted.headers[H_HISTORY]
    assert '"attempt":31' in fitted.headers[H_HISTORY]
    assert '"attempt":30' not in fitted.headers[H_HISTORY]
    assert fitted.headers[H_REASON_TEXT] == f"too slow; too large to be kept whole: {H_HISTORY}"
    assert (
        len(b"".join(name.encode() + str(value).encode() for name, value in fitted.headers.items())) < 10_000
    )


@given(
    st.dictionaries(st.sampled_from([H_JOB, H_ATTEMPT, H_HISTORY, "traceparent"]), st.text(max_size=2000)),
    st.text(max_size=2000),
    st.integers(1500, 5000),
)
def test_whatever_the_headers_are_they_fit(headers: dict[str, str], text: str, limit: int) -> None:
    """A stranger's message could not be parked, and would close the connection that answers everybody."""
    job = replace(a_job(), headers=headers)
    letter = dead_letter(job, lane="default", reason="E", text=text[:200], history=long_history(1))
    fitted = fitting(letter, limit)
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in fitted.headers.items())
    assert size <= limit
    assert fitted.headers[H_REASON_TEXT].startswith(text[:200])


def test_a_job_is_answered_to_everybody_it_names() -> None:
    """Somebody who submitted a job that was under way would not be answered after its next attempt."""
    names = tuple(f"ingestkit.pdf.replies.client-{number}" for number in range(MAX_REPLY_TOS))
    assert decode_job(addressed(a_job(), names), TOPOLOGY).reply_tos == names
    again = addressed(addressed(a_job(), names), names[:1])
    assert decode_job(again, TOPOLOGY).reply_tos == names[:1]


@pytest.mark.parametrize(
    "names",
    ["ingestkit.pdf.dead", "ingestkit.pdf.replies.orphaned", "ingestkit.pdf.replies.a " * MAX_REPLY_TOS],
)
def test_a_job_that_names_other_queues_or_too_many_is_refused(names: str) -> None:
    """A job could make a daemon publish into a queue that is no client's, or a thousand times."""
    message = replace(a_job(), headers={**a_job().headers, H_ALSO_REPLY_TO: names})
    assert H_ALSO_REPLY_TO in broken(message)


@pytest.mark.parametrize("at", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_time_that_is_no_number_is_refused_at_once(at: str) -> None:
    """A job would be accepted, and be invalid when it is retried: JSON has no such number to send on."""
    record = f'{{"attempt": 1, "reason": "r", "code": "c", "message": "m", "at": {at}}}'
    history = f'{{"records": [{record}]}}'
    job = replace(a_job(), headers={**a_job().headers, H_HISTORY: history})
    assert f"header {H_HISTORY}: records.0.at" in broken(job)
    body = re.sub(r'"submitted_at":[0-9.e]+', f'"submitted_at":{at}', a_job(None).body.decode())
    assert "submitted_at" in broken(replace(a_job(None), body=body.encode()))
