"""Writes images/dashboard.svg: a daemon under load, watched by a real Prometheus, for some minutes.

    PYTHONPATH=deploy:tests python docs/generate_picture.py [MINUTES]

Needs RabbitMQ and Debian's prometheus. The panels are those of the Grafana dashboard, with its queries.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from demo.broker import PrivateBroker
from demo.samples import make_samples
from grafana.panels import ROWS, Query
from grafana.picture import Series, draw
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from support.daemon import DaemonProcess
from support.documents import endless_pdf
from support.prometheus import Prometheus, export_queues, prometheus

__all__ = ["PATH", "concrete"]

PATH = Path(__file__).parent / "images" / "dashboard.svg"
RULES = Path(__file__).parents[1] / "deploy/prometheus/prometheus.yml"
POINTS = 48
PAUSE = 0.12
"""Seconds between two jobs of a wave; a wave is quicker than two workers are, and then there is a pause."""


def concrete(expression: str) -> str:
    """A panel's query with the variables that Grafana would fill in."""
    return expression.replace("$__rate_interval", "20s").replace("$instance", ".*").replace("$lane", ".*")


def series_of(server: Prometheus, query: Query, begin: float, end: float) -> list[Series]:
    """What a panel would show of the time between."""
    step = (end - begin) / POINTS
    asked = f"query_range?query={quote(concrete(query.expr))}&start={begin}&end={end}&step={step}"
    found = []
    for line in server.ask(asked)["result"]:
        legend = query.legend
        for name, value in line["metric"].items():
            legend = legend.replace(f"{{{{{name}}}}}", "a" if name == "instance" else value)
        found.append(Series(legend, [(when, float(value)) for when, value in line["values"]]))
    return found


@contextmanager
def load(url: str, folder: Path) -> Iterator[None]:
    """Documents of all kinds on two lanes, in waves, among them some that fail."""
    over = threading.Event()
    (folder / "endless.pdf").write_bytes(endless_pdf())
    samples = [*make_samples(folder / "samples"), folder / "endless.pdf"]
    config = PDFProcessorConfig(per_document_timeout_seconds=2)

    def submit() -> None:
        with (
            DistributedExecutionBackend(url, lane="default") as quick,
            DistributedExecutionBackend(url, lane="bulk") as bulk,
        ):
            for number, path in enumerate(cycle(samples)):
                if over.wait(20.0 if number % 120 == 119 else PAUSE):
                    return
                (bulk if number % 3 else quick).submit(str(path), config)

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main(minutes: float) -> None:
    """Watch, and draw."""
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker:
        folder = Path(name)
        daemon = DaemonProcess(broker.amqp_url, folder, http_port=0, lanes=["default", "bulk"])
        with daemon:
            (line,) = daemon.wait_for("status_served")
            targets = {
                "ingestkit-pdfd": f"127.0.0.1:{line['port']}",
                "rabbitmq-queues": f"127.0.0.1:{export_queues(broker)}",
            }
            with prometheus(folder, RULES, targets) as server, load(broker.amqp_url, folder):
                begin = time.time() + 5
                time.sleep(60 * minutes)
                end = time.time()
                text = draw(ROWS, lambda query: series_of(server, query, begin, end))
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0)
