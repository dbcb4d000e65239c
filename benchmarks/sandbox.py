"""What the sandbox of the workers costs: documents a second with and without it.

    python benchmarks/sandbox.py FOLDER [--workers 1] [--rounds 5] [--json]

Runs every PDF below FOLDER through two pools in turns, one confined and one not, and checks that both
give the same result for each. Needs a host that can confine entirely.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ingestkit_pdf import PDFProcessorConfig
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox

CONFIG = PDFProcessorConfig(per_document_timeout_seconds=600).model_dump()
LIMITS = PoolLimits(memory_bytes=2 * 1024**3, max_documents=100_000)


def pool(sandbox: Sandbox, workers: int) -> WorkerPool:
    """A pool of the pipeline."""
    return WorkerPool(PIPELINE, workers=workers, limits=LIMITS, sandbox=sandbox)


def run(workers: WorkerPool, files: list[Path]) -> tuple[list[float], list[object]]:
    """Seconds that each file took, and what came of it, durations and run ids left out."""
    tasks = [
        PoolTask(job_id=str(number), file_path=str(path), config=CONFIG, timeout=600)
        for number, path in enumerate(files)
    ]
    outcomes = [future.result() for future in [workers.submit(task) for task in tasks]]
    facts = [
        json.loads(outcome.body, object_hook=_lasting) if isinstance(outcome, PoolResult) else outcome.reason
        for outcome in outcomes
    ]
    return [outcome.seconds for outcome in outcomes], facts


def _lasting(fields: dict[str, object]) -> dict[str, object]:
    return {
        name: value
        for name, value in fields.items()
        if not name.endswith("_seconds") and name != "ingest_run_id"
    }


def compare(files: list[Path], workers: int, rounds: int) -> dict[str, object]:
    """Both pools in turns. The best time of each document counts: the rest is what else the host did."""
    free, confined = [], []
    with pool(Sandbox.OFF, workers) as open_pool, pool(Sandbox.REQUIRED, workers) as closed_pool:
        for _ in range(rounds + 1):
            seconds, facts = run(open_pool, files)
            closed_seconds, closed_facts = run(closed_pool, files)
            free.append(seconds)
            confined.append(closed_seconds)
            differing = [path.name for path, a, b in zip(files, facts, closed_facts, strict=True) if a != b]
            assert not differing, f"other results in the sandbox: {differing}"
    without = sum(min(times) for times in zip(*free[1:], strict=True))  # the first round warms everything
    within = sum(min(times) for times in zip(*confined[1:], strict=True))
    return {
        "documents": len(files),
        "workers": workers,
        "rounds": rounds,
        "documents_per_second": round(workers * len(files) / without, 1),
        "confined_per_second": round(workers * len(files) / within, 1),
        "ratio": round(without / within, 3),
    }


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of PDFs")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.pdf"))
    if not files:
        parser.error(f"no PDFs below {options.folder}")
    figures = compare(files, options.workers, options.rounds)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:22} {value}")


if __name__ == "__main__":
    main()
