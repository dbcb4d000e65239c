"""Dead letters read, chosen, explained and made into jobs again; all of it without a broker."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ingestkit_pdf.cli import cli, dead_report
from ingestkit_pdf.cli.dead_options import filter_options
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.execution.dead_letters import Letter, LetterFilter, explain
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.wire.envelope import (
    AttemptRecord,
    Message,
    dead_letter,
    decode_job,
    decode_result_part,
    encode_result,
    redriven_message,
    retry_message,
)
from ingestkit_pdf.wire.letter import read_letter
from ingestkit_pdf.wire.topology import DEFAULT_PREFIX, Topology
from support.letters import DOCUMENT, job, letter

NAMES = Topology()


def read(message: Message) -> Letter:
    return read_letter(message, DEFAULT_PREFIX)


def parked_by_broker(reason: str, *, headers: dict[str, Any] | None = None) -> Message:
    """A job as the broker dead-letters it, after a rung of the retry ladder."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    deaths = [
        {"count": 1, "reason": reason, "queue": "ingestkit.pdf.jobs.large", "time": at},
        {"count": 2, "reason": "expired", "queue": "ingestkit.pdf.retry.large.5s", "time": at},
    ]
    made = job("one")
    return replace(made, headers={**made.headers, **(headers or {}), "x-death": deaths})


def test_a_letter_of_a_daemon_tells_everything() -> None:
    """What the daemon wrote down would not reach the operator."""
    found = read(letter("one"))
    assert (found.job_id, found.lane, found.reason, found.code) == (
        "one",
        "default",
        "timeout",
        "E_EXECUTION_TIMEOUT",
    )
    assert (found.source, found.document, found.size) == ("inline", "/p/one.pdf", len(DOCUMENT))
    assert found.details["page_reached"] == 7
    assert found.history[0].host == "hostname"
    assert found.parked_at is not None
    assert found.submitted_at is not None


def test_a_letter_by_path_tells_its_path() -> None:
    """A document that is not in the message could not be found."""
    found = read(letter("one", document=None))
    assert (found.source, found.document, found.document_sha256) == ("path", "/p/one.pdf", None)


@pytest.mark.parametrize("reason", ["delivery_limit", "rejected", "expired", "maxlen"])
def test_a_letter_of_the_broker_is_read_from_its_own_words(reason: str) -> None:
    """Letters that no daemon has parked would have no reason, no lane and no way back."""
    forged = {"x-ingestkit-reason": "E_EXECUTION_TIMEOUT", "x-ingestkit-lane": "elsewhere"}
    found = read(parked_by_broker(reason, headers=forged))
    assert (found.reason, found.code, found.lane) == (reason, None, "large")
    assert found.parked_at == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert explain(found).startswith("The broker parked it")
    assert "large" in dead_report.describe(found, 0.0)


def test_every_reason_is_explained() -> None:
    """A reason that is new would be shown without a word on what to do."""
    nothing = explain(read(Message(body=b"")))
    given_back = {FailureReason.CANCELLED, FailureReason.NOT_STARTED}  # never parked
    reasons = [reason for reason in FailureReason if reason not in given_back]
    texts = {explain(read(letter("one", reason=reason, code="E_X"))) for reason in reasons}
    assert len(texts) == len(reasons)
    assert nothing not in texts
    invalid = dead_letter(job("one"), lane="default", reason="E_EXECUTION_REJECTED", text="type is None")
    assert read(invalid).reason == "invalid"
    assert explain(read(invalid)) not in {nothing, *texts}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMED = st.sampled_from(
    ["job", "attempt", "history", "redrive", "reason", "reason-text", "details", "lane", "parked-at"]
).map(lambda name: f"x-ingestkit-{name}")


@given(
    headers=st.dictionaries(NAMED | st.just("x-death"), ANYTHING, max_size=6),
    body=st.binary(max_size=50),
    message_id=st.none() | st.text(max_size=20),
    content_type=st.sampled_from([None, "application/pdf", "application/json"]),
)
def test_whatever_is_in_a_letter_can_be_shown(
    headers: dict[str, Any], body: bytes, message_id: str | None, content_type: str | None
) -> None:
    """One forged message would make the dead letters unreadable, or write to the operator's terminal."""
    found = read(Message(body=body, headers=headers, message_id=message_id, content_type=content_type))
    shown = dead_report.describe(found, 1e9)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown.split("\n")) < 100
    json.dumps(dead_report.as_json(found, 1e9))
    dead_report.row(found, 1e9)
    LetterFilter(reasons=frozenset({"timeout"}), parked_before=1.0, document="abcd").matches(found)
    redriven_message(Message(body=body, headers=headers))


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (LetterFilter(), True),
        (LetterFilter(job_ids=frozenset({"one", "two"})), True),
        (LetterFilter(job_ids=frozenset({"two"})), False),
        (LetterFilter(reasons=frozenset({"crashed", "TIMEOUT"})), True),
        (LetterFilter(reasons=frozenset({"e-execution-timeout"})), True),
        (LetterFilter(reasons=frozenset({"time"})), False),
        (LetterFilter(lanes=frozenset({"default"})), True),
        (LetterFilter(lanes=frozenset({"large"})), False),
        (LetterFilter(document="474E9165"), True),
        (LetterFilter(document="9165"), False),
        (LetterFilter(parked_before=1001.0), True),
        (LetterFilter(parked_before=1000.0), False),
        (LetterFilter(parked_after=999.0), True),
        (LetterFilter(parked_after=1000.0), False),
        (LetterFilter(lanes=frozenset({"default"}), reasons=frozenset({"crashed"})), False),
    ],
)
def test_a_filter_takes_what_fits_every_condition(wanted: LetterFilter, fits: bool) -> None:
    """The wrong letters would be brought back or deleted."""
    found = replace(read(letter("one")), parked_at=1000.0)
    assert wanted.matches(found) is fits


