"""Two thousand messages that are no jobs, among jobs that are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestkit_pdf import ErrorCode, PDFProcessorConfig
from ingestkit_pdf.wire.envelope import Message, encode_job
from ingestkit_pdf.wire.envelope.message import H_ATTEMPT, H_HISTORY, H_JOB
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, depth, take_all
from support.daemon import DaemonProcess
from support.documents import text_pdf
from support.ledger import Ledger

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
REPLY_TO = NAMES.reply_queue("attacker").name
MESSAGES = 2000

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)
_name = st.text("abcdefghijklmnopqrstuvwxyz.-_", min_size=1, max_size=60)


def _valid() -> dict[str, Any]:
    document = text_pdf("nothing wrong with this one")
    job = encode_job(
        "victim", reply_to=REPLY_TO, config=PDFProcessorConfig(), path="/a.pdf", document=document
    )
    return _properties(job)


def _properties(job: Message) -> dict[str, Any]:
    return {
        "body": job.body,
        "type": job.type,
        "message_id": job.message_id,
        "correlation_id": job.correlation_id,
        "reply_to": job.reply_to,
        "content_type": job.content_type,
        "headers": dict(job.headers),
    }


def _with_fields(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    message = _valid()
    fields = json.loads(message["headers"][H_JOB])
    change(fields)
    message["headers"][H_JOB] = json.dumps(fields)
    return message


def _with(**changes: Any) -> dict[str, Any]:
    return {**_valid(), **changes}


def _with_headers(**changes: Any) -> dict[str, Any]:
    message = _valid()
    message["headers"] |= changes
    return message


def _without(name: str) -> dict[str, Any]:
    message = _valid()
    message[name] = None
    return message


_by_path = {"content_type": "application/json"}

invalid_messages = st.one_of(
    _text.filter(lambda text: text != "ingestkit.pdf.job.v1").map(lambda text: _with(type=text[:60])),
    st.sampled_from(["type", "message_id", "correlation_id", "reply_to", "content_type"]).map(_without),
    _text.map(lambda text: _with(correlation_id=text[:60])),
    _text.filter(lambda text: not text.isalnum()).map(lambda text: _with(message_id=text[:60] + " ")),
    _name.map(lambda name: _with(reply_to=name)),
    _name.map(lambda name: _with(reply_to=f"{NAMES.job_queue(name[:20]).name}")),
    st.sampled_from([NAMES.dead_queue.name, NAMES.orphaned_queue.name, "", "amq.gen-1"]).map(
        lambda name: _with(reply_to=name)
    ),
    st.binary(max_size=2000).map(lambda body: _with(body=body)),
    st.binary(max_size=2000).map(lambda body: _with(body=body, **_by_path)),
    _text.map(lambda text: _with_headers(**{H_JOB: text})),
    st.integers(-(2**31), 2**31 - 1).map(lambda number: _with_headers(**{H_JOB: number})),
    st.integers(-(2**31), 0).map(lambda number: _with_headers(**{H_ATTEMPT: number})),
    _text.map(lambda text: _with_headers(**{H_ATTEMPT: text})),
    _text.filter(lambda text: not text.startswith("{")).map(lambda text: _with_headers(**{H_HISTORY: text})),
    st.integers(2, 10**6).map(lambda number: _with_fields(lambda fields: fields.update(version=number))),
    st.integers(0, 10**12).map(
        lambda size: _with_fields(lambda fields: fields["source"].update(size=size + 10**4))
    ),
    st.binary(min_size=32, max_size=32).map(
        lambda digest: _with_fields(lambda fields: fields["source"].update(sha256=digest.hex()))
    ),
    st.dictionaries(_name, st.integers(), min_size=1, max_size=5).map(
        lambda config: _with_fields(
            lambda fields: fields.update(config={f"x{k}": v for k, v in config.items()})
        )
    ),
    st.sampled_from(["gzip", "deflate", "br"]).map(lambda encoding: _with(content_encoding=encoding)),
    st.just(_with(headers={f"h{number}": "" for number in range(10_000)})),
    st.builds(
        lambda path: {**_with(**_by_path, headers={}), "body": json.dumps({"source": path}).encode()},
        st.sampled_from([{"kind": "path", "path": ""}, {"kind": "inline"}, {"kind": "url"}, None, [], 7]),
    ),
)


_elsewhere = st.sampled_from(
    ["/etc/passwd", "/proc/self/environ", "/dev/zero", "/", "/tmp/../etc/shadow", "/nowhere/at/all.pdf"]
)


def _job_of(path: str) -> dict[str, Any]:
    """A valid job, as strangers may send it too, of a path that is not allowed."""
    job = encode_job("path", reply_to=REPLY_TO, config=PDFProcessorConfig(), path=path, document=None)
    return _properties(job)


paths_out_of_bounds = st.one_of(_elsewhere, _text.map(lambda text: f"/{text}")).map(_job_of)


def test_each_is_parked_with_its_reason_and_no_job_is_affected(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """A stranger's message would crash the daemon, block a lane, or reach a queue that is no client's."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging) as daemon, channel(amqp_url) as opened:
        opened.queue_declare(REPLY_TO, durable=True, arguments=dict(NAMES.reply_queue("x").arguments))
        published = 0
        paths: list[str] = []

        @settings(
            max_examples=MESSAGES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(*[invalid_messages] * 9, paths_out_of_bounds))
        def attack(message: dict[str, Any]) -> None:
            nonlocal published
            properties = {name: value for name, value in message.items() if name != "body"}
            if message["message_id"] == "path":  # a valid job: one of the same id would be the same job
                properties["message_id"] = properties["correlation_id"] = f"path-{published}"
                paths.append(properties["message_id"])
            opened.basic_publish(
                NAMES.jobs_exchange.name,
                "default",
                message["body"],
                pika.BasicProperties(delivery_mode=2, **properties),
            )
            published += 1
            if published % 4 == 0:
                ledger.submit(1)

        attack()
        ledger.settle(timeout=240)
        daemon.wait_for("delivery_rejected", count=published - len(paths), timeout=120)
        daemon.wait_for("attempt_finished", count=len(paths), code="E_SOURCE_FORBIDDEN", timeout=120)
        assert published >= MESSAGES
        letters = take_all(amqp_url, NAMES.dead_queue.name, count=published)
        reasons = Counter(letter.headers["x-ingestkit-reason"] for letter in letters)
        assert len(paths) > 100
        assert reasons == {
            ErrorCode.E_EXECUTION_REJECTED: published - len(paths),
            ErrorCode.E_SOURCE_FORBIDDEN: len(paths),
        }
        assert all(letter.headers["x-ingestkit-reason-text"] for letter in letters)
        assert depth(amqp_url, NAMES.dead_queue.name) == 0
        assert depth(amqp_url, NAMES.orphaned_queue.name) == 0
        assert len(daemon.logged("daemon_ready")) == 1
    assert len(ledger.confirmed) >= 500
    ledger.assert_balanced(amqp_url)
