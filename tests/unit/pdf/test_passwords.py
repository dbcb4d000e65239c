"""Encrypted documents and the passwords of their jobs."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from support.made_pdf import prose_page, run, save

import pymupdf  # isort: skip # after the pipeline, which sets it up

USER, OWNER = "letmein-Übung", "0wner-secret"
ENCRYPTIONS = {
    "RC4 40": pymupdf.PDF_ENCRYPT_RC4_40,
    "RC4 128": pymupdf.PDF_ENCRYPT_RC4_128,
    "AES 128": pymupdf.PDF_ENCRYPT_AES_128,
    "AES 256": pymupdf.PDF_ENCRYPT_AES_256,
}


def encrypted(folder: Path, *, user: str = USER, method: int = pymupdf.PDF_ENCRYPT_AES_256) -> Path:
    """A document that needs a password."""

    def draw(document: Any) -> None:
        prose_page(document)

    return save(folder, draw, encryption=method, user_pw=user, owner_pw=OWNER)


@pytest.mark.parametrize("method", ENCRYPTIONS.values(), ids=ENCRYPTIONS)
@pytest.mark.parametrize("password", ["userpass", OWNER], ids=["user", "owner"])
def test_the_password_of_the_job_opens_the_document(tmp_path: Path, method: int, password: str) -> None:
    """A protected document could not be read by who has its password."""
    result = run(encrypted(tmp_path, user="userpass", method=method), password=password)
    assert result.errors == []
    assert "quick brown fox" in result.markdown
    assert result.metadata.is_encrypted
    assert result.metadata.needs_password
    assert ErrorCode.W_ENCRYPTED_OWNER_ONLY not in result.warnings


def test_a_password_beyond_ascii_opens_the_document(tmp_path: Path) -> None:
    """Half of the world's passwords would be wrong."""
    assert run(encrypted(tmp_path), password=USER).errors == []


@pytest.mark.parametrize("password", [None, "", "wrong", "letmein"])
def test_a_wrong_or_missing_password_is_a_clear_error(tmp_path: Path, password: str | None) -> None:
    """The user would not learn that it is the password, or which of the two it is."""
    result = run(encrypted(tmp_path), password=password)
    assert result.errors == [ErrorCode.E_PARSE_PASSWORD]
    assert result.metadata.needs_password
    told = "does not open it" if password else "give its password"
    assert told in result.error_details[0].message


def test_a_document_that_needs_none_ignores_a_wrong_one(tmp_path: Path) -> None:
    """A batch with one password for all would fail on what is not protected, or be read as garbage."""
    owner_only = encrypted(tmp_path, user="")
    result = run(owner_only, password="something else")
    assert result.errors == []
    assert result.markdown == run(owner_only).markdown
    assert ErrorCode.W_ENCRYPTED_OWNER_ONLY in result.warnings
    assert not result.metadata.needs_password


def test_the_password_is_in_nothing_that_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads results, logs, tracebacks or keys would read passwords."""
    config = PDFProcessorConfig(password=USER, chunk_size_tokens=64)
    with caplog.at_level(logging.DEBUG):
        path = encrypted(tmp_path)
        shown = [repr(config), str(config), config.model_dump_json(), json.dumps(config.output_fields())]
        shown += [json.dumps(config.wire_fields()), repr(config.model_dump())]
        shown += [run(path, password=password).model_dump_json() for password in (USER, "wr0ng-" + USER)]
        shown.append(caplog.text)
    assert not [text for text in shown if USER in text or json.dumps(USER)[1:-1] in text]
    with pytest.raises(ValidationError) as caught:
        PDFProcessorConfig(password=USER, chunk_size_tokens=1, chunk_overlap_tokens=5, nonsense=1)  # type: ignore[call-arg]
    assert USER not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        PDFProcessorConfig(password=USER * 200)
    assert USER not in str(caught.value)


def test_the_ingest_key_does_not_depend_on_the_password(tmp_path: Path) -> None:
    """The same document would be taken for another one, or the password could be guessed by the key."""
    path = encrypted(tmp_path)
    assert run(path, password=USER).ingest_key == run(path, password=OWNER).ingest_key == run(path).ingest_key


def test_a_worker_is_given_the_password() -> None:
    """The pool hands the configuration over pickled; it would arrive as asterisks."""
    dumped = pickle.loads(pickle.dumps(PDFProcessorConfig(password=USER).model_dump()))
    password = PDFProcessorConfig(**dumped).password
    assert isinstance(password, SecretStr)
    assert password.get_secret_value() == USER
