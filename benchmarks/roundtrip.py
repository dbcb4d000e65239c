"""The whole way of a job, from `submit` to `get_result`, beside Celery, Dramatiq and the least that does it.

    python benchmarks/roundtrip.py [--jobs 3000] [--workers 2] [--rounds 3] [--json]

Every side reads the same one-page document with the same function in as many worker processes, over the
same private RabbitMQ node, in turns. Jobs are persistent everywhere; acknowledgements come late everywhere.

- ingestkit-pdf: the document inside the job, quorum queues, confirms on jobs and replies, confined workers.
- floor: the same worker pool between two quorum queues, with confirms, and no more than that takes.
- celery: prefork, the rpc result backend, the path in the job; its producer does not wait for confirms.
- celery, confirms: the same, and its producer does.
- dramatiq: confirms, results in a Redis node of its own, the path in the job.

Each side gets a burst (all jobs submitted, then all results collected), jobs one at a time, and jobs with a
few in flight. Needs the group `bench` of pyproject.toml, and redis-server for Dramatiq; what is missing is
named and left out. Ends within --limit seconds, and leaves no process behind however it ends.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))

from _rig import private_broker
from _roundtrip.measure import Figures, burst, one_by_one, some_in_flight
from _roundtrip.sides import SIDES, MissingError, Side

from support.documents import text_pdf

WARM_UP = 50
COLUMNS = {
    "jobs_per_second": "jobs/s",
    "single_p50_ms": "one p50",
    "single_p99_ms": "one p99",
    "loaded_jobs_per_second": "{in_flight} jobs/s",
    "loaded_p50_ms": "{in_flight} p50",
    "loaded_p99_ms": "{in_flight} p99",
    "broker_cpu_ms": "broker",
    "client_cpu_ms": "client",
    "service_cpu_ms": "service",
    "workers_cpu_ms": "workers",
}


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Every side in turns; the figures by name."""
    with ExitStack() as stack:
        broker = stack.enter_context(private_broker(options.limit))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "minimal.pdf"
        path.write_bytes(text_pdf("A page with a few words on it."))
        node = psutil.Process(broker.pid)
        sides: dict[str, Side] = {}
        for name in options.sides:
            try:
                sides[name] = stack.enter_context(
                    SIDES[name](broker, folder, options.workers, options.prefetch)
                )
            except MissingError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            burst(sides[name], str(path), WARM_UP, node, Figures())
        found = {name: Figures() for name in sides}
        for number in range(options.rounds):
            order = [*sides.items()]
            for name, side in order[number % len(order) :] + order[: number % len(order)]:
                burst(side, str(path), options.jobs // options.rounds, node, found[name])
                one_by_one(side, str(path), options.single, found[name])
                some_in_flight(side, str(path), 2 * options.single, options.in_flight, found[name])
    return {name: figures.summary() for name, figures in found.items()}


def table(found: dict[str, dict[str, float]], in_flight: int) -> str:
    """The figures as a Markdown table."""
    heads = [head.format(in_flight=in_flight) for head in COLUMNS.values()]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, figures in found.items():
        cells = [
            f"{figures[key]:.0f}" if key.endswith("second") else f"{figures[key]:.2f}" for key in COLUMNS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    ours = next(iter(found.values()))
    for name, figures in list(found.items())[1:]:
        cells = [f"{ours[key] / figures[key]:.2f}" if figures[key] else "-" for key in COLUMNS]
        lines.append(f"| ours / {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=3000, help="jobs in bursts, over all rounds")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of each side")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side gets")
    parser.add_argument("--prefetch", type=int, default=2, help="deliveries for each worker process")
    parser.add_argument("--single", type=int, default=200, help="jobs one at a time, each round")
    parser.add_argument("--in-flight", type=int, default=8, help="jobs under way where a few are")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds that the whole run may take")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="what is compared")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if missing := [name for name in ("celery", "dramatiq", "redis") if find_spec(name) is None]:
        print(f"left out: {', '.join(missing)} not installed: make bench installs them", file=sys.stderr)
        absent = {"redis": "dramatiq"}
        gone = {absent.get(name, name) for name in missing}
        options.sides = [name for name in options.sides if name.split(",")[0] not in gone]
    found = measure(options)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(table(found, options.in_flight))
    print("\nlatencies in ms, from submit to get_result; right: ms of processor time for a job of a burst")


if __name__ == "__main__":
    main()
