"""How the earlier attempts of a job ended, as a header carries it."""

from __future__ import annotations

from pydantic import Field, ValidationError

from ingestkit_pdf.wire.envelope.message import (
    H_HISTORY,
    MAX_JSON,
    InvalidMessageError,
    Message,
    WireModel,
    byte_length,
    first_error,
    text_header,
)

__all__ = ["AttemptRecord", "history_text", "parse_history", "read_history"]

_MAX_HISTORY = 32


class AttemptRecord(WireModel):
    """How one earlier attempt of a job ended. Attempts count from 1 again after a redrive."""

    attempt: int
    reason: str
    code: str
    message: str = Field(max_length=1000)
    host: str = ""
    at: float = Field(default=0.0, allow_inf_nan=False)
    redrive: int = 0
    details: dict[str, str | int | float | None] = Field(default={})


class _History(WireModel):
    records: list[AttemptRecord] = Field(default=[], max_length=_MAX_HISTORY)


def history_text(history: tuple[AttemptRecord, ...], *, limit: int = MAX_JSON) -> str:
    """The latest attempts, as many as `limit` bytes hold; what is longer is not accepted as a history."""
    records = list(history)[-_MAX_HISTORY:]
    while byte_length(text := _History(records=records).model_dump_json()) > limit and records:
        del records[0]
    return text


def read_history(message: Message) -> tuple[AttemptRecord, ...]:
    """The earlier attempts of a job.

    Raises:
        InvalidMessageError: The header is no history.
    """
    text = text_header(message, H_HISTORY, limit=MAX_JSON)
    if text is None:
        return ()
    try:
        return tuple(_History.model_validate_json(text).records)
    except ValidationError as error:
        raise InvalidMessageError(f"header {H_HISTORY}: {first_error(error)}") from error


def parse_history(text: object) -> tuple[AttemptRecord, ...] | None:
    """The attempts that a history header tells of; None where it does not make sense."""
    if not isinstance(text, str) or byte_length(text) > MAX_JSON:
        return None
    try:
        return tuple(_History.model_validate_json(text).records)
    except ValidationError:
        return None
