"""Times our tables beside PyMuPDF's `find_tables` on the same pages, in a process that may hang."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.lines import Fonts, read_lines
from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.tables import make_engine, recognise

import pymupdf  # isort: skip # after the pipeline, which sets it up

__all__ = ["TablePair"]

_LOAD_SECONDS = 120.0
_CONFIG = PDFProcessorConfig()


def _ours(path: str, index: int) -> None:
    """Interpret a page and find its tables."""
    with open_document(path) as document:
        content = document.read_page(index)
        lines = read_lines(content.blocks, content.width, content.height, Fonts()).lines
        recognise(content, lines, index + 1, _CONFIG, make_engine(_CONFIG))


def _theirs(path: str, index: int) -> None:
    """Have PyMuPDF do the same."""
    with pymupdf.open(path) as document:
        _ = document[index].find_tables().tables


def _serve(connection: Connection) -> None:
    """The child: answer with the seconds that either works; None for what it cannot read."""
    if hasattr(pymupdf, "no_recommend_layout"):
        pymupdf.no_recommend_layout()  # it would print that into the report
    connection.send(None)
    while True:
        try:
            path, index = connection.recv()
        except EOFError:
            return
        for function in (_ours, _theirs):
            start = time.process_time()
            try:
                function(path, index)
                connection.send(time.process_time() - start)
            except Exception:  # noqa: BLE001 - whatever a parser raises, the run goes on
                connection.send(None)


class TablePair:
    """Seconds of both over pages of documents, those that either cannot read left out.

    Attributes:
        pages: How many were read by both.
        ours, theirs: Seconds of work, so that a busy machine gives the same ratio.
        out_of_time: Pages on which `find_tables` was stopped; they count with the time it had.
    """

    def __init__(self, limit: float) -> None:
        self.pages = self.out_of_time = 0
        self.ours = self.theirs = 0.0
        self._limit = limit
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._answer(_LOAD_SECONDS)

    def _answer(self, seconds: float) -> float | None:
        """What the child says; `seconds` where it says nothing for so long, and it is started again."""
        try:
            if self._pipe.poll(seconds):
                found: float | None = self._pipe.recv()
                return found
        except EOFError:
            seconds = 0.0
        self.close()
        self._start()
        return seconds or None

    def add(self, path: Path, indices: Iterable[int]) -> None:
        """Time both on pages of a document."""
        for index in indices:
            self._pipe.send((str(path), index))
            process = self._process
            ours = self._answer(self._limit)
            if process is not self._process:
                continue
            theirs = self._answer(self._limit)
            if ours is not None and theirs is not None:
                self.pages += 1
                self.ours += ours
                self.theirs += theirs
                self.out_of_time += process is not self._process

    def report(self) -> dict[str, float | int]:
        """As numbers."""
        return {
            "pages": self.pages,
            "ours_ms_per_page": round(1000 * self.ours / max(self.pages, 1), 2),
            "find_tables_ms_per_page": round(1000 * self.theirs / max(self.pages, 1), 2),
            "find_tables_to_ours": round(self.theirs / self.ours, 1) if self.ours else 0.0,
            "out_of_time": self.out_of_time,
        }

    def close(self) -> None:
        """End the child."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