def test_a_letter_of_unknown_age_is_neither_old_nor_new() -> None:
    """A purge of what is old would take what nobody knows the age of."""
    found = replace(read(letter("one")), parked_at=None)
    assert not LetterFilter(parked_before=9e9).matches(found)
    assert not LetterFilter(parked_after=0.0).matches(found)


def test_a_redriven_job_begins_anew_and_remembers() -> None:
    """A letter that is parked again would have forgotten its first failures, or be parked at once."""
    record = AttemptRecord(attempt=1, reason="timeout", code="E_EXECUTION_TIMEOUT", message="slow")
    message = letter("one")
    for number in range(1, 60):
        message = redriven_message(message)
        back = decode_job(message, NAMES)
        assert (back.attempt, back.redrive) == (1, number)
        assert not {"x-ingestkit-reason", "x-ingestkit-details", "x-ingestkit-lane"} & set(message.headers)
        again = record.model_copy(update={"redrive": number, "message": "\x00" * 1000})
        message = dead_letter(
            message, lane="default", reason="E_EXECUTION_TIMEOUT", text="slow", history=(*back.history, again)
        )
    history = read(message).history
    assert history[-1].redrive == 59
    assert 2 < len(history) <= 32


def test_the_same_letter_gives_the_same_job() -> None:
    """The copy that a kill can leave behind would count as another job."""
    parked = letter("one")
    assert redriven_message(parked) == redriven_message(parked)


def test_a_retry_keeps_the_redrive() -> None:
    """The second attempt of a redriven job would be taken for that of the first time."""
    back = redriven_message(letter("one"))
    again = retry_message(back, decode_job(back, NAMES), read(letter("one")).history[0])
    assert (decode_job(again, NAMES).redrive, decode_job(again, NAMES).attempt) == (1, 2)


def test_a_client_takes_a_redriven_answer_in_the_place_of_the_error() -> None:
    """The answer would be thrown away as the second one of its job."""
    store = ResultStore(adopt=False)
    store.expect("one")

    def arrive(text: bytes, tag: int, redrive: int = 0) -> tuple[Delivery, ...]:
        (message,) = encode_result("one", text, redrive=redrive)
        return store.receive(decode_result_part(message), Delivery(1, tag))

    assert arrive(b"error", 1) == ()
    assert (first := store.claim("one")) is not None
    assert first.body() == b"error"
    assert arrive(b"error again", 2) == (Delivery(1, 2),)
    assert arrive(b"answer", 3, redrive=1) == ()
    assert (second := store.claim("one")) is not None
    assert second.body() == b"answer"
    assert arrive(b"answer of another daemon", 4, redrive=1) == (Delivery(1, 4),)
    assert arrive(b"late error", 5) == (Delivery(1, 5),)


def test_a_redriven_answer_outdates_an_error_that_nobody_has_claimed() -> None:
    """The error would be handed over although the answer is there."""
    store = ResultStore(adopt=True)
    parts = encode_result("one", b"x" * 50, part_size=20, redrive=1)
    (error,) = encode_result("one", b"error")
    assert store.receive(decode_result_part(error), Delivery(1, 1)) == ()
    assert store.receive(decode_result_part(parts[0]), Delivery(1, 2)) == (Delivery(1, 1),)
    assert store.claim("one") is None
    assert [store.receive(decode_result_part(part), Delivery(1, 3)) for part in parts[1:]] == [(), ()]
    assert (answer := store.claim("one")) is not None
    assert answer.body() == b"x" * 50


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (3600, "1h"), (93784, "1d2h"), (-5, "0s"), (None, "?")],
)
def test_ages_are_short(seconds: float | None, text: str) -> None:
    """The table would not be readable."""
    assert dead_report.age(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("1d12h", 129600), ("2w", 1209600)]
)
def test_ages_are_understood(text: str, seconds: float) -> None:
    """A filter by age would mean something else than it says."""
    found: list[LetterFilter] = []

    @click.command()
    @filter_options
    def take(*, wanted: LetterFilter) -> None:
        found.append(wanted)

    assert CliRunner().invoke(take, ["--older-than", text, "--newer-than", "2w"]).exit_code == 0
    before, after = found[0].parked_before, found[0].parked_after
    assert before is not None
    assert after is not None
    assert before - after == pytest.approx(1209600 - seconds, abs=1)


@pytest.mark.parametrize("arguments", [["--older-than", "2"], ["--older-than", "h"], ["--document", "xyz!"]])
def test_what_is_not_understood_is_refused(arguments: list[str]) -> None:
    """A filter that is misspelt would choose everything, or nothing."""
    outcome = CliRunner().invoke(cli, ["dead", "list", "--amqp-url", "amqp://127.0.0.1:1", *arguments])
    assert outcome.exit_code == 2
