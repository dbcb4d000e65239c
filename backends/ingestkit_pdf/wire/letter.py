"""A dead letter, read: whatever its headers say, and whoever wrote them.

A letter was parked by a daemon, with our headers, or by the broker itself, with `x-death`
(https://www.rabbitmq.com/docs/dlx). Nothing in it is trusted: it may be anything that somebody
has published, so what does not make sense reads as unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestkit_pdf.wire.envelope import AttemptRecord, Message, parse_history
from ingestkit_pdf.wire.envelope.message import (
    H_ATTEMPT,
    H_DETAILS,
    H_HISTORY,
    H_JOB,
    H_LANE,
    H_PARKED_AT,
    H_REASON,
    H_REASON_TEXT,
    H_REDRIVE,
)

__all__ = ["INVALID", "UNKNOWN", "BrokerDeath", "Letter", "read_letter"]

INVALID = "invalid"
"""The reason of a message that is not a valid job."""

UNKNOWN = "unknown"

_MAX_TEXT = 1000
_MAX_DEATHS = 32
_MAX_JSON = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDeath:
    """The broker's own word on why it took a message out of a queue."""

    reason: str
    queue: str
    count: int
    at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is known about one parked message; None is unknown.

    Attributes:
        job_id: The message id as it stands, valid or not.
        lane: The lane it came from.
        reason: In one word: how the last attempt ended, `invalid`, or the broker's own
            (`delivery_limit`, `rejected`, `expired`, `maxlen`).
        code: The error code its client was told; None for what the broker parked, of which nobody was.
        text: What happened, in words.
        attempt: The attempt it was parked at.
        redrives: How often it had been brought back before.
        history: How its attempts ended, the oldest first, over all redrives.
        details: Facts about the last attempt: `signal`, `exit_code`, `peak_memory_bytes`, `page_reached`,
            `host`, `version`, ...
        deaths: The broker's words, the latest first; empty for what a daemon parked.
        source: `inline` or `path`.
        document: The path of the document as its producer knows it.
        document_sha256: Of an inline document, as declared; of one by path, as it was when it was parked.
        size: Bytes of the body.
        reply_to: Where the answer goes.
        parked_at: Seconds since the epoch.
        submitted_at: Seconds since the epoch.
    """

    job_id: str | None
    lane: str | None
    reason: str
    code: str | None
    text: str
    attempt: int | None
    redrives: int
    history: tuple[AttemptRecord, ...]
    details: Mapping[str, str | int | float | None]
    deaths: tuple[BrokerDeath, ...]
    source: str | None
    document: str | None
    document_sha256: str | None
    size: int
    reply_to: str | None
    parked_at: float | None
    submitted_at: float | None


def read_letter(message: Message, prefix: str) -> Letter:
    """Everything a parked message says about itself; never raises."""
    headers = message.headers
    deaths = _deaths(headers.get("x-death"))
    history = parse_history(message.headers.get(H_HISTORY)) or ()
    fields = _fields(message)
    source = fields.get("source")
    source = source if isinstance(source, Mapping) else {}
    code = None if deaths else _text(headers.get(H_REASON))
    details = _details(headers.get(H_DETAILS)) if code else {}
    parked_at = deaths[0].at if deaths else _number(headers.get(H_PARKED_AT))
    return Letter(
        job_id=_text(message.message_id),
        lane=_lane_of(deaths, prefix) if deaths else _text(headers.get(H_LANE)),
        reason=_reason(code, deaths, history),
        code=code,
        text=_text(headers.get(H_REASON_TEXT)) or "" if code else "",
        attempt=_count(headers.get(H_ATTEMPT)),
        redrives=_count(headers.get(H_REDRIVE)) or 0,
        history=history,
        details=details,
        deaths=deaths,
        source=_text(source.get("kind")),
        document=_text(source.get("name")) or _text(source.get("path")),
        document_sha256=_text(source.get("sha256")) or _text(details.get("document_sha256")),
        size=len(message.body),
        reply_to=_text(message.reply_to),
        parked_at=parked_at if parked_at is not None or not history else history[-1].at or None,
        submitted_at=_number(fields.get("submitted_at")) or _number(message.timestamp),
    )


def _reason(code: str | None, deaths: tuple[BrokerDeath, ...], history: tuple[AttemptRecord, ...]) -> str:
    if deaths:
        return deaths[0].reason
    if code == "E_EXECUTION_REJECTED":
        return INVALID
    if code is not None and history and history[-1].code == code:
        return history[-1].reason
    return UNKNOWN


def _deaths(value: Any) -> tuple[BrokerDeath, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(
        BrokerDeath(
            reason=_text(death.get("reason")) or UNKNOWN,
            queue=_text(death.get("queue")) or UNKNOWN,
            count=_count(death.get("count")) or 1,
            at=_number(death.get("time")),
        )
        for death in value[:_MAX_DEATHS]
        if isinstance(death, Mapping)
    )


def _lane_of(deaths: tuple[BrokerDeath, ...], prefix: str) -> str | None:
    """Only a queue for jobs dead-letters here; its name ends with the lane."""
    jobs = f"{prefix}.jobs."
    return next((death.queue.removeprefix(jobs) for death in deaths if death.queue.startswith(jobs)), None)


def _fields(message: Message) -> Mapping[str, Any]:
    """What a job says of itself, in a header or as its body."""
    inline = message.content_type == "application/pdf"
    return _json(message.headers.get(H_JOB) if inline else message.body)


def _details(value: Any) -> Mapping[str, str | int | float | None]:
    return {
        name[:100]: fact[:_MAX_TEXT] if isinstance(fact, str) else fact
        for name, fact in list(_json(value).items())[:100]
        if fact is None or isinstance(fact, str | int | float)
    }


def _json(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, str | bytes) or len(value) > _MAX_JSON:
        return {}
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, Mapping) else {}


def _text(value: Any) -> str | None:
    return value[:_MAX_TEXT] if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: Any) -> float | None:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**40 else None
