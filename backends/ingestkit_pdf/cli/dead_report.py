"""Dead letters as text and as JSON. Everything in them may be forged, so every line is escaped."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingestkit_pdf.cli.report import printable
from ingestkit_pdf.execution.dead_letters import Letter, explain
from ingestkit_pdf.wire.envelope import AttemptRecord

__all__ = ["HEADINGS", "age", "as_json", "count", "describe", "row", "summary"]

HEADINGS = ("AGE", "LANE", "JOB", "REASON", "ATTEMPTS", "DOCUMENT", "SIZE")

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_HASH_SHOWN = 12


def age(seconds: float | None) -> str:
    """Two units at most: `3d4h`, `2h`, `45s`; `?` where it is unknown."""
    if seconds is None:
        return "?"
    left, parts = max(0, int(seconds)), []
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts[:2]) or "0s"


def count(number: int) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return f"{number} dead letter" if number == 1 else f"{number} dead letters"


def row(letter: Letter, now: float) -> tuple[str, ...]:
    """One line of the table, as `HEADINGS` says."""
    return (
        age(None if letter.parked_at is None else now - letter.parked_at),
        letter.lane or "?",
        letter.job_id or "?",
        letter.reason,
        "?" if letter.attempt is None else str(letter.attempt),
        (letter.document_sha256 or "-")[:_HASH_SHOWN],
        str(letter.size),
    )


def summary(reasons: Mapping[str, int]) -> str:
    """`3 dead letters: 2 timeout, 1 crashed`."""
    parts = ", ".join(f"{number} {reason}" for reason, number in Counter(reasons).most_common())
    total = count(sum(reasons.values()))
    return f"{total}: {parts}" if parts else total


def as_json(letter: Letter, now: float) -> dict[str, Any]:
    """Everything, for programs."""
    facts = dataclasses.asdict(letter)
    facts["history"] = [record.model_dump() for record in letter.history]
    facts["details"] = dict(letter.details)
    facts["age_seconds"] = None if letter.parked_at is None else round(now - letter.parked_at, 1)
    facts["explanation"] = explain(letter)
    return facts


def describe(letter: Letter, now: float) -> str:
    """Everything, for people."""
    code = f" ({letter.code})" if letter.code else ""
    lines = [
        ("Job", letter.job_id or "?"),
        ("Lane", letter.lane or "?"),
        ("Reason", f"{letter.reason}{code}"),
        *([("", letter.text)] if letter.text else []),
        ("Meaning", explain(letter)),
        ("Parked", _moment(letter.parked_at, now)),
        ("Submitted", _moment(letter.submitted_at, now)),
        ("Document", _document(letter)),
        ("SHA-256", letter.document_sha256 or "unknown until it is read"),
        ("Answer to", letter.reply_to or "?"),
        ("Redriven", f"{letter.redrives} times" if letter.redrives else "never"),
        *([("Details", _facts(letter.details))] if letter.details else []),
        *(("Attempt", _attempt(record)) for record in letter.history),
        *(
            ("Broker", f"{death.reason} from {death.queue}, {death.count} times, {_moment(death.at, now)}")
            for death in letter.deaths
        ),
    ]
    return "\n".join(f"{name:<11}{printable(text)}".rstrip() for name, text in lines)


def _attempt(record: AttemptRecord) -> str:
    number = f"{record.attempt}" + (f" of redrive {record.redrive}" if record.redrive else "")
    where = f" on {record.host}" if record.host else ""
    ended = f"{record.reason} ({record.code}): {record.message}"
    return f"{number}, {_moment(record.at or None)}{where}: {ended} [{_facts(record.details)}]"


def _facts(facts: Mapping[str, Any]) -> str:
    hidden = {"reason", "document_sha256"}  # said elsewhere
    return ", ".join(
        f"{name}={_amount(name, value)}"
        for name, value in facts.items()
        if value is not None and name not in hidden
    )


def _amount(name: str, value: Any) -> str:
    return f"{value / 2**20:.0f} MiB" if name.endswith("_bytes") and isinstance(value, int) else str(value)


def _document(letter: Letter) -> str:
    name = letter.document or "unknown"
    return f"{name} ({letter.source or 'unknown source'}, {letter.size} bytes in the message)"


def _moment(at: float | None, now: float | None = None) -> str:
    if at is None:
        return "unknown"
    try:
        text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "unknown"
    return text if now is None else f"{text} ({age(now - at)} ago)"
