"""The daemon beside the bare pool: pages a second on the same files, and memory over many documents.

    python benchmarks/pool.py FOLDER [--workers 2] [--rounds 3] [--json]
    python benchmarks/pool.py FOLDER --memory 2000 [--json]
    python benchmarks/pool.py FOLDER --service [--workers 2] [--rounds 3] [--json]

The first form runs every PDF below FOLDER once through `WorkerPool` and once through a broker and a
daemon of its own, in turns, and parses each result in both. The second form sends so many documents
through the daemon and compares the resident memory of the daemon and its workers after a tenth of
them with that at the end. The third form installs the service in a machine with a systemd of its own (it
needs root), and compares it, with metrics that are scraped, sandbox and hardened unit, with the same
program without all of these. Starts a private RabbitMQ node; needs nothing that runs already. The first
two end within --limit seconds, and leave no process behind however they end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("deploy", "tests")]

from _rig import private_broker
from _service import compare_service

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig, ProcessingResult
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, WorkerPool
from support.daemon import DaemonProcess

CONFIG = PDFProcessorConfig()
MEMORY = 2 * 1024**3
TIMEOUT = 600.0


def bare_pool(pool: WorkerPool, files: list[Path]) -> tuple[int, float]:
    """Pages and seconds of one round through the pool."""
    begun = time.perf_counter()
    config = CONFIG.model_dump()
    futures = [
        pool.submit(PoolTask(job_id=str(number), file_path=str(path), config=config, timeout=TIMEOUT))
        for number, path in enumerate(files)
    ]
    pages = 0
    for future in futures:
        outcome = future.result(TIMEOUT)
        if isinstance(outcome, PoolResult):
            pages += len(ProcessingResult.model_validate_json(outcome.body).pages)
    return pages, time.perf_counter() - begun


def through_daemon(backend: DistributedExecutionBackend, files: list[Path]) -> tuple[int, float]:
    """Pages and seconds of one round through the broker and the daemon."""
    begun = time.perf_counter()
    jobs = [backend.submit(str(path), CONFIG) for path in files]
    pages = sum(len(backend.get_result(job, timeout=TIMEOUT).pages) for job in jobs)
    return pages, time.perf_counter() - begun


@contextmanager
def system(workers: int, limit: float) -> Iterator[tuple[DaemonProcess, DistributedExecutionBackend]]:
    """A broker, a daemon and a client."""
    with (
        private_broker(limit) as broker,
        tempfile.TemporaryDirectory() as staging,
        DaemonProcess(broker.amqp_url, Path(staging), workers=workers, worker_memory=MEMORY) as daemon,
        DistributedExecutionBackend(broker.amqp_url) as backend,
    ):
        yield daemon, backend


def compare(files: list[Path], workers: int, rounds: int, limit: float) -> dict[str, object]:
    """Both ways in turns; the medians and their ratio."""
    pool_rates, daemon_rates = [], []
    with (
        system(workers, limit) as (_, backend),
        WorkerPool(PIPELINE, workers=workers, limits=PoolLimits(memory_bytes=MEMORY)) as pool,
    ):
        for number in range(rounds + 1):
            pages, seconds = bare_pool(pool, files)
            daemon_pages, daemon_seconds = through_daemon(backend, files)
            assert pages == daemon_pages, f"the pool read {pages} pages, the daemon {daemon_pages}"
            if number:  # the first round warms the file cache and the workers
                pool_rates.append(pages / seconds)
                daemon_rates.append(pages / daemon_seconds)
    bare, daemon = statistics.median(pool_rates), statistics.median(daemon_rates)
    return {
        "documents": len(files),
        "pages": pages,
        "workers": workers,
        "rounds": rounds,
        "pool_pages_per_second": round(bare, 1),
        "daemon_pages_per_second": round(daemon, 1),
        "ratio": round(daemon / bare, 3),
        "ratios": [round(b / a, 3) for a, b in zip(pool_rates, daemon_rates, strict=True)],
    }


def resident(daemon: DaemonProcess) -> dict[str, int]:
    """Resident bytes of the daemon, and of its fork server and workers together."""
    parent = psutil.Process(daemon.process.pid)
    children = parent.children(recursive=True)
    return {
        "daemon": parent.memory_info().rss,
        "children": sum(child.memory_info().rss for child in children),
    }


def memory(files: list[Path], workers: int, documents: int, limit: float) -> dict[str, object]:
    """Resident memory after a tenth of the documents and at the end, after whole rounds of the files."""
    readings: list[dict[str, int]] = []
    with system(workers, limit) as (daemon, backend):
        done = 0
        while done < documents:
            through_daemon(backend, files)
            done += len(files)
            readings.append({"documents": done, **resident(daemon)})
    early = next(reading for reading in readings if reading["documents"] >= documents / 10)
    late = readings[-1]
    ratio = (late["daemon"] + late["children"]) / (early["daemon"] + early["children"])
    return {"workers": workers, "early": early, "late": late, "ratio": round(ratio, 3), "readings": readings}


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of PDFs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory", type=int, metavar="DOCUMENTS", help="measure memory over so many documents"
    )
    parser.add_argument("--service", action="store_true", help="measure the installed service")
    parser.add_argument(
        "--limit", type=float, default=1800.0, help="seconds that the first two forms may take in all"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.pdf"))
    if not files:
        parser.error(f"no PDFs below {options.folder}")
    if options.service:
        figures = compare_service(files, options.workers, options.rounds)
    elif options.memory:
        figures = memory(files, options.workers, options.memory, options.limit)
    else:
        figures = compare(files, options.workers, options.rounds, options.limit)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        if name != "readings":
            print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
