"""A job sent on: to its next attempt, to the dead letters, and back from there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingestkit_pdf.wire.envelope.attempts import AttemptRecord, history_text, parse_history
from ingestkit_pdf.wire.envelope.job import Job
from ingestkit_pdf.wire.envelope.message import (
    H_ATTEMPT,
    H_DETAILS,
    H_HISTORY,
    H_LANE,
    H_PARKED_AT,
    H_REASON,
    H_REASON_TEXT,
    H_REDRIVE,
    MAX_JSON,
    MAX_REDRIVES,
    Message,
    byte_length,
    own_headers,
)

__all__ = ["dead_letter", "fitting", "redriven_message", "retry_message", "same_again"]

_MAX_TEXT = 1000
"""Characters of the reason in words."""

_ROOM_FOR_NOTE = 300
"""Bytes that the note takes of what is left out."""


def retry_message(message: Message, job: Job, record: AttemptRecord) -> Message:
    """The same job for its next attempt, with what ended this one."""
    history = history_text((*job.history, record))
    headers = {**own_headers(message), H_ATTEMPT: job.attempt + 1, H_HISTORY: history}
    return replace(message, headers=headers)


def same_again(message: Message) -> Message:
    """The same job for the same attempt, without the broker's count of its deliveries."""
    return replace(message, headers=own_headers(message))


def redriven_message(message: Message) -> Message:
    """A dead letter as the job it was: first attempt again, without its reason, the history kept.

    Pure, so that the same letter brought back twice gives the same job twice, which daemons and clients
    recognise by its id and its redrive number.
    """
    redrive = message.headers.get(H_REDRIVE, 0)
    count = redrive if isinstance(redrive, int) and 0 <= redrive < MAX_REDRIVES else 0
    return replace(message, headers={**own_headers(message), H_ATTEMPT: 1, H_REDRIVE: count + 1})


def dead_letter(
    message: Message,
    *,
    lane: str,
    reason: str,
    text: str,
    history: tuple[AttemptRecord, ...] = (),
    details: Mapping[str, str | int | float | None] | None = None,
) -> Message:
    """The message as it is parked: body and properties unchanged, the reason in its headers."""
    headers: dict[str, Any] = {
        **own_headers(message),
        H_REASON: reason,
        H_REASON_TEXT: text[:_MAX_TEXT],
        H_LANE: lane,
        H_PARKED_AT: int(time.time()),
        H_DETAILS: json.dumps(dict(details or {}), sort_keys=True)[:MAX_JSON],
    }
    if history:
        headers[H_HISTORY] = history_text(history)
    return replace(message, headers=headers)


def fitting(message: Message, limit: int) -> Message:
    """The message, with headers of at most `limit` bytes on the wire: all of them have to fit into one frame.

    What does not fit is left out, and the reason of a dead letter says so: the oldest attempts first, then
    what came with the job, the largest first.
    """
    headers = dict(message.headers)
    if _size(headers) <= limit:
        return message
    history = parse_history(headers.pop(H_HISTORY, None)) or ()
    left_out = [H_HISTORY]
    with_job = [name for name in (*own_headers(message), H_DETAILS) if name in headers]
    for name in sorted(with_job, key=lambda name: _size({name: headers[name]}), reverse=True):
        if _size(headers) + _ROOM_FOR_NOTE <= limit:
            break
        del headers[name]
        left_out.append(name)
    if (text := headers.get(H_REASON_TEXT)) is not None:
        note = f"; too large to be kept whole: {', '.join(left_out)}"
        headers[H_REASON_TEXT] = text[: _MAX_TEXT - len(note)] + note
    if history:
        headers[H_HISTORY] = history_text(history, limit=max(0, limit - _size({**headers, H_HISTORY: ""})))
    return replace(message, headers=headers)


def _size(headers: Mapping[str, Any]) -> int:
    """Bytes on the wire: name and value with their lengths, and the value's type."""
    return sum(
        byte_length(name) + (byte_length(value) if isinstance(value, str) else 8) + 6
        for name, value in headers.items()
    )
