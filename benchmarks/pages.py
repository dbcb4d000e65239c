"""Pages per second on one core: the pipeline, the bare `get_text("dict")` pass, and pymupdf4llm.

    python benchmarks/pages.py CORPUS_FOLDER [--rounds 3] [--table-pages 2] [--json]

The three are run in turn on each document, in the same process, pinned to one core where the system allows;
the best of the rounds counts. The garbage collector runs as in the pool's workers. The bare pass opens the
document and asks every page for its text as a dictionary, without images: the usual way to text, fonts and
boxes. pymupdf4llm is run on a sample of pages (it takes some 40 times as long as the bare pass), spread over
each document, when it is installed; the bare pass over exactly those pages is timed beside it.

Besides, on some pages of each document: interpreting the page and finding its tables, beside PyMuPDF's
`find_tables`, in a process of their own, because that may hang. What takes longer than `--table-seconds` is
stopped, and counts with that.

No page is read by OCR, because the bare pass reads no pictures either; `benchmarks/ocr.py` measures that.
Scripts in documents are allowed here, so that every document is read to its end. A document that either
side cannot read is left out of all columns and named.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution._forkserver import collect_seldom
from ingestkit_pdf.pdf import process_document  # before pymupdf: blocks its layout model

import pymupdf  # isort: skip

from _tables import TablePair  # isort: skip

try:
    import pymupdf4llm
except ImportError:
    pymupdf4llm = None

BARE_FLAGS = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
CONFIG = PDFProcessorConfig(
    reject_javascript=False,
    reject_javascript_override_reason="benchmark: read every document",
    ocr_engine="none",
).model_dump()


@dataclass(slots=True)
class Timing:
    """Seconds for so many pages."""

    pages: int = 0
    seconds: float = 0.0

    def add(self, pages: int, seconds: float) -> None:
        """Add one document."""
        self.pages += pages
        self.seconds += seconds

    def report(self) -> dict[str, float | int]:
        """As numbers."""
        rate = self.pages / self.seconds if self.seconds else 0.0
        milliseconds = 1000 * self.seconds / self.pages if self.pages else 0.0
        return {
            "pages": self.pages,
            "seconds": round(self.seconds, 4),
            "pages_per_second": round(rate, 1),
            "ms_per_page": round(milliseconds, 3),
        }


def pipeline(path: Path) -> int:
    """Run the whole pipeline; how many pages it read."""
    result = process_document(str(path), CONFIG)
    if result.errors:
        raise ValueError(f"the pipeline refused it: {', '.join(result.errors)}")
    return len(result.pages)


def bare(path: Path, pages: list[int] | None = None) -> int:
    """Open the document and take the text of its pages as dictionaries."""
    with pymupdf.open(path) as document:
        numbers = range(document.page_count) if pages is None else pages
        for number in numbers:
            document[number].get_text("dict", flags=BARE_FLAGS)
        return len(numbers)


def peer(path: Path, pages: list[int]) -> int:
    """Let pymupdf4llm write Markdown of the given pages."""
    pymupdf4llm.to_markdown(str(path), pages=pages, show_progress=False)
    return len(pages)


def timed(function: Callable[[], int]) -> tuple[int, float]:
    """What the function returned and how long it took, garbage of others collected before."""
    gc.collect()
    start = time.perf_counter()
    count = function()
    return count, time.perf_counter() - start


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` page indices spread evenly over a document of `count` pages."""
    wanted = min(count, wanted)
    return sorted({round(index * (count - 1) / max(wanted - 1, 1)) for index in range(wanted)})


def measure(files: list[Path], rounds: int, peer_pages: int) -> dict[str, Any]:
    """Time all of them on all files."""
    names = ["pipeline", "bare", *(["pymupdf4llm", "bare_on_the_same_pages"] if peer_pages else [])]
    totals = {name: Timing() for name in names}
    left_out: dict[str, str] = {}
    for position, path in enumerate(files, start=1):
        print(f"\r{position}/{len(files)}", end="", file=sys.stderr, flush=True)
        try:
            found = _measure_file(path, rounds, peer_pages)
        except Exception as error:  # noqa: BLE001 - whatever a parser raises, the run goes on
            left_out[str(path)] = f"{type(error).__name__}: {error}"[:200]
            continue
        for name, (pages, seconds) in found.items():
            totals[name].add(pages, seconds)
    print(file=sys.stderr)
    report: dict[str, Any] = {name: timing.report() for name, timing in totals.items()}
    if totals["bare"].seconds:
        report["pipeline_to_bare"] = round(totals["pipeline"].seconds / totals["bare"].seconds, 3)
    if peer_pages and totals["bare_on_the_same_pages"].seconds:
        ratio = totals["pymupdf4llm"].seconds / totals["bare_on_the_same_pages"].seconds
        report["pymupdf4llm_to_bare"] = round(ratio, 1)
    report["documents"] = len(files) - len(left_out)
    report["left_out"] = left_out
    return report


