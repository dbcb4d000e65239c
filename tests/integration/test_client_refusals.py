"""What a broker can refuse a client, and how soon and how clearly the caller hears of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ExecutionError, SubmitError
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from support import amqp
from support.answering import Answering
from support.documents import text_pdf
from support.waiting import until

pytestmark = pytest.mark.broker

CONFIG = PDFProcessorConfig()
JOBS = "ingestkit.pdf.jobs.default"
RIGHTS = (r"^ingestkit\.pdf\.replies\..*", r"^ingestkit\.pdf\.jobs$", r"^ingestkit\.pdf\.replies\..*")
"""What a producer needs at least: configure and read its reply queue, write to the exchange for jobs."""


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


@pytest.fixture
def guest_url(broker: PrivateBroker, amqp_url: str) -> Iterator[str]:
    """The same virtual host for a user who may declare reply queues only."""
    broker.ctl("add_user", "guest2", "s3cret")
    vhost = vhost_of(amqp_url)
    broker.ctl("set_permissions", "-p", vhost, "guest2", *RIGHTS)
    yield with_user(amqp_url, "guest2", "s3cret")
    broker.ctl("delete_user", "guest2")


def with_user(url: str, user: str, password: str) -> str:
    """The URL with other credentials."""
    return f"amqp://{user}:{password}@{url.rpartition('@')[2]}"


def refusal(client: DistributedExecutionBackend, document: str, *, within: float) -> str:
    """The message of the `SubmitError` that must come soon."""
    start = time.monotonic()
    with pytest.raises(SubmitError) as caught:
        client.submit(document, CONFIG)
    assert time.monotonic() - start < within
    assert caught.value.code == ErrorCode.E_EXECUTION_SUBMIT
    return str(caught.value)


def test_a_malformed_url_is_named_without_its_password(document: str) -> None:
    """A typo in the URL would show as an IndexError, or show the password."""
    for url in (
        "http://u:s3cret@h/",
        "amqp://u:s3cret@h:99999/",
        "amqp://u:s3cret@h/?bogus=1",
        "u:s3cret@h",
        "",
    ):
        with DistributedExecutionBackend(url) as client:
            text = refusal(client, document, within=2)
            assert "queue URL" in text
            assert "s3cret" not in text


def test_a_wrong_password_is_told_at_once_and_tried_again_by_the_next_call(
    broker: PrivateBroker, amqp_url: str, guest_url: str, document: str
) -> None:
    """A caller would wait for its whole timeout, or a backend would be dead after one refusal."""
    prepare(amqp_url)
    wrong = with_user(amqp_url, "guest2", "not-the-s3cret")
    with DistributedExecutionBackend(wrong, client_id="alice", submit_timeout=20) as client:
        text = refusal(client, document, within=5)
        assert "ACCESS_REFUSED" in text
        assert "s3cret" not in text
        with pytest.raises(ExecutionError, match="ACCESS_REFUSED") as caught:
            client.get_result("of-a-predecessor", timeout=10)
        assert caught.value.code == ErrorCode.E_EXECUTION_REJECTED
        broker.ctl("change_password", "guest2", "not-the-s3cret")
        with Answering(amqp_url):
            client.get_result(client.submit(document, CONFIG), timeout=10)


def test_a_missing_virtual_host_is_told_at_once(amqp_url: str, document: str) -> None:
    """A caller would wait for its whole timeout for something that waiting cannot mend."""
    with DistributedExecutionBackend(f"{amqp_url}-not", submit_timeout=20) as client:
        assert "not found" in refusal(client, document, within=5)


def test_a_broker_that_is_away_is_told_within_the_timeout(document: str) -> None:
    """`submit` would hang for as long as the broker is down."""
    with DistributedExecutionBackend("amqp://guest:s3cret@127.0.0.1:1/", submit_timeout=1) as client:
        text = refusal(client, document, within=3)
    assert "Connection refused" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("backlog", [8, 0], ids=["in the handshake", "before TCP"])
def test_a_client_of_a_silent_broker_leaves_nothing_open(
    document: str, backlog: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Each producer that gives up on a broker that hangs would leak its sockets, and log a defect."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as silent, ExitStack() as first_in_line:
        port = silent.getsockname()[1]
        if not backlog:  # one fits in; whoever comes next is kept waiting
            first_in_line.enter_context(socket.create_connection(("127.0.0.1", port)))
        with DistributedExecutionBackend(f"amqp://127.0.0.1:{port}/", submit_timeout=1) as client:
            assert "no connection" in refusal(client, document, within=3)
            before = len(psutil.Process().net_connections())
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ingestkit")]
        # Its own end of the connection, or of the attempt, and the two ends of what wakes its loop.
        assert len(psutil.Process().net_connections()) <= before - 3
    assert "internal error" not in caplog.text
    assert "I/O loop" not in caplog.text


def test_a_user_without_rights_uses_what_is_declared(amqp_url: str, guest_url: str, document: str) -> None:
    """A producer with the least rights could not submit, although everything it needs is there."""
    prepare(amqp_url)
    with DistributedExecutionBackend(guest_url, submit_timeout=10) as client, Answering(amqp_url):
        client.get_result(client.submit(document, CONFIG), timeout=10)


def test_a_user_without_rights_is_told_what_is_missing(guest_url: str, document: str) -> None:
    """An absent exchange that may not be declared would show as a timeout."""
    with DistributedExecutionBackend(guest_url, submit_timeout=20) as client:
        text = refusal(client, document, within=5)
    assert "'ingestkit.pdf.jobs' does not exist and this user may not declare it" in text


def test_a_lane_that_no_queue_takes_is_told(amqp_url: str, guest_url: str, document: str) -> None:
    """A job that the broker returned would count as submitted, and its result be waited for in vain."""
    prepare(amqp_url)
    with amqp.channel(amqp_url) as channel:
        channel.queue_unbind(JOBS, "ingestkit.pdf.jobs", "default")
    with DistributedExecutionBackend(guest_url, submit_timeout=20) as client:
        text = refusal(client, document, within=5)
    assert "no daemon has declared it" in text
    assert "NO_ROUTE" in text


def test_a_full_queue_is_told_in_seconds(broker: PrivateBroker, amqp_url: str, document: str) -> None:
    """Backpressure would show as a timeout, or jobs would be lost without a word."""
    broker.ctl(
        "set_policy", "-p", vhost_of(amqp_url), "full", "jobs", '{"max-length": 2}', "--apply-to", "queues"
    )
    with DistributedExecutionBackend(amqp_url, submit_timeout=20) as client:
        taken = []
        text = ""
        for _ in range(20):  # the limit of a quorum queue is not exact
            try:
                taken.append(client.submit(document, CONFIG))
            except SubmitError as error:
                text = str(error)
                break
        assert "is full" in text
        with Answering(amqp_url):
            assert len(dict(client.as_completed(taken, timeout=10))) == len(taken)
            client.get_result(client.submit(document, CONFIG), timeout=10)


def test_a_message_too_large_fails_alone(document: str, tmp_path: Path) -> None:
    """A document above the broker's limit would be published for ever, or take its neighbours with it."""
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-" + b"0" * 200_000)
    with PrivateBroker(config={"max_message_size": "100000"}) as node:
        url = node.create_vhost()
        with DistributedExecutionBackend(url, submit_timeout=20) as client, ThreadPoolExecutor(8) as threads:
            client.submit(document, CONFIG)
            small = [threads.submit(client.submit, document, CONFIG) for _ in range(4)]
            text = refusal(client, str(large), within=5)
            small += [threads.submit(client.submit, document, CONFIG) for _ in range(4)]
            assert len({future.result(10) for future in small}) == 8
    assert "at most 100000 bytes" in text
    assert "inline_limit" in text


