"""Passwords of documents, from the producer to the worker: opened there, and to be seen nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from cryptography.fernet import Fernet

from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.execution.dead_letters import LetterFilter, redrive
from ingestkit_pdf.wire.topology import Topology
from support.amqp import depth, publish, take
from support.daemon import DaemonProcess
from support.letters import command
from support.waiting import until
from unit.pdf.test_passwords import OWNER, USER, encrypted

pytestmark = pytest.mark.broker

NAMES = Topology()
JOBS, DEAD = NAMES.job_queue("default").name, NAMES.dead_queue.name
KEY = Fernet.generate_key().decode()


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A document that opens with `USER` or `OWNER`."""
    return str(encrypted(tmp_path))


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    """Where the daemon stages documents."""
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


def test_a_protected_document_is_read_and_its_password_seen_nowhere(
    amqp_url: str, document: str, staging: Path
) -> None:
    """Whoever looks at a queue, a log, a result or the list of processes would see passwords."""
    with DistributedExecutionBackend(amqp_url, secrets_key=KEY) as client:
        job_id = client.submit(document, PDFProcessorConfig(password=USER))
        wrong = client.submit(document, PDFProcessorConfig(password="wr0ng-" + USER))
        shown: list[str] = []
        for _ in range(2):
            message = take(amqp_url, JOBS)
            shown.append(repr(message) + message.body.decode("latin-1"))
            publish(amqp_url, message, exchange=NAMES.jobs_exchange.name, routing_key="default")
        with DaemonProcess(amqp_url, staging, secrets_key=KEY) as daemon:
            result = client.get_result(job_id, timeout=60)
            refused = client.get_result(wrong, timeout=60)
            for process in (*daemon.workers(), *psutil.Process(daemon.process.pid).children()):
                shown += [" ".join(process.cmdline()), repr(process.environ())]
        shown += [json.dumps(daemon.events), "\n".join(daemon.noise)]
    assert result.errors == []
    assert "quick brown fox" in result.markdown
    assert result.metadata.needs_password
    assert refused.errors == [ErrorCode.E_PARSE_PASSWORD]
    shown += [result.model_dump_json(), refused.model_dump_json()]
    secrets = (USER, json.dumps(USER)[1:-1], OWNER)
    assert not [text for text in shown if any(secret in text for secret in secrets)]
    assert not [text for text in shown[4:] if KEY in text]
    assert depth(amqp_url, DEAD) == 0


def test_a_daemon_without_the_key_parks_the_job_until_it_has_it(
    amqp_url: str, document: str, staging: Path
) -> None:
    """The job would be tried for ever, answered as protected, or lose its password on the way back."""
    with DistributedExecutionBackend(amqp_url, secrets_key=KEY, client_id="producer") as client:
        with DaemonProcess(amqp_url, staging) as daemon:
            job_id = client.submit(document, PDFProcessorConfig(password=USER))
            answer = client.get_result(job_id, timeout=60)
            assert answer.errors == [ErrorCode.E_EXECUTION_NOT_CONFIGURED]
            assert "secrets_key" in answer.error_details[0].message
            code, shown, _ = command(amqp_url, "dead", "show", job_id)
            assert code == 0
            assert "secrets_key" in shown
            assert USER not in shown + json.dumps(daemon.events)
        with DaemonProcess(amqp_url, staging, secrets_key=Fernet.generate_key().decode()):
            assert redrive(amqp_url, LetterFilter()).done == 1
            assert until(lambda: client.get_result(job_id, timeout=60).errors)
            assert until(lambda: depth(amqp_url, DEAD) == 1)
        parked = take(amqp_url, DEAD)
        assert USER not in repr(parked) + parked.body.decode("latin-1")
        publish(amqp_url, parked, exchange=NAMES.dead_exchange.name, routing_key="default")
        with DaemonProcess(amqp_url, staging, secrets_key=f"{Fernet.generate_key().decode()} {KEY}"):
            assert redrive(amqp_url, LetterFilter()).done == 1
            assert until(lambda: client.get_result(job_id, timeout=60).succeeded, timeout=60)


def test_a_tokenizer_is_read_only_where_the_daemon_names_it(
    amqp_url: str, document: str, staging: Path, tmp_path: Path
) -> None:
    """A job could have any file of the daemon opened; or none, since workers are confined."""
    from support.tokenizers import word_tokenizer

    own, other = word_tokenizer(tmp_path / "own.json"), word_tokenizer(tmp_path / "other.json")
    with DaemonProcess(amqp_url, staging, secrets_key=KEY, tokenizer_files=[str(own)]):
        with DistributedExecutionBackend(amqp_url, secrets_key=KEY) as client:
            jobs = [
                client.submit(document, PDFProcessorConfig(password=USER, tokenizer=str(path)))
                for path in (own, other)
            ]
            read, refused = (client.get_result(job_id, timeout=60) for job_id in jobs)
    assert read.errors == []
    assert [chunk.token_count for chunk in read.chunks] == [len(chunk.text.split()) for chunk in read.chunks]
    assert refused.errors == [ErrorCode.E_EXECUTION_NOT_CONFIGURED]
    assert "tokenizer_files" in refused.error_details[0].message
