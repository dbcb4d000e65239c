"""What is different about RabbitMQ 4: limits of its own on deliveries and on the size of a message.

Everything else is proven on it by running the other tests with INGESTKIT_TEST_RABBITMQ=4.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.errors import SubmitError
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, take
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.ledger import Ledger
from support.rabbitmq4 import missing_for_rabbitmq4, rabbitmq4_program

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
CONFIG = PDFProcessorConfig()
MIB = 1024 * 1024
MESSAGE_LIMIT = 16 * MIB
IMPATIENCE = 5.0


@pytest.fixture(scope="module")
def make_broker(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PrivateBroker]:
    """Makes a private broker of version 4."""
    if (lack := missing_for_rabbitmq4()) is not None:
        pytest.skip(lack)
    program = rabbitmq4_program(tmp_path_factory.mktemp("rabbitmq4"))
    return lambda **options: PrivateBroker(program=program, **options)


@pytest.fixture(scope="module")
def rabbitmq4(make_broker: Callable[..., PrivateBroker]) -> Iterator[PrivateBroker]:
    with make_broker() as broker:
        assert broker.ctl("version").startswith("4.")
        yield broker


@pytest.fixture
def url(rabbitmq4: PrivateBroker) -> Iterator[str]:
    rabbitmq4.start()
    made = rabbitmq4.create_vhost()
    yield made
    rabbitmq4.start()
    rabbitmq4.delete_vhost(made)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


def test_kills_and_stops_lose_nothing(
    rabbitmq4: PrivateBroker, url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """What holds on RabbitMQ 3 would not hold after the upgrade."""
    ledger = open_ledger(url)
    ledger.submit(500)
    daemon = DaemonProcess(url, staging).start()
    daemon.wait_for("attempt_finished", count=50)
    daemon.kill_worker()
    daemon.wait_for("attempt_finished", count=100)
    daemon.kill()
    with DaemonProcess(url, staging) as second:
        second.wait_for("attempt_finished", count=50)
        assert second.terminate() == 0
        assert list(staging.iterdir()) == []
    with DaemonProcess(url, staging) as third:
        third.wait_for("attempt_finished", count=50)
        rabbitmq4.kill()
        rabbitmq4.start()
        third.wait_for("daemon_ready", count=2, timeout=60)
        ledger.settle(timeout=120)
    ledger.assert_balanced()
    assert_queues_empty(url)


def test_the_ladder_ends_among_the_dead_letters(url: str, tmp_path: Path, staging: Path) -> None:
    """A job that cannot succeed would be retried for ever, or vanish where version 4 drops messages."""
    settings = {"allowed_roots": [str(tmp_path)], "retry_attempts": {"source_unavailable": 2}}
    with DaemonProcess(url, staging, **settings) as daemon:
        with DistributedExecutionBackend(url) as client:
            job_id = client.submit(str(tmp_path / "nowhere.pdf"), CONFIG)
            assert client.get_result(job_id, timeout=30).errors == [ErrorCode.E_SOURCE_UNAVAILABLE]
        outcomes = [line["outcome"] for line in daemon.logged("attempt_finished")]
    assert outcomes == ["retried", "deadlettered"]
    letter = take(url, NAMES.dead_queue.name)
    assert (letter.message_id, letter.headers["x-ingestkit-reason"]) == (job_id, "E_SOURCE_UNAVAILABLE")
    assert_queues_empty(url)


def test_what_takes_daemons_down_is_parked_before_the_broker_drops_it(url: str, staging: Path) -> None:
    """The client of such a job would wait for ever: version 4 gives up after 20 deliveries by itself."""
    document = staging / "document.pdf"
    document.write_bytes(text_pdf())
    with DaemonProcess(url, staging):
        """Declares the queues."""
    with DistributedExecutionBackend(url) as client:
        job_id = client.submit(str(document), CONFIG)
        for _ in range(16):
            connection = pika.BlockingConnection(pika.URLParameters(url))
            method, _properties, _body = connection.channel().basic_get(NAMES.job_queue("default").name)
            assert method is not None, "the broker dropped it"
            connection.close()
        with DaemonProcess(url, staging):
            assert client.get_result(job_id, timeout=30).errors == [ErrorCode.E_EXECUTION_CRASHED]
    assert_queues_empty(url, parked=1)


def test_documents_and_results_larger_than_a_message(url: str, tmp_path: Path, staging: Path) -> None:
    """Version 4 takes 16 MiB in a message: larger documents and results would be refused, or end daemons."""
    source = random.Random(4)
    words = ((f"{source.getrandbits(60):015x}" for _ in range(6)) for _ in range(50 * 3000))
    lines = [" ".join(line) for line in words]
    path = tmp_path / "large.pdf"
    path.write_bytes(text_pdf(*("\n".join(lines[start : start + 50]) for start in range(0, len(lines), 50))))
    with DistributedExecutionBackend(url, inline_limit=100 * MIB) as client:
        blank = tmp_path / "blank.pdf"
        blank.write_bytes(bytes(MESSAGE_LIMIT + 1))
        with pytest.raises(SubmitError, match=rf"at most {MESSAGE_LIMIT} bytes; lower inline_limit"):
            client.submit(str(blank), CONFIG)
    settings = {"allowed_roots": [str(tmp_path)]}
    with DaemonProcess(url, staging, **settings) as daemon, DistributedExecutionBackend(url) as client:
        job_id = client.submit(str(path), CONFIG)
        result = client.get_result(job_id, timeout=240)
        assert (result.errors, len(result.pages)) == ([], 3000)
        (line,) = daemon.logged("attempt_finished")
        print(line["result_bytes"] / MIB, line["run_seconds"])  # noqa: T201
        assert line["result_bytes"] > 2 * MESSAGE_LIMIT
        assert daemon.logged("message_limit_learned") == []
    assert_queues_empty(url)


def test_a_job_longer_than_the_broker_waits_does_not_run_for_ever(
    make_broker: Callable[..., PrivateBroker], tmp_path: Path, staging: Path
) -> None:
    """A broker that takes deliveries back sooner than the daemon was told would have long jobs run again."""
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless_pdf())
    config = {"consumer_timeout": str(int(IMPATIENCE * 1000))}
    with make_broker(config=config, settings={"channel_tick_interval": 1000}) as broker:
        url = broker.create_vhost()
        with DaemonProcess(url, staging, document_timeout=4 * IMPATIENCE) as daemon:
            with DistributedExecutionBackend(url) as client:
                job_id = client.submit(str(path), CONFIG)
                daemon.wait_for("delivery_attached", count=2, timeout=60)
                assert client.get_result(job_id, timeout=60).errors == [ErrorCode.E_EXECUTION_TIMEOUT]
            assert len(daemon.logged("attempt_finished", job_id=job_id)) == 1
        assert_queues_empty(url, parked=1)


def test_check_finds_nothing_to_complain_about(
    url: str, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that says whether a daemon could work here would be wrong about version 4."""
    with DaemonProcess(url, staging):
        """Declares the queues."""
    monkeypatch.setenv("INGESTKIT_PDFD_AMQP_URL", url)
    done = subprocess.run(
        [sys.executable, "-m", "ingestkit_pdfd", "check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
