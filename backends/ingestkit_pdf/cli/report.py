"""What the commands print: lines that cannot be forged by a file's name, tables, progress, results."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ingestkit_pdf.errors import IngestError
from ingestkit_pdf.models import ProcessingResult

__all__ = ["ResultWriter", "complain", "failures", "line_of", "printable", "progress", "table"]

_SUFFIXES = {"markdown": ".md", "json": ".json"}


def printable(text: str) -> str:
    """`text` on one line, with everything that could move a cursor or end the line escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def complain(message: str) -> None:
    """One line on standard error."""
    click.echo(f"ingestkit-pdf: {printable(message)}", err=True)


def failures(path: str, result: ProcessingResult) -> None:
    """One line on standard error for each error of a document."""
    details: dict[str, IngestError] = {}
    for detail in result.error_details:
        details.setdefault(detail.code.value, detail)
    for code in result.errors:
        message = f": {details[code].message}" if code in details else ""
        complain(f"{path}: {code}{message}")


def line_of(path: str, result: ProcessingResult) -> dict[str, Any]:
    """A result in short, for a line of JSON or of a table."""
    return {
        "file": path,
        "outcome": "ok" if result.succeeded else "failed",
        "type": result.classification.pdf_type.value if result.succeeded else None,
        "pages": result.metadata.page_count,
        "chunks": result.chunks_created,
        "seconds": round(result.processing_time_seconds, 3),
        "errors": result.errors,
        "warnings": result.warnings,
    }


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    is_number = [
        all(row[column].replace(".", "", 1).isdigit() for row in cells) for column in range(len(headings))
    ]
    widths = [max(len(row[column]) for row in [list(headings), *cells]) for column in range(len(headings))]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, is_number, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in [list(headings), *cells])


@contextlib.contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error if that is a terminal; the function moves it one step."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)


class ResultWriter:
    """Writes results as Markdown or JSON, to a folder or to standard output.

    On standard output JSON is one line a document, and several Markdown documents are each preceded by
    a comment with the file's name. A document that failed has no Markdown.

    Args:
        kind: `markdown` or `json`.
        folder: Where to write; made if it is not there. None: standard output.
        several: More than one document will come.
    """

    def __init__(self, kind: str, folder: Path | None, *, several: bool) -> None:
        self._kind = kind
        self._folder = folder
        self._several = several
        self._used: set[str] = set()
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise click.ClickException(f"--output {folder}: {error.strerror}") from error

    def write(self, path: str, result: ProcessingResult) -> Path | None:
        """Write one result; the file it went to, if it went to one."""
        if self._kind == "markdown" and not result.succeeded:
            return None
        if self._folder is None:
            self._to_stdout(path, result)
            return None
        target = self._folder / self._free_name(Path(path).stem or "document")
        text = result.markdown if self._kind == "markdown" else result.model_dump_json(indent=2)
        try:
            target.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{target}: {error.strerror}") from error
        return target

    def _to_stdout(self, path: str, result: ProcessingResult) -> None:
        if self._kind == "json":
            click.echo(json.dumps(result.model_dump(mode="json"), ensure_ascii=False))
            return
        if self._several:
            click.echo(f"<!-- {printable(path).replace('--', '- -')} -->\n")
        click.echo(result.markdown.rstrip("\n") + ("\n" if self._several else ""))

    def _free_name(self, stem: str) -> str:
        """Files of the same name from different folders must not overwrite each other."""
        suffix = _SUFFIXES[self._kind]
        name, number = f"{stem}{suffix}", 1
        while name in self._used:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._used.add(name)
        return name
