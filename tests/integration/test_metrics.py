"""The status port of a real daemon, and what Prometheus makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.broker import PrivateBroker
from grafana.panels import ROWS
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology
from support.amqp import publish
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.prometheus import export_queues, prometheus
from support.waiting import until
from support.web import get, samples

pytestmark = pytest.mark.broker

NAMES = Topology()
PROMETHEUS = Path(__file__).parents[2] / "deploy/prometheus"
QUICK = PDFProcessorConfig(per_document_timeout_seconds=1)


class Watched:
    """A daemon and its status port."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.daemon = daemon
        (line,) = daemon.wait_for("status_served")
        self.address = f"127.0.0.1:{line['port']}"

    def status(self, path: str) -> int:
        return get(f"http://{self.address}{path}")[0]

    def metrics(self) -> dict[str, float]:
        status, text = get(f"http://{self.address}/metrics")
        assert status == 200
        return samples(text)


@pytest.fixture
def watched(amqp_url: str, tmp_path: Path) -> Iterator[Watched]:
    with DaemonProcess(amqp_url, tmp_path, http_port=0, lanes=["default", "bulk"]) as daemon:
        yield Watched(daemon)


def write(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_what_happened_to_jobs_is_what_the_metrics_say(
    watched: Watched, amqp_url: str, tmp_path: Path
) -> None:
    """The dashboard would show other numbers than the log."""
    good = text_pdf("one", "two")
    with DistributedExecutionBackend(amqp_url) as backend:
        jobs = [backend.submit(write(tmp_path, "good.pdf", good), QUICK) for _ in range(3)]
        jobs.append(backend.submit(write(tmp_path, "bad.pdf", b"no PDF at all"), QUICK))
        jobs.append(backend.submit(write(tmp_path, "endless.pdf", endless_pdf()), QUICK))
        for job in jobs:
            backend.get_result(job, timeout=30)
    publish(amqp_url, Message(body=b"hello"), exchange=NAMES.jobs_exchange.name, routing_key="bulk")
    watched.daemon.wait_for("attempt_finished", count=5)
    watched.daemon.wait_for("delivery_rejected")
    found = watched.metrics()
    expected = {
        'jobs_total{lane="default",outcome="completed"}': 4,
        'jobs_total{lane="default",outcome="deadlettered"}': 1,
        'jobs_total{lane="bulk",outcome="rejected"}': 1,
        'attempts_total{lane="default",outcome="deadlettered",reason="timeout"}': 1,
        'document_errors_total{code="E_SECURITY_INVALID_PDF",lane="default"}': 1,
        'deliveries_total{handling="new",lane="default"}': 5,
        'deliveries_total{handling="rejected",lane="bulk"}': 1,
        'pages_total{lane="default"}': 6,
        'document_bytes_total{lane="default"}': 3 * len(good),
        'attempt_run_seconds_count{lane="default"}': 5,
        'job_age_seconds_count{lane="default"}': 5,
        'stage_duration_seconds_count{stage="open"}': 4,
        'stage_duration_seconds_count{stage="assemble"}': 3,
        'publish_duration_seconds_count{kind="reply"}': 5,
        'publish_duration_seconds_count{kind="dead"}': 2,
        'worker_restarts_total{cause="timeout"}': 1,
        'broker_connected{connection="consumer"}': 1,
        'broker_connected{connection="publisher"}': 1,
        'attempts_in_progress{lane="default",state="running"}': 0,
    }
    assert {name: found[f"ingestkit_pdfd_{name}"] for name in expected} == expected
    assert found['ingestkit_pdfd_resident_memory_bytes{process="workers"}'] > 20e6
    assert not [name for name in found if any(job in name for job in jobs)]


def test_a_job_that_comes_again_is_counted_as_that(watched: Watched, amqp_url: str, tmp_path: Path) -> None:
    """A producer that submits everything twice would look like twice the work."""
    path = write(tmp_path, "endless.pdf", endless_pdf())
    with DistributedExecutionBackend(amqp_url) as backend:
        job = backend.submit(path, QUICK)
        backend.submit(path, QUICK, job_id=job)
        watched.daemon.wait_for("delivery_attached")
        backend.get_result(job, timeout=30)
        watched.daemon.wait_for("attempt_finished")
        backend.submit(path, QUICK, job_id=job)
        watched.daemon.wait_for("delivery_answered_again")
    found = watched.metrics()
    handled = {
        kind: found[f'ingestkit_pdfd_deliveries_total{{handling="{kind}",lane="default"}}']
        for kind in ("new", "attached", "answered_again")
    }
    assert handled == {"new": 1, "attached": 1, "answered_again": 1}
    assert found['ingestkit_pdfd_jobs_total{lane="default",outcome="deadlettered"}'] == 1


def test_a_daemon_without_its_broker_is_healthy_and_not_ready(
    watched: Watched, broker: PrivateBroker
) -> None:
    """Kubernetes would restart every daemon of a broker that is away, or send no jobs where it could."""
    assert (watched.status("/healthz"), watched.status("/readyz")) == (200, 200)
    broker.kill()
    watched.daemon.wait_for("broker_lost")
    assert (watched.status("/healthz"), watched.status("/readyz")) == (200, 503)
    assert watched.metrics()['ingestkit_pdfd_broker_connected{connection="consumer"}'] == 0
    broker.start()
    watched.daemon.wait_for("daemon_ready", count=2)
    assert watched.status("/readyz") == 200
    assert watched.metrics()["ingestkit_pdfd_broker_connections_lost_total"] >= 1


def test_prometheus_scrapes_a_daemon_and_every_panel_shows_something(
    broker: PrivateBroker, amqp_url: str, tmp_path: Path
) -> None:
    """The dashboard would be a wall of empty panels, and the alerts would look at nothing."""
    work = write(tmp_path, "work.pdf", text_pdf("work"))
    endless = write(tmp_path, "endless.pdf", endless_pdf())
    bad = write(tmp_path, "bad.pdf", b"no PDF at all")
    with (
        DaemonProcess(amqp_url, tmp_path, http_port=0, prefetch=2) as daemon,
        DistributedExecutionBackend(amqp_url) as backend,
    ):
        ports = {
            "ingestkit-pdfd": Watched(daemon).address,
            "rabbitmq-queues": f"127.0.0.1:{export_queues(broker)}",
        }
        with prometheus(tmp_path, PROMETHEUS / "prometheus.yml", ports) as server:
            empty = {query.expr for row in ROWS for panel in row.panels for query in panel.queries}
            assert len(empty) > 30
            until(lambda: server.query("lane:ingestkit_pdf_jobs_ready:sum"), timeout=30)
            # A backlog that is worked off while it is watched: only then it is done at some time.
            jobs = [backend.submit(path, QUICK) for path in [work, bad, *[endless] * 8, *[work] * 20]]

            def all_shown() -> bool:
                empty.difference_update([query for query in empty if server.query(_concrete(query))])
                return not empty

            try:
                until(all_shown, timeout=60)
            except AssertionError:
                pytest.fail(f"no data: {sorted(empty)}")
            groups = server.ask("rules")["groups"]
            health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
            text = (PROMETHEUS / "ingestkit-pdf.rules.yml").read_text(encoding="utf-8")
            assert len(health) == sum(len(group["rules"]) for group in yaml.safe_load(text)["groups"])
            assert set(health.values()) == {"ok"}
        for job in jobs:
            backend.get_result(job, timeout=60)


def _concrete(expression: str) -> str:
    """A panel's query with the variables that Grafana would fill in."""
    return expression.replace("$__rate_interval", "30s").replace("$instance", ".*").replace("$lane", ".*")