def test_an_alarm_blocks_submit_no_longer_than_its_timeout_and_results_go_on(
    broker: PrivateBroker, amqp_url: str, document: str
) -> None:
    """A broker short of memory or disk would hang its producers, and keep results from them too."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as first, Answering(amqp_url):
        job_id = first.submit(document, CONFIG)
        first.get_result(first.submit(document, CONFIG), timeout=10)
    broker.ctl("set_disk_free_limit", "900GB")
    try:
        with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=3) as second:
            text = until(lambda: _blocked(second, document))
            assert "blocks publishers" in text
            assert "low on disk" in text
            assert second.get_result(job_id, timeout=5).error_details[0].message == job_id
            broker.ctl("set_disk_free_limit", "50MB")
            assert until(lambda: _accepted(second, document))
    finally:
        broker.ctl("set_disk_free_limit", "50MB")


def _blocked(client: DistributedExecutionBackend, document: str) -> str:
    """The message of a `submit` that did not get through; nothing while the alarm is not yet felt."""
    start = time.monotonic()
    try:
        client.submit(document, CONFIG)
    except SubmitError as error:
        assert 2.5 < time.monotonic() - start < 6
        return str(error)
    return ""


def _accepted(client: DistributedExecutionBackend, document: str) -> str:
    try:
        return client.submit(document, CONFIG)
    except SubmitError:
        return ""


def test_a_deleted_job_queue_is_declared_again(amqp_url: str, document: str) -> None:
    """After an operator's slip every job would be refused until the producer is restarted."""
    with DistributedExecutionBackend(amqp_url, submit_timeout=10) as client:
        client.submit(document, CONFIG)
        with amqp.channel(amqp_url) as channel:
            channel.queue_delete(JOBS)
        job_id = client.submit(document, CONFIG)
        with Answering(amqp_url):
            client.get_result(job_id, timeout=10)


