"""What a worker's answer is worth: a pure reading of one frame."""

from __future__ import annotations

from typing import Any

from ingestkit_pdf.execution._channel import ChannelError, Frame, Kind
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.task import STAGES, PoolResult, Stage

__all__ = ["Answer", "read_answer", "read_count"]

_MAX_INT = 2**53
_MAX_SECONDS = 2.0**32
_MAX_TEXT = 1000

Answer = tuple[PoolResult | WorkerFailure, int]
"""The outcome, and how many bytes the worker is resident with after it."""


def read_answer(frame: Frame, *, number: int, page: int | None, seconds: float) -> Answer:
    """Turn the answer to task `number` into its outcome.

    Raises:
        ChannelError: It is no answer, or not to this task; the worker cannot be trusted with another.
    """
    facts = frame.meta
    if facts.get("number") != number:
        raise ChannelError("an answer to another task")
    peak = _count(facts, "peak_memory_bytes")
    resident = _count(facts, "resident_bytes")
    if frame.kind is Kind.FAILURE:
        return _failure(facts, peak=peak, page=page, seconds=seconds), resident
    if frame.kind is not Kind.RESULT:
        raise ChannelError("not an answer")
    errors = facts.get("errors")
    if not isinstance(errors, list):
        raise ChannelError("an answer without its errors")
    result = PoolResult(
        body=frame.body,
        errors=tuple(str(code)[:_MAX_TEXT] for code in errors),
        pages=_count(facts, "pages"),
        chunks=_count(facts, "chunks"),
        content_sha256=str(facts.get("content_sha256"))[:64],
        seconds=seconds,
        peak_memory_bytes=peak,
        document_bytes=_count(facts, "document_bytes"),
        stages=_stages(facts.get("stages")),
    )
    return result, resident


def _failure(facts: dict[str, Any], *, peak: int, page: int | None, seconds: float) -> WorkerFailure:
    memory = facts.get("reason") == FailureReason.MEMORY
    return WorkerFailure(
        reason=FailureReason.MEMORY if memory else FailureReason.EXCEPTION,
        message=str(facts.get("message"))[:_MAX_TEXT],
        peak_memory_bytes=peak,
        page_reached=page,
        seconds=seconds,
    )


def _stages(told: object) -> tuple[Stage, ...]:
    """Those that there are; a function of the user's own has none, or others."""
    if not isinstance(told, list):
        raise ChannelError("an answer without its stages")
    found = []
    for item in told[: len(STAGES)]:
        match item:
            case [str(name), float(began), float(seconds)] if name in STAGES:
                if 0 <= began < _MAX_SECONDS and 0 <= seconds < _MAX_SECONDS:
                    found.append(Stage(name, began, seconds))
    return tuple(found)


def read_count(frame: Frame, name: str) -> int:
    """A fact of a frame that has to be a count.

    Raises:
        ChannelError: It is none.
    """
    return _count(frame.meta, name)


def _count(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    if not isinstance(value, int) or not 0 <= value < _MAX_INT:
        raise ChannelError(f"an answer whose {name} is not a count")
    return value
