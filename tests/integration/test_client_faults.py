"""The client when its connection, or the broker, goes away and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ResultTimeoutError, SubmitError
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from support import amqp
from support.answering import Answering
from support.documents import text_pdf
from support.proxy import Proxy
from support.waiting import until

pytestmark = pytest.mark.broker

CONFIG = PDFProcessorConfig()
JOBS = "ingestkit.pdf.jobs.default"
REPLIES = "ingestkit.pdf.replies.alice"


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[Proxy]:
    """A proxy in front of the broker."""
    with Proxy(amqp_url) as between:
        yield between


@pytest.fixture
def client(proxy: Proxy) -> Iterator[DistributedExecutionBackend]:
    """A client that goes through the proxy."""
    with DistributedExecutionBackend(proxy.url, client_id="alice", submit_timeout=20) as backend:
        yield backend


def test_a_job_without_its_confirm_is_published_again_under_its_id(
    amqp_url: str, proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """A job in flight when the connection drops would be lost, or be two jobs with two ids."""
    client.submit(document, CONFIG)
    taken = amqp.take(amqp_url, JOBS)
    proxy.hold("down")
    with ThreadPoolExecutor(1) as threads:
        submitted = threads.submit(client.submit, document, CONFIG)
        until(lambda: amqp.depth(amqp_url, JOBS) == 1)
        assert not submitted.done()
        proxy.cut()
        proxy.release()
        job_id = submitted.result(15)
    twice = amqp.take_all(amqp_url, JOBS, count=2)
    assert [message.message_id for message in twice] == [job_id, job_id]
    assert taken.message_id != job_id


def test_a_job_submitted_during_an_outage_goes_out_after_it(
    amqp_url: str, proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """Every short outage of the network would be an error in the producer."""
    client.submit(document, CONFIG)
    amqp.take(amqp_url, JOBS)
    proxy.refuse()
    with ThreadPoolExecutor(4) as threads:
        submitted = [threads.submit(client.submit, document, CONFIG) for _ in range(4)]
        until(lambda: "no connection" in (client._connection.trouble() or ""))
        proxy.accept()
        jobs = {future.result(15) for future in submitted}
    assert {message.message_id for message in amqp.take_all(amqp_url, JOBS, count=4)} == jobs


def test_a_job_is_not_published_after_its_deadline(amqp_url: str, proxy: Proxy, document: str) -> None:
    """A caller that was told "not submitted" would find the job run all the same once the broker is back."""
    with DistributedExecutionBackend(proxy.url, submit_timeout=1) as client:
        client.submit(document, CONFIG)
        amqp.take(amqp_url, JOBS)
        proxy.refuse()
        with pytest.raises(SubmitError, match="no connection") as refused:
            client.submit(document, CONFIG)
        proxy.accept()
        job_id = until(lambda: _submitted(client, document))
        # One that was only confirmed too late is there as well: its caller was told that it may be.
        arrived = amqp.take_all(amqp_url, JOBS, count=amqp.depth(amqp_url, JOBS))
        job_ids = {message.message_id for message in arrived}
        assert job_id in job_ids
        assert refused.value.job_id not in job_ids


def _submitted(client: DistributedExecutionBackend, document: str) -> str:
    try:
        return client.submit(document, CONFIG)
    except SubmitError:
        return ""


def test_a_result_arrives_after_a_reconnect(
    amqp_url: str, proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """A `get_result` that was waiting when the connection dropped would wait for ever."""
    job_id = client.submit(document, CONFIG)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.get_result, job_id, 20)
        proxy.cut()
        with Answering(amqp_url):
            assert waiting.result(20).error_details[0].message == job_id


def test_results_held_over_a_reconnect_are_handed_over_once_and_acknowledged(
    broker: PrivateBroker, amqp_url: str, proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """A result that the broker delivers again would be handed over twice, or never leave the queue."""
    with Answering(amqp_url):
        jobs = [client.submit(document, CONFIG) for _ in range(20)]
        client.get_result(jobs[-1], timeout=10)
    before = proxy.accepted
    proxy.cut()
    early = [client.get_result(job_id, timeout=10) for job_id in jobs[:10]]  # at once, from what was held
    late = dict(client.as_completed(jobs[10:19], timeout=10))
    assert {result.error_details[0].message for result in (*early, *late.values())} == set(jobs[:19])
    # What was claimed while the connection was down can only be acknowledged when it comes again.
    until(lambda: proxy.accepted > before)
    until(lambda: broker.queue_counts(amqp_url)[REPLIES] == 0)


def test_a_claim_that_was_not_acknowledged_is_not_handed_over_again(
    amqp_url: str, proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """An acknowledgement lost with the connection would bring the same result to the caller a second time."""
    with Answering(amqp_url):
        job_id = client.submit(document, CONFIG)
        other = client.submit(document, CONFIG)
        client.get_result(other, timeout=10)
        proxy.hold("up")
        client.get_result(job_id, timeout=10)
        before = proxy.accepted
        third = threading.Thread(target=client.submit, args=(document, CONFIG))
        third.start()
        proxy.cut()
        proxy.release()
        until(lambda: proxy.accepted > before)
        third.join(20)
    until(lambda: amqp.depth(amqp_url, REPLIES) == 0)


@pytest.mark.parametrize("heartbeat", [2])
def test_a_black_hole_is_noticed(amqp_url: str, document: str, heartbeat: int) -> None:
    """A connection that dies without a word would be believed in for minutes."""
    with Proxy(amqp_url) as proxy:
        url = f"{proxy.url}?heartbeat={heartbeat}"
        with DistributedExecutionBackend(url, client_id="alice", submit_timeout=30) as client:
            client.submit(document, CONFIG)
            before = proxy.accepted
            proxy.hold()
            start = time.monotonic()
            with ThreadPoolExecutor(1) as threads:
                submitted = threads.submit(client.submit, document, CONFIG)
                until(lambda: proxy.accepted > before, timeout=25)
                assert time.monotonic() - start < 2 * (heartbeat + 5) + 2
                proxy.cut()
                proxy.release()
                submitted.result(30)


def test_reconnecting_is_not_a_hot_loop(
    proxy: Proxy, client: DistributedExecutionBackend, document: str
) -> None:
    """A fleet of producers would hammer a broker that has just come up."""
    client.submit(document, CONFIG)
    proxy.refuse()
    with pytest.raises(ResultTimeoutError):
        client.get_result("of-a-predecessor", timeout=3)
    assert client._connection._dialler._backoff._tries < 10
    proxy.accept()


def test_jobs_and_results_survive_a_restart_of_the_broker(
    broker: PrivateBroker, amqp_url: str, document: str
) -> None:
    """Jobs submitted before a restart would be lost, or a client would have to be made anew after it."""
    with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=60) as client:
        jobs = [client.submit(document, CONFIG) for _ in range(5)]
        with ThreadPoolExecutor(6) as threads:
            waiting = [threads.submit(client.get_result, job_id, 90) for job_id in jobs]
            during = threads.submit(client.submit, document, CONFIG)
            broker.restart()
            up = time.monotonic()
            late = during.result(60)
            assert time.monotonic() - up < 10
            with Answering(amqp_url):
                assert [future.result(30).error_details[0].message for future in waiting] == jobs
                client.get_result(late, timeout=10)


def test_jobs_and_results_survive_a_killed_broker(
    broker: PrivateBroker, amqp_url: str, document: str
) -> None:
    """Messages that only were in memory would be gone: jobs, and results that nobody has claimed yet."""
    with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=60) as client:
        client.submit(document, CONFIG)
        amqp.take(amqp_url, JOBS)
        broker.restart()  # a quorum queue that is only seconds old may be gone itself after a kill
        with Answering(amqp_url):
            answered = [client.submit(document, CONFIG) for _ in range(5)]
            client.get_result(answered[4], timeout=10)
        jobs = [client.submit(document, CONFIG) for _ in range(5)]
        client.close()
        broker.kill()
        broker.start()
    with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=60) as client:
        with Answering(amqp_url):
            wanted = [*answered[:4], *jobs]
            results = dict(client.as_completed(wanted, timeout=30))
    assert {job_id: result.error_details[0].message for job_id, result in results.items()} == {
        job_id: job_id for job_id in wanted
    }