def _measure_file(path: Path, rounds: int, peer_pages: int) -> dict[str, tuple[int, float]]:
    best: dict[str, tuple[int, float]] = {}
    jobs: dict[str, Callable[[], int]] = {"pipeline": lambda: pipeline(path), "bare": lambda: bare(path)}
    for index in range(rounds):
        order = list(jobs.items())
        for name, job in order if index % 2 == 0 else reversed(order):
            count, seconds = timed(job)
            if name not in best or seconds < best[name][1]:
                best[name] = (count, seconds)
    if best["pipeline"][0] != best["bare"][0]:
        raise ValueError(f"pages differ: {best['pipeline'][0]} and {best['bare'][0]}")
    if peer_pages:
        sample = spread(best["bare"][0], peer_pages)
        best["pymupdf4llm"] = timed(lambda: peer(path, sample))
        best["bare_on_the_same_pages"] = timed(lambda: bare(path, sample))
    return best


def measure_tables(files: list[Path], pages: int, seconds: float) -> dict[str, Any]:
    """Time our tables and PyMuPDF's on so many pages of each file."""
    pair = TablePair(seconds)
    for position, path in enumerate(files, start=1):
        print(f"\rtables: {position}/{len(files)}", end="", file=sys.stderr, flush=True)
        try:
            with pymupdf.open(path) as document:
                count = document.page_count
        except RuntimeError:
            continue
        pair.add(path, spread(count, pages))
    pair.close()
    print(file=sys.stderr)
    return pair.report()


def show(report: dict[str, Any], peer_pages: int) -> None:
    """Print the report as a table."""
    print(f"{'':<24}{'pages':>8}{'seconds':>10}{'pages/s':>10}{'ms/page':>10}")
    for name in ("pipeline", "bare", "pymupdf4llm", "bare_on_the_same_pages"):
        if name in report:
            row = report[name]
            print(
                f"{name:<24}{row['pages']:>8}{row['seconds']:>10.2f}"
                f"{row['pages_per_second']:>10.1f}{row['ms_per_page']:>10.2f}"
            )
    print(f"\npipeline : bare pass = {report.get('pipeline_to_bare', 0):.2f} (at most 2.0)")
    if "pymupdf4llm_to_bare" in report:
        ratio = report["pymupdf4llm_to_bare"]
        print(f"pymupdf4llm : bare pass = {ratio:.0f}, on at most {peer_pages} pages of each document")
    else:
        print("pymupdf4llm was not measured: " + ("not asked for" if pymupdf4llm else "it is not installed"))
    if tables := report.get("tables"):
        print(
            f"find_tables : our tables = {tables['find_tables_to_ours']:.1f}, "
            f"{tables['find_tables_ms_per_page']:.1f} to {tables['ours_ms_per_page']:.1f} ms a page"
            f" on {tables['pages']} pages; stopped on {tables['out_of_time']}"
        )
    for path, reason in report["left_out"].items():
        print(f"left out: {path}: {reason}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, help="a folder of PDFs; searched with its subfolders")
    parser.add_argument("--rounds", type=int, default=3, help="best of so many (default: 3)")
    parser.add_argument("--peer-pages", type=int, default=2, help="pages a document for pymupdf4llm; 0: none")
    parser.add_argument("--table-pages", type=int, default=2, help="pages a document for tables; 0: none")
    parser.add_argument("--table-seconds", type=float, default=20.0, help="for tables of a page (20)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    files = sorted(arguments.corpus.rglob("*.pdf"))
    if not files:
        print(f"no PDF under {arguments.corpus}: name a folder that holds some", file=sys.stderr)
        return 2
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    collect_seldom()
    peer_pages = arguments.peer_pages if pymupdf4llm else 0
    report = {
        "pymupdf": pymupdf.__version__,
        "python": sys.version.split()[0],
        "rounds": arguments.rounds,
        **measure(files, max(arguments.rounds, 1), peer_pages),
    }
    if arguments.table_pages:
        report["tables"] = measure_tables(files, arguments.table_pages, arguments.table_seconds)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        show(report, peer_pages)
    return 0


if __name__ == "__main__":
    sys.exit(main())
