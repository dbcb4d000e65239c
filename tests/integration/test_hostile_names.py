"""What strangers call their documents, and what nobody may learn: log lines and passwords."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.wire.envelope import Message, encode_job
from ingestkit_pdf.wire.envelope.message import H_JOB
from ingestkit_pdf.wire.topology import Topology
from support.amqp import depth, publish, take_all
from support.daemon import DaemonProcess
from support.documents import text_pdf
from support.letters import command, job
from support.proxy import Proxy
from support.waiting import until

pytestmark = pytest.mark.broker

NAMES = Topology()
CONFIG = PDFProcessorConfig()
FORGED = "x.pdf\n2030-01-01T00:00:00Z [critical ] daemon_failed\r\x1b[2J\x1b]0;owned\x07\u202etxt"
PASSWORD = "pa55-w0rd-of-the-broker"
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[|daemon_ready|\{")


def hostile_messages() -> Iterator[Message]:
    """Jobs, and what is none, that have the forged text wherever text can be."""
    good = job("good")
    fields = json.loads(good.headers[H_JOB])
    yield encode_job(
        "by-path", reply_to=NAMES.reply_queue("a").name, config=CONFIG, path=f"/{FORGED}", document=None
    )
    yield encode_job(
        "inline", reply_to=NAMES.reply_queue("a").name, config=CONFIG, path=FORGED, document=text_pdf()
    )
    for changes in ({"type": FORGED}, {"content_type": FORGED}, {"message_id": FORGED}, {"reply_to": FORGED}):
        yield replace(good, **changes)
    for source in ({FORGED: FORGED}, {"kind": FORGED}, {**fields["source"], FORGED: 1}):
        yield replace(good, headers={H_JOB: json.dumps({**fields, "source": source})})
    yield replace(good, headers={H_JOB: json.dumps({**fields, "config": {FORGED: FORGED}})})
    yield replace(good, headers={**good.headers, "x-ingestkit-history": FORGED, FORGED: FORGED})


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_name_forges_no_line_of_a_log_and_drives_no_terminal(
    amqp_url: str, tmp_path: Path, log_format: str
) -> None:
    """Whoever names a document could write into the log what never was, or into an operator's terminal."""
    settings = {"log_format": log_format, "retry_attempts": {"source_unavailable": 1}}
    daemon = DaemonProcess(amqp_url, tmp_path, **settings, allowed_roots=["/"]).start(ready=False)
    try:
        until(lambda: "daemon_ready" in f"{daemon.events}{daemon.noise}", timeout=30)
        messages = list(hostile_messages())
        for message in messages:
            publish(amqp_url, message, exchange=NAMES.jobs_exchange.name, routing_key="default")
        # All but the inline document, and the job with a field that nobody knows, which is ignored.
        until(lambda: depth(amqp_url, NAMES.dead_queue.name) == len(messages) - 2, timeout=30)
    finally:
        assert daemon.terminate() == 0
    assert daemon.events if log_format == "json" else not daemon.events
    for line in daemon.noise:
        assert LINE.match(line), line
        assert line.isprintable(), repr(line)
    assert not any(line.get("event") == "daemon_failed" for line in daemon.events)
    listed = command(amqp_url, "dead", "list")[1]
    shown = command(amqp_url, "dead", "show", "--reason", "invalid")[1]
    for line in (listed + shown).splitlines():
        assert line.isprintable(), repr(line)
        assert not line.startswith("2030-")


def test_the_password_is_nowhere(broker: PrivateBroker, amqp_url: str, tmp_path: Path) -> None:
    """Whoever may read logs, messages or the list of processes could take over the broker."""
    vhost = vhost_of(amqp_url)
    broker.ctl("add_user", "careful", PASSWORD)
    broker.ctl("set_permissions", "-p", vhost, "careful", ".*", ".*", ".*")
    path = tmp_path / "document.pdf"
    path.write_bytes(text_pdf())
    staging = tmp_path / "staging"
    staging.mkdir()
    try:
        with Proxy(f"amqp://careful:{PASSWORD}@{amqp_url.rpartition('@')[2]}") as proxy:
            daemon = DaemonProcess(proxy.url, staging, log_level="debug").start()
            with DistributedExecutionBackend(proxy.url, client_id="careful") as client:
                jobs = [client.submit(str(path), CONFIG) for _ in range(2)]
                client.get_result(jobs[0], timeout=30)
                publish(
                    amqp_url,
                    replace(job("bad"), type="no"),
                    exchange=NAMES.jobs_exchange.name,
                    routing_key="default",
                )
                daemon.wait_for("delivery_rejected")
                family = [psutil.Process(daemon.process.pid)]
                workers = family[0].children(recursive=True)
                processes = [" ".join(each.cmdline()) for each in family + workers]
                processes += [json.dumps(each.environ()) for each in workers]
                proxy.cut()
                daemon.wait_for("daemon_ready", count=2)
                broker.ctl("change_password", "careful", "another")
                proxy.cut()
                assert daemon.wait(60) == 3
                with pytest.raises(Exception, match="E_EXECUTION_SUBMIT") as told:
                    client.submit(str(path), CONFIG)
        (letter,) = take_all(amqp_url, NAMES.dead_queue.name, count=1)
        (result,) = take_all(amqp_url, NAMES.reply_queue("careful").name, count=1)
    finally:
        broker.ctl("delete_user", "careful")
    everything = [json.dumps(daemon.events), *daemon.noise, *processes, str(told.value), repr(told.value)]
    everything += [repr(message) for message in (letter, result)]
    assert len(daemon.logged("broker_refused")) >= 1
    assert [text for text in everything if PASSWORD in text] == []
