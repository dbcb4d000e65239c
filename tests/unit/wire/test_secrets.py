"""Passwords on the wire: sealed for one job, opened by who has the key, and by nobody else."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.wire.envelope import (
    AttemptRecord,
    InvalidMessageError,
    Message,
    dead_letter,
    decode_job,
    encode_job,
    redriven_message,
    retry_message,
)
from ingestkit_pdf.wire.envelope.message import H_JOB
from ingestkit_pdf.wire.secrets import PasswordSeal, SecretsError
from ingestkit_pdf.wire.topology import Topology

TOPOLOGY = Topology()
PASSWORD = "correct horse"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SEAL = PasswordSeal(NEW)


def a_job(
    document: bytes | None = b"%PDF-1.7", job_id: str = "job-1", seal: PasswordSeal | None = SEAL
) -> Message:
    """A job that carries a password."""
    config = PDFProcessorConfig(password=PASSWORD, tenant_id="acme")
    return encode_job(
        job_id,
        reply_to="ingestkit.pdf.replies.alice",
        config=config,
        path="/in/a.pdf",
        document=document,
        seal=seal,
    )


def password_of(message: Message, seal: PasswordSeal | None = SEAL) -> str | None:
    password = decode_job(message, TOPOLOGY).opened_config(seal).password
    return password.get_secret_value() if password else None


def everything(message: Message) -> str:
    return repr(message) + message.body.decode("latin-1")


@pytest.mark.parametrize("document", [b"%PDF-1.7", None])
def test_a_password_travels_sealed_and_arrives(document: bytes | None) -> None:
    """A daemon could not open the document, or everybody who sees the queue could."""
    message = a_job(document)
    assert password_of(message) == PASSWORD
    hidden = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), PASSWORD.encode().hex(), NEW)
    assert not [text for text in hidden if text in everything(message)]
    job = decode_job(message, TOPOLOGY)
    assert job.opened_config(SEAL).tenant_id == "acme"
    assert PASSWORD not in repr(job) + repr(job.opened_config(SEAL))


def test_retries_letters_and_redrives_keep_it_sealed() -> None:
    """A job that is tried again would have lost its password, or show it."""
    message = a_job()
    job = decode_job(message, TOPOLOGY)
    record = AttemptRecord(attempt=1, reason="crashed", code="E_EXECUTION_CRASHED", message="it crashed")
    retried = retry_message(message, job, record)
    parked = dead_letter(retried, lane="default", reason="crashed", text="it crashed", history=(record,))
    redriven = redriven_message(parked)
    for later in (retried, parked, redriven):
        assert PASSWORD not in everything(later)
        assert password_of(later) == PASSWORD


def test_a_producer_without_a_key_is_told_what_to_do() -> None:
    """The password would travel in clear, or the job without it."""
    with pytest.raises(SecretsError, match="set secrets_key"):
        a_job(seal=None)


def test_a_job_without_a_password_needs_no_key() -> None:
    """Every producer would have to configure a key."""
    config = PDFProcessorConfig()
    message = encode_job("j", reply_to="ingestkit.pdf.replies.a", config=config, path="/a", document=b"x")
    assert password_of(message, None) is None
    assert "sealed_password" not in message.headers[H_JOB]


@pytest.mark.parametrize(
    ("seal", "reason"),
    [(None, "has no secrets_key"), (PasswordSeal(OLD), "must be the same")],
    ids=["no key", "another key"],
)
def test_a_daemon_that_cannot_open_it_refuses_the_job(seal: PasswordSeal | None, reason: str) -> None:
    """The document would be answered as protected, and nobody would look at the daemon's key."""
    with pytest.raises(SecretsError, match=reason):
        password_of(a_job(), seal)


def test_a_sealed_password_fits_its_own_job_only() -> None:
    """Whoever may publish could have another's password tried on documents of their own."""
    stolen = json.loads(a_job().headers[H_JOB])["sealed_password"]
    other = a_job(job_id="job-2")
    fields = {**json.loads(other.headers[H_JOB]), "sealed_password": stolen}
    with pytest.raises(SecretsError, match="another job"):
        password_of(replace(other, headers={**other.headers, H_JOB: json.dumps(fields)}))


def test_a_password_in_clear_is_refused() -> None:
    """A producer that does not seal would go unnoticed, with its passwords in every queue."""
    message = a_job()
    fields = json.loads(message.headers[H_JOB])
    fields["config"]["password"] = PASSWORD
    clear = replace(message, headers={**message.headers, H_JOB: json.dumps(fields)})
    with pytest.raises(InvalidMessageError, match="sealed only") as caught:
        decode_job(clear, TOPOLOGY)
    assert PASSWORD not in str(caught.value)


def test_a_key_can_be_changed_without_a_pause() -> None:
    """All producers and daemons would have to stop at the same moment."""
    both = PasswordSeal(f"{NEW}\n{OLD}\n")
    assert password_of(a_job(seal=PasswordSeal(OLD)), both) == PASSWORD
    assert password_of(a_job(seal=both), PasswordSeal(NEW)) == PASSWORD


@pytest.mark.parametrize(
    "key",
    ["", "  ", "too short", "x" * 44, f"{NEW} {NEW[:-4]}", "\u00fc" * 44],
    ids=["empty", "blank", "short", "no base64", "one of two cut off", "not ASCII"],
)
def test_what_is_no_key_is_refused_without_being_quoted(key: str) -> None:
    """Half a key in a log is half a key less to guess."""
    with pytest.raises(SecretsError, match="openssl rand") as caught:
        PasswordSeal(key)
    assert not key.strip() or key not in str(caught.value)
    assert NEW not in repr(PasswordSeal(NEW))
