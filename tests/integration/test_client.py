"""`DistributedExecutionBackend` against a real broker; the daemon is played by the test."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ExecutionError, JobNotFoundError, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution._client import consumer
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.execution.protocol import ExecutionBackend
from ingestkit_pdf.execution.stored_results import collect_result
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import InlineSource, Job, Message, PathSource, encode_result
from ingestkit_pdf.wire.topology import Topology
from support import amqp
from support.answering import Answering, answer_to
from support.documents import text_pdf
from support.unreadable import UNREADABLE, unreadable
from support.waiting import until

pytestmark = pytest.mark.broker

CONFIG = PDFProcessorConfig(tenant_id="acme")
JOBS = "ingestkit.pdf.jobs.default"


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


@pytest.fixture
def backend(amqp_url: str) -> Iterator[DistributedExecutionBackend]:
    """A client with an identity of its own."""
    with DistributedExecutionBackend(amqp_url, submit_timeout=10) as client:
        yield client


def reply_queue(backend: DistributedExecutionBackend) -> str:
    """The name of a client's reply queue."""
    return Topology().reply_queue(backend.client_id).name


def message_of(result: ProcessingResult) -> str:
    """What the stand-in for the daemon wrote into a result."""
    return result.error_details[0].message


def test_a_job_goes_out_and_its_result_comes_back(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """Document, name and configuration would not reach the daemon, or its result not the caller."""
    with Answering(amqp_url) as daemon:
        job_id = backend.submit(document, CONFIG)
        result = backend.get_result(job_id, timeout=10)
    assert isinstance(backend, ExecutionBackend)
    assert message_of(result) == job_id
    assert result.file_path == document
    job = daemon.jobs[0]
    assert job.job_id == job_id
    assert job.document == Path(document).read_bytes()
    assert job.config.tenant_id == "acme"


def test_a_job_waits_for_the_first_daemon(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """What is submitted before any daemon has ever run would be lost or refused."""
    job_id = backend.submit(document, CONFIG)
    with Answering(amqp_url):
        assert message_of(backend.get_result(job_id, timeout=10)) == job_id


def test_a_large_file_goes_by_its_absolute_path(
    amqp_url: str, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files above the limit would go inline, or the result would not name the file as the caller did."""
    monkeypatch.chdir(Path(document).parent)
    with DistributedExecutionBackend(amqp_url, inline_limit=10) as client, Answering(amqp_url) as daemon:
        result = client.get_result(client.submit("report.pdf", CONFIG), timeout=10)
        again = client.get_result(daemon.jobs[0].job_id)
    assert daemon.jobs[0].source == PathSource(path=document)
    assert result.file_path == again.file_path == "report.pdf"


def test_a_file_that_only_daemons_see_goes_by_path(
    amqp_url: str, backend: DistributedExecutionBackend
) -> None:
    """A producer could not name a file of a share that it has not mounted itself."""
    with Answering(amqp_url) as daemon:
        backend.get_result(backend.submit("/share/not-here.pdf", CONFIG), timeout=10)
    assert daemon.jobs[0].source == PathSource(path="/share/not-here.pdf")


def test_an_empty_file_travels_inline(
    amqp_url: str, backend: DistributedExecutionBackend, tmp_path: Path
) -> None:
    """An empty file is a document with an error result, not a job that cannot be encoded."""
    (tmp_path / "empty.pdf").touch()
    with Answering(amqp_url) as daemon:
        backend.get_result(backend.submit(str(tmp_path / "empty.pdf"), CONFIG), timeout=10)
    source = daemon.jobs[0].source
    assert isinstance(source, InlineSource)
    assert source.size == 0


def test_what_cannot_be_read_is_refused_at_once(backend: DistributedExecutionBackend, tmp_path: Path) -> None:
    """A folder or a FIFO as the document would hang the caller or fail with a bare OSError."""
    os.mkfifo(tmp_path / "fifo.pdf")
    for path in (tmp_path, tmp_path / "fifo.pdf", "with\0null", "x" * 5000):
        with pytest.raises(SubmitError) as caught:
            backend.submit(str(path), CONFIG)
        assert caught.value.code == ErrorCode.E_EXECUTION_SUBMIT
        assert caught.value.job_id


def test_an_unknown_job_of_a_client_without_identity_is_not_found(
    backend: DistributedExecutionBackend,
) -> None:
    """Waiting for a job that nobody submitted would never end."""
    with pytest.raises(JobNotFoundError):
        backend.get_result("nobody-submitted-this", timeout=5)


def test_an_unknown_job_of_an_explicit_client_is_waited_for(amqp_url: str) -> None:
    """The result of a predecessor's job that is still under way could not be collected."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with pytest.raises(ResultTimeoutError) as caught:
            client.get_result("of-a-predecessor", timeout=0.2)
    assert caught.value.code == ErrorCode.E_EXECUTION_TIMEOUT


def test_asking_again_after_a_timeout_works(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """A caller that was impatient once would never see its result."""
    job_id = backend.submit(document, CONFIG)
    with pytest.raises(ResultTimeoutError, match="ask again later"):
        backend.get_result(job_id, timeout=0.1)
    with Answering(amqp_url):
        assert message_of(backend.get_result(job_id, timeout=10)) == job_id


def test_asking_again_for_what_was_handed_over_gives_the_same(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """The distributed backend would differ from the local one, where asking twice works."""
    with Answering(amqp_url):
        job_id = backend.submit(document, CONFIG)
        assert backend.get_result(job_id, timeout=30) == backend.get_result(job_id, timeout=0)


def test_a_successor_collects_what_its_predecessor_submitted(amqp_url: str, document: str) -> None:
    """Results would be lost when a producer restarts."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as first:
        jobs = [first.submit(document, CONFIG) for _ in range(3)]
        with Answering(amqp_url) as daemon:
            first.get_result(jobs[0], timeout=10)
            until(lambda: len(daemon.jobs) == 3)
    with DistributedExecutionBackend(amqp_url, client_id="alice") as second:
        assert message_of(second.get_result(jobs[2], timeout=10)) == jobs[2]
        with pytest.raises(ResultTimeoutError):
            second.get_result(jobs[0], timeout=0.3)


def test_unclaimed_results_stay_in_the_queue(amqp_url: str, document: str) -> None:
    """Closing a client would lose results that it had received and not handed over."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as client, Answering(amqp_url):
        jobs = [client.submit(document, CONFIG) for _ in range(5)]
        client.get_result(jobs[4], timeout=10)
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 4


def test_the_queue_of_a_nameless_client_goes_with_it_once_all_is_claimed(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """Every short-lived producer would leave a queue behind for a week."""
    with Answering(amqp_url):
        backend.get_result(backend.submit(document, CONFIG), timeout=10)
        backend.close()
    with pytest.raises(Exception, match="NOT_FOUND"):
        amqp.depth(amqp_url, reply_queue(backend))


def test_the_queue_of_a_nameless_client_stays_while_a_job_is_open(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """The answer to a job that nobody collected would be returned to the daemon instead of kept."""
    backend.submit(document, CONFIG)
    backend.close()
    assert amqp.depth(amqp_url, reply_queue(backend)) == 0


def test_a_second_answer_is_dropped_and_the_first_one_wins(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """A job that was answered twice would leave a stray result in the queue or change its answer."""

    def twice(job: Job) -> list[Message]:
        first, second = answer_to(job, text="first"), answer_to(job, text="second")
        return [*encode_result(job.job_id, first), *encode_result(job.job_id, second)]

    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with Answering(amqp_url, answer=twice):
            jobs = [client.submit(document, CONFIG) for _ in range(10)]
            results = dict(client.as_completed(jobs, timeout=10))
            assert {message_of(result) for result in results.values()} == {"first"}
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0


def test_a_result_in_parts_is_put_together_and_every_part_acknowledged(amqp_url: str, document: str) -> None:
    """A result larger than one message could not be received, or its parts would come again for ever."""
    text = "".join(chr(0x4E00 + index % 5000) for index in range(200_000))

    def in_parts(job: Job) -> list[Message]:
        parts = encode_result(job.job_id, answer_to(job, text=text), part_size=1000)
        assert len(parts) > 5
        return [*reversed(parts), parts[0]]

    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with Answering(amqp_url, answer=in_parts):
            result = client.get_result(client.submit(document, CONFIG), timeout=10)
        assert message_of(result) == text
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0


def test_rubbish_in_the_reply_queue_is_dropped(
    amqp_url: str, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One message that is no result would end the I/O thread or stay in the queue for ever."""

    def after_rubbish(job: Job) -> list[Message]:
        good = encode_result(job.job_id, answer_to(job))
        wrong_digest = Message(
            body=b"{}",
            type=good[0].type,
            message_id=job.job_id,
            correlation_id=job.job_id,
            content_type="application/json",
            headers={**good[0].headers, "x-ingestkit-sha256": "0" * 64},
        )
        return [Message(body=b"\xff"), Message(body=b"", type="ingestkit.pdf.result.v1"), wrong_digest, *good]

    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with Answering(amqp_url, answer=after_rubbish):
            job_id = client.submit(document, CONFIG)
            assert message_of(client.get_result(job_id, timeout=10)) == job_id
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0
    dropped = [record for record in caplog.records if "dropped" in record.message]
    assert len(dropped) == 3


def test_few_bytes_are_fetched_ahead_and_all_results_arrive(
    amqp_url: str, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large results that nobody claims would fill the client's memory, or those left behind never come."""
    monkeypatch.setattr(consumer, "_MAX_AHEAD", 200_000)

    def large(job: Job) -> list[Message]:
        return encode_result(job.job_id, answer_to(job, text=random.randbytes(20_000).hex()))

    with (
        DistributedExecutionBackend(amqp_url, client_id="alice") as client,
        Answering(amqp_url, answer=large),
    ):
        jobs = [client.submit(document, CONFIG) for _ in range(100)]
        until(lambda: amqp.depth(amqp_url, reply_queue(client)) > 70)
        assert message_of(client.get_result(jobs[-1], timeout=30))  # all others are before it
        assert len(dict(client.as_completed(jobs, timeout=30))) == 100
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_whose_properties_cannot_be_read_does_not_block_the_reply_queue(
    amqp_url: str, document: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One such message would cost the client its connection, again and again, and every result behind it."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        job_id = client.submit(document, CONFIG)
        with amqp.channel(amqp_url) as opened:
            numbers = {"x-ingestkit-part": 1, "x-ingestkit-parts": 1}
            odd = Message(body=b"{}", type="ingestkit.pdf.result.v1", headers=numbers)
            opened.basic_publish("", reply_queue(client), odd.body, unreadable(odd, what), mandatory=True)
        with Answering(amqp_url):
            assert message_of(client.get_result(job_id, timeout=20)) == job_id
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0
    assert [record.message for record in caplog.records if "connection" in record.message] == []
    assert len([record for record in caplog.records if "dropped" in record.message]) == 1


def test_a_result_of_another_version_stays_in_the_queue(amqp_url: str, document: str) -> None:
    """A client too old for a result would destroy it for the client that is not."""

    def unknown(job: Job) -> list[Message]:
        return encode_result(job.job_id, b'{"file_path": 5}')

    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with Answering(amqp_url, answer=unknown):
            job_id = client.submit(document, CONFIG)
            for _ in range(2):
                with pytest.raises(ExecutionError, match="not one this version understands") as caught:
                    client.get_result(job_id, timeout=10)
                assert caught.value.code == ErrorCode.E_EXECUTION_REJECTED
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 1


def test_a_result_that_is_too_large_stays_in_the_queue(
    amqp_url: str, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few kilobytes on the wire would fill the client's memory, or a good result be destroyed."""
    monkeypatch.setattr("ingestkit_pdf.wire.envelope.result._MAX_RESULT_BYTES", 1_000_000)

    def large(job: Job) -> list[Message]:
        return encode_result(job.job_id, answer_to(job, text="0" * 2_000_000))

    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        with Answering(amqp_url, answer=large):
            job_id = client.submit(document, CONFIG)
            with pytest.raises(ExecutionError, match="too large") as caught:
                client.get_result(job_id, timeout=10)
            assert caught.value.code == ErrorCode.E_EXECUTION_REJECTED
    with pytest.raises(ExecutionError, match="too large"):
        collect_result(amqp_url, job_id, lambda _result: None, client_id="alice")
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 1


def test_many_threads_submit_and_wait_at_once(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """Results would go to the wrong caller, or callers would wait for each other."""

    def one(_: int) -> tuple[str, str]:
        job_id = backend.submit(document, CONFIG)
        return job_id, message_of(backend.get_result(job_id, timeout=30))

    with Answering(amqp_url) as daemon, ThreadPoolExecutor(16) as threads:
        pairs = list(threads.map(one, range(160)))
    assert all(job_id == text for job_id, text in pairs)
    assert len({job_id for job_id, _ in pairs}) == len(daemon.jobs) == 160


def test_many_threads_wait_for_one_job(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """All but one of the threads that ask for the same job would wait for ever."""
    job_id = backend.submit(document, CONFIG)
    with ThreadPoolExecutor(16) as threads:
        waiting = [threads.submit(backend.get_result, job_id, 20) for _ in range(16)]
        with Answering(amqp_url):
            assert {message_of(future.result(20)) for future in waiting} == {job_id}


def test_results_are_fetched_ahead_only_so_far(amqp_url: str, document: str) -> None:
    """A slow producer would hold its whole queue in memory, or who asks for the last first would hang."""
    with DistributedExecutionBackend(amqp_url, client_id="alice", result_window=4) as client:
        with Answering(amqp_url):
            jobs = [client.submit(document, CONFIG) for _ in range(40)]
            queue = reply_queue(client)
            until(lambda: amqp.depth(amqp_url, queue) == 36)
            assert message_of(client.get_result(jobs[39], timeout=10)) == jobs[39]
            assert len(dict(client.as_completed(jobs[:39], timeout=10))) == 39
    assert amqp.depth(amqp_url, "ingestkit.pdf.replies.alice") == 0


def test_an_interrupt_ends_the_wait_and_loses_nothing(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """Ctrl-C would not end a `get_result`, or the result would be gone afterwards."""
    job_id = backend.submit(document, CONFIG)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        backend.get_result(job_id, timeout=20)
    timer.join()
    with Answering(amqp_url):
        assert message_of(backend.get_result(job_id, timeout=10)) == job_id


def test_closing_ends_every_wait(backend: DistributedExecutionBackend, document: str) -> None:
    """A thread that waits for a result would hang for ever once another one has closed the backend."""
    job_id = backend.submit(document, CONFIG)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(backend.get_result, job_id)
        until(lambda: backend._store.is_starving)
        backend.close()
        with pytest.raises(ExecutionError, match="closed"):
            waiting.result(10)
    backend.close()
    with pytest.raises(SubmitError, match="closed"):
        backend.submit(document, CONFIG)
    with pytest.raises(ExecutionError, match="closed"):
        backend.get_result(job_id)


def test_a_backend_that_was_forgotten_ends_its_thread(amqp_url: str, document: str) -> None:
    """Every backend that nobody closed would keep a thread and a connection for the life of the process."""
    client = DistributedExecutionBackend(amqp_url, client_id="forgotten")
    client.submit(document, CONFIG)
    assert "ingestkit-pdf ingestkit.pdf.replies.forgotten" in thread_names()
    del client
    assert "ingestkit-pdf ingestkit.pdf.replies.forgotten" not in thread_names()


def thread_names() -> set[str]:
    """Names of the threads that run."""
    return {thread.name for thread in threading.enumerate()}


def test_a_second_client_of_the_same_name_waits_for_the_first_to_go(amqp_url: str, document: str) -> None:
    """Two clients of one identity would take each other's results."""
    with DistributedExecutionBackend(amqp_url, client_id="alice") as first:
        first.submit(document, CONFIG)
        with DistributedExecutionBackend(amqp_url, client_id="alice") as second, Answering(amqp_url):
            job_id = second.submit(document, CONFIG)
            with pytest.raises(ResultTimeoutError, match="exclusive use"):
                second.get_result(job_id, timeout=3)
            first.close()
            assert message_of(second.get_result(job_id, timeout=10)) == job_id


def in_child(action: Callable[[], bool]) -> bool:
    """Run `action` in a forked process; True when it gave True there."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if action() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_share_the_connection(
    amqp_url: str, backend: DistributedExecutionBackend, document: str
) -> None:
    """Two processes would write into one socket, or the child's end would close the parent's connection."""

    def child() -> bool:
        backend.close()
        try:
            backend.submit(document, CONFIG)
        except SubmitError as error:
            return "closed" in str(error)
        return False

    def orphan() -> bool:
        try:
            backend.submit(document, CONFIG)
        except SubmitError as error:
            return "after the fork" in str(error)
        return False

    with Answering(amqp_url):
        job_id = backend.submit(document, CONFIG)
        assert in_child(orphan)
        assert in_child(child)
        assert message_of(backend.get_result(job_id, timeout=10)) == job_id
        assert backend.get_result(backend.submit(document, CONFIG), timeout=10)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_backend_made_before_a_fork_works_in_every_child(amqp_url: str, document: str) -> None:
    """A server that makes its backend before it forks its workers would have them share one reply queue."""
    shared = DistributedExecutionBackend(amqp_url)
    name = shared.client_id

    def child() -> bool:
        with shared:
            job_id = shared.submit(document, CONFIG)
            result = shared.get_result(job_id, timeout=10)
        return message_of(result) == job_id and shared.client_id != name

    with Answering(amqp_url):
        assert in_child(child)
        assert in_child(child)
    shared.close()


def test_constructing_opens_no_connection() -> None:
    """Making a backend would need a broker; a wrong name would only be noticed when a result is lost."""
    start = time.monotonic()
    DistributedExecutionBackend("amqp://nobody:nothing@192.0.2.1:5672/").close()
    assert time.monotonic() - start < 1
    for wrong in ({"client_id": "a.b"}, {"client_id": "orphaned"}, {"lane": ""}, {"prefix": "amq.x"}):
        with pytest.raises(ValueError, match="is not 1 to"):
            DistributedExecutionBackend("amqp://localhost/", **wrong)  # type: ignore[arg-type]