def test_a_deleted_exchange_is_declared_again(amqp_url: str, document: str) -> None:
    """The channel that the broker closes for a missing exchange would never come back."""
    with DistributedExecutionBackend(amqp_url, submit_timeout=10) as client:
        client.submit(document, CONFIG)
        with amqp.channel(amqp_url) as channel:
            channel.exchange_delete("ingestkit.pdf.jobs")
        job_id = client.submit(document, CONFIG)
        with Answering(amqp_url):
            client.get_result(job_id, timeout=10)


def test_a_deleted_reply_queue_is_declared_again(amqp_url: str, document: str) -> None:
    """A client would submit jobs for the rest of its life and never hear of one."""
    with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=10) as client:
        client.submit(document, CONFIG)
        with amqp.channel(amqp_url) as channel:
            channel.queue_delete("ingestkit.pdf.replies.alice")
        until(lambda: _exists(amqp_url, "ingestkit.pdf.replies.alice"))
        with Answering(amqp_url):
            client.get_result(client.submit(document, CONFIG), timeout=10)


def _exists(url: str, queue: str) -> bool:
    try:
        amqp.depth(url, queue)
    except Exception:  # noqa: BLE001 - pika's
        return False
    return True


def test_a_queue_declared_differently_is_used_and_named(
    amqp_url: str, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue that exists with other arguments could not be used, or nobody would learn of the difference."""
    with amqp.channel(amqp_url) as channel:
        channel.queue_declare("ingestkit.pdf.replies.alice", durable=True)
    with DistributedExecutionBackend(amqp_url, client_id="alice") as client, Answering(amqp_url):
        client.get_result(client.submit(document, CONFIG), timeout=10)
    warning = next(record.message for record in caplog.records if "as it is" in record.message)
    assert "ingestkit.pdf.replies.alice" in warning
    assert "x-queue-type" in warning or "x-expires" in warning


def prepare(url: str) -> None:
    """Declare everything, as the daemon or an operator does."""
    with DistributedExecutionBackend(url) as client:
        client.submit("/not-here.pdf", CONFIG)
    with amqp.channel(url) as channel:
        channel.queue_purge(JOBS)
