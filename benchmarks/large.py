"""A large document on one worker and on two, and the memory of a document of 5,000 pages as its pages go by.

    python benchmarks/large.py CORPUS_FOLDER [--rounds 3] [--pages 1000] [--memory-pages 5000] [--json]

The document is made of the first 60 pages of each PDF of the folder. Both pools are up all the time and
take the document in turn; the median of the rounds' ratios counts, and the results are compared. OCR is
off: some pages that take seconds each would hide what is measured. The memory is that of a process that
reads the document alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution._forkserver import collect_seldom
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.pdf import process_document

import pymupdf  # isort: skip # after the pipeline, which sets it up

PAGES_OF_EACH = 60
STEPS = 5
CONFIG = PDFProcessorConfig(
    reject_javascript=False,
    reject_javascript_override_reason="benchmark: read every document",
    max_object_count=10**7,
    max_page_count=10**6,
    max_page_count_override_reason="benchmark: large documents",
    ocr_engine="none",
    per_document_timeout_seconds=3600,
).model_dump()


def build(files: list[Path], pages: int, target: Path) -> None:
    """Write a document of so many pages; from the first file again when the last one is used up."""
    with pymupdf.open() as whole:
        while whole.page_count < pages:
            before = whole.page_count
            for path in files:
                wanted = min(pages - whole.page_count, PAGES_OF_EACH)
                with pymupdf.open(path) as source:
                    if wanted > 0 and source.is_pdf and not source.needs_pass:
                        whole.insert_pdf(source, to_page=wanted - 1, annots=False, links=False)
            if whole.page_count == before:
                raise SystemExit("none of these documents has a page that can be copied")
        whole.save(target, deflate=True)


def repeat(source: Path, times: int, target: Path) -> None:
    """Write a document that holds another one so many times."""
    with pymupdf.open(source) as once, pymupdf.open() as whole:
        for _ in range(times):
            whole.insert_pdf(once)
        whole.save(target)


def comparable(body: bytes) -> Any:
    """The result without its run id and durations."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stripped(item) for key, item in value.items() if "seconds" not in key}
        return [stripped(item) for item in value] if isinstance(value, list) else value

    return stripped({**json.loads(body), "ingest_run_id": ""})


def measure_speed(path: Path, rounds: int) -> dict[str, Any]:
    """Seconds on one worker and on two, in turn."""
    times: dict[int, list[float]] = {1: [], 2: []}
    bodies: dict[int, bytes] = {}
    with (
        WorkerPool(PIPELINE, workers=1, limits=PoolLimits()) as one,
        WorkerPool(PIPELINE, workers=2, limits=PoolLimits()) as two,
    ):
        for number in range(rounds):
            for workers, pool in ((1, one), (2, two)):
                task = PoolTask(job_id=str(number), file_path=str(path), config=CONFIG, timeout=3600)
                began = time.perf_counter()
                outcome = pool.submit(task).result()
                times[workers].append(time.perf_counter() - began)
                if not isinstance(outcome, PoolResult):
                    raise SystemExit(f"the document could not be read: {outcome.message}")
                bodies[workers] = outcome.body
    ratios = [one / two for one, two in zip(times[1], times[2], strict=True)]
    return {
        "one_worker_seconds": round(statistics.median(times[1]), 3),
        "two_workers_seconds": round(statistics.median(times[2]), 3),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "same_result": comparable(bodies[1]) == comparable(bodies[2]),
        "result_bytes": len(bodies[1]),
    }


def measure_memory(path: Path, pages: int) -> list[dict[str, Any]]:
    """Resident size after every fifth of the pages, and at the end, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_read_alone, args=(str(path), max(pages // STEPS, 1), theirs))
    child.start()
    theirs.close()
    rows: list[dict[str, Any]] = ours.recv()
    child.join()
    return rows


def _read_alone(path: str, step: int, answer: Connection) -> None:
    rows: list[dict[str, Any]] = []
    done = 0

    def note(stage: str, **facts: int) -> None:
        rows.append({"after": stage, "resident_mib": _resident() >> 20, **facts})

    def on_page(_: int) -> None:
        nonlocal done
        if done % step == 0:
            note(f"{done} pages")
        done += 1

    collect_seldom()  # as workers do
    result = process_document(path, CONFIG, on_page=on_page, on_stage=lambda name: note(f"begin of {name}"))
    note("result", json_mib=len(result.model_dump_json()) >> 20)
    answer.send(rows)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    speed = report["speed"]
    print(f"{report['pages']} pages, median of {report['rounds']} rounds, load {report['load']}:")
    print(f"  one worker   {speed['one_worker_seconds']:8.2f} s")
    print(f"  two workers  {speed['two_workers_seconds']:8.2f} s")
    print(f"  ratio        {speed['ratio']:8.2f}    (at least 1.7)")
    print(f"  of rounds    {', '.join(map(str, speed['ratios']))}")
    print(f"  same result: {'yes' if speed['same_result'] else 'NO'}; {speed['result_bytes']} bytes as JSON")
    if report["memory"]:
        print(f"\n{report['memory_pages']} pages, resident MiB:")
        for row in report["memory"]:
            as_json = f"   ({row['json_mib']} MiB as JSON)" if "json_mib" in row else ""
            print(f"  {row['after']:<20}{row['resident_mib']:>6}{as_json}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, help="a folder of PDFs; searched with its subfolders")
    parser.add_argument("--rounds", type=int, default=3, help="median of so many (default: 3)")
    parser.add_argument("--pages", type=int, default=1000, help="of the document for speed (default: 1000)")
    parser.add_argument("--memory-pages", type=int, default=5000, help="for memory; 0: not measured")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    files = sorted(arguments.corpus.rglob("*.pdf"))
    if not files:
        print(f"no PDF under {arguments.corpus}: name a folder that holds some", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        document, larger = Path(folder, "large.pdf"), Path(folder, "larger.pdf")
        build(files, arguments.pages, document)
        report: dict[str, Any] = {
            "pages": arguments.pages,
            "rounds": arguments.rounds,
            "load": round(os.getloadavg()[0], 1),
            "speed": measure_speed(document, max(arguments.rounds, 1)),
            "memory": [],
        }
        times = -(-arguments.memory_pages // arguments.pages)
        if times > 0:
            repeat(document, times, larger)
            report["memory_pages"] = times * arguments.pages
            report["memory"] = measure_memory(larger, times * arguments.pages)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)
    return 0 if report["speed"]["same_result"] else 1


if __name__ == "__main__":
    sys.exit(main())
