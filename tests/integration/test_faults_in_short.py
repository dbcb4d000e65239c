"""The faults of tests/faults in one short run: kills, cuts, a lost queue, poison, strangers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, publish, take_all
from support.daemon import DaemonProcess
from support.documents import endless_pdf
from support.ledger import Ledger
from support.letters import job
from support.proxy import Proxy
from support.real_documents import real_documents

pytestmark = pytest.mark.broker

NAMES = Topology()
JOBS = 500
STRANGERS = 50


def test_everything_goes_wrong_and_every_job_is_answered(
    broker: PrivateBroker, amqp_url: str, tmp_path: Path
) -> None:
    """A fault that production has every week would cost a job, its result, or somebody's night."""
    staging = tmp_path / "staging"
    staging.mkdir()
    poison = tmp_path / "poison.pdf"
    poison.write_bytes(endless_pdf())
    documents = real_documents(tmp_path)
    settings = {"retry_attempts": {"crashed": 20}}
    client = DistributedExecutionBackend(amqp_url, client_id="ledger", submit_timeout=60)
    with Proxy(amqp_url) as proxy, client:
        ledger = Ledger(client, documents)
        first = DaemonProcess(proxy.url, staging, **settings).start()
        doomed = client.submit(str(poison), PDFProcessorConfig(per_document_timeout_seconds=1))
        ledger.submit(JOBS)
        for number in range(STRANGERS):
            stranger = replace(job(f"stranger-{number}"), type="no.job")
            publish(amqp_url, stranger, exchange=NAMES.jobs_exchange.name, routing_key="default")
        first.wait_for("attempt_finished", count=20)
        with channel(amqp_url) as opened:
            opened.queue_delete(NAMES.retry_queue("default", 5).name)
        # Its next retry declares it again: a queue that is younger than half a second is not on disk.
        while not first.logged("attempt_finished", outcome="retried"):
            first.kill_worker()
            first.wait_for("attempt_finished", count=len(first.logged("attempt_finished")) + 1)
        first.kill()
        with DaemonProcess(proxy.url, staging, **settings) as daemon:
            daemon.wait_for("attempt_finished", count=20)
            daemon.kill_worker()
            proxy.cut()
            daemon.wait_for("daemon_ready", count=2)
            daemon.kill_worker()
            broker.kill()
            broker.start()
            daemon.wait_for("daemon_ready", count=3)
            assert client.get_result(doomed, timeout=60).errors == [ErrorCode.E_EXECUTION_TIMEOUT]
            ledger.settle(timeout=120)
            runs = Counter((line["job_id"], line["attempt"]) for line in daemon.logged("attempt_finished"))
            assert set(runs.values()) == {1}, "something ran twice in one daemon"
        letters = take_all(amqp_url, NAMES.dead_queue.name, count=STRANGERS + 1)
        reasons = Counter(letter.headers["x-ingestkit-reason"] for letter in letters)
        assert reasons == {"E_EXECUTION_REJECTED": STRANGERS, "E_EXECUTION_TIMEOUT": 1}
        take_all(amqp_url, NAMES.orphaned_queue.name, count=STRANGERS)  # what they were told
        ledger.assert_balanced(amqp_url)
    assert list(staging.iterdir()) == [], "files were left behind"
