"""Results side by side."""

from __future__ import annotations

from typing import Any

from ingestkit_pdf.models import ProcessingResult

__all__ = ["comparable"]


def comparable(result: ProcessingResult) -> dict[str, Any]:
    """The result without what differs from run to run: its run id, and durations."""
    found: dict[str, Any] = _without_seconds(result.model_dump(mode="json", exclude={"ingest_run_id"}))
    return found


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_seconds(item) for key, item in value.items() if "seconds" not in key}
    if isinstance(value, list):
        return [_without_seconds(item) for item in value]
    return value
