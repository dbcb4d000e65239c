"""The service as it is installed beside a bare daemon: what metrics, sandbox and hardening cost together."""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("deploy", "tests")]

from demo.broker import PrivateBroker
from demo.node import free_ports
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from support.installed import InstalledDaemon, copy_sources, wheel_folder
from support.machine import Machine, debian_tree, missing_for_machines
from support.web import get

__all__ = ["compare_service"]

ROOT = Path(__file__).parents[1]
CONFIG = PDFProcessorConfig()
PREFIX = "bare"
COMMAND = "/opt/ingestkit-pdf/current/bin/ingestkit-pdfd"
TIMEOUT = 600.0


def compare_service(files: list[Path], workers: int, rounds: int) -> dict[str, object]:
    """Both daemons in one machine and on one broker, in turns; the medians and the ratio of each round."""
    if (missing := missing_for_machines()) is not None:
        sys.exit(f"pool.py: --service: {missing}")
    hardened, bare = [], []
    with ExitStack() as stack:
        broker = stack.enter_context(PrivateBroker())
        sources = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        copy_sources(ROOT, sources / "src")
        machine = stack.enter_context(
            Machine(debian_tree(), {sources: "/src", wheel_folder(ROOT): "/wheels"})
        )
        port = _start(machine, broker.amqp_url, workers)
        service = stack.enter_context(DistributedExecutionBackend(broker.amqp_url))
        plain = stack.enter_context(DistributedExecutionBackend(broker.amqp_url, prefix=PREFIX))
        for number in range(rounds + 1):
            rates = {}
            for backend in (
                (plain, service) if number % 2 else (service, plain)
            ):  # neither is always the first
                with _scraped(port) if backend is service else nullcontext():
                    pages, seconds = _round(backend, files)
                rates[backend] = (pages, pages / seconds)
            assert rates[plain][0] == rates[service][0], f"other pages from one than from the other: {rates}"
            if number:  # the first round warms the workers
                bare.append(rates[plain][1])
                hardened.append(rates[service][1])
    ratios = [a / b for a, b in zip(hardened, bare, strict=True)]
    return {
        "documents": len(files),
        "pages": pages,
        "workers": workers,
        "rounds": rounds,
        "bare_pages_per_second": round(statistics.median(bare), 1),
        "service_pages_per_second": round(statistics.median(hardened), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_of_the_best": round(max(hardened) / max(bare), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _start(machine: Machine, url: str, workers: int) -> int:
    """The unit as it is shipped with all that it can do, and the same program with nothing around it."""
    daemon = InstalledDaemon(machine)
    daemon.install("/src/src")
    (port,) = free_ports(1)
    daemon.settings(workers=workers, sandbox="required", http_port=port)
    daemon.credential(url)
    daemon.systemctl("start")
    settings = f'amqp_url = "{url}"\nprefix = "{PREFIX}"\nworkers = {workers}\nsandbox = "off"\n'
    machine.write("/run/bare.toml", settings)
    machine.run(
        "systemd-run", "--unit=bare", "--property=Type=notify", COMMAND, "run", "--config", "/run/bare.toml"
    )
    return port


def _round(backend: DistributedExecutionBackend, files: list[Path]) -> tuple[int, float]:
    begun = time.perf_counter()
    jobs = [backend.submit(str(path), CONFIG) for path in files]
    pages = sum(len(backend.get_result(job, timeout=TIMEOUT).pages) for job in jobs)
    return pages, time.perf_counter() - begun


@contextmanager
def _scraped(port: int) -> Iterator[None]:
    """Somebody asks for the metrics, five times as often as Prometheus does by default."""
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(3.0):
            with suppress(OSError):
                get(f"http://127.0.0.1:{port}/metrics")

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
