"""What the demonstration prints of each result: one row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ingestkit_pdf import ProcessingResult

__all__ = ["outcome", "render", "row"]

HEADER = ("document", "type", "pages", "chunks", "time", "outcome")
_RIGHT = {2, 3, 4}
_NAME_LENGTH = 40


def outcome(result: ProcessingResult) -> str:
    """What became of the document: `ok`, what the result lacks, or why there is none."""
    if result.errors:
        return f"failed: {', '.join(result.errors)}"
    return f"ok, but {', '.join(result.warnings)}" if result.warnings else "ok"


def row(result: ProcessingResult) -> tuple[str, ...]:
    """The cells of one result."""
    name = Path(result.file_path).name
    if len(name) > _NAME_LENGTH:
        name = f"{name[: _NAME_LENGTH - 1]}…"
    failed = bool(result.errors) and not result.pages
    return (
        name,
        "-" if failed else result.classification.pdf_type.value,
        str(result.metadata.page_count) if result.metadata.page_count else "-",
        str(result.chunks_created),
        f"{result.processing_time_seconds:.2f} s",
        outcome(result),
    )


def render(rows: Iterable[Sequence[str]]) -> str:
    """The table as text, its columns aligned."""
    lines = [HEADER, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    rule = ["─" * width for width in widths]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in _RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [lines[0], rule, *lines[1:]]
    )
