"""Passwords at the command line: by prompt, file or environment, never as an argument."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingestkit_pdf.cli import cli
from ingestkit_pdf.cli.secrets import PASSWORD_VARIABLE, SECRETS_KEY_VARIABLE
from unit.pdf.test_passwords import USER, encrypted


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A document that opens with `USER`."""
    return str(encrypted(tmp_path))


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PASSWORD_VARIABLE, SECRETS_KEY_VARIABLE):
        monkeypatch.setenv(name, "")  # so that it is put back, whatever takes it out
        monkeypatch.delenv(name)


def run(*arguments: str, typed: str | None = None, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(cli, list(arguments), input=typed)


def test_a_password_comes_from_the_prompt_a_file_or_the_environment(document: str, tmp_path: Path) -> None:
    """Protected documents could be read from Python only."""
    file = tmp_path / "password"
    file.write_text(f"{USER}\nnot this line\n", encoding="utf-8")
    results = [
        run("process", document, "--ask-password", typed=f"{USER}\n"),
        run("process", document, "--password-file", str(file)),
        run("process", document, **{PASSWORD_VARIABLE: USER}),
    ]
    for result in results:
        assert result.exit_code == 0, result.output
        assert "quick brown fox" in result.stdout
        assert USER not in result.output


def test_a_wrong_password_says_so(document: str, tmp_path: Path) -> None:
    """The user would look for the fault in the document."""
    file = tmp_path / "password"
    file.write_text("wrong")
    result = run("process", document, "--password-file", str(file))
    assert result.exit_code == 1
    assert "E_PARSE_PASSWORD" in result.stderr
    assert "does not open it" in result.stderr


def test_what_is_started_does_not_inherit_it(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password would stand in the environment of every worker."""
    seen: list[str | None] = []
    original = subprocess.Popen.__init__

    def watched(self: object, *arguments: object, **options: object) -> None:
        seen.append(os.environ.get(PASSWORD_VARIABLE))
        original(self, *arguments, **options)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    assert run("process", document, **{PASSWORD_VARIABLE: USER}).exit_code == 0
    assert seen
    assert set(seen) == {None}


def test_two_sources_at_once_are_a_usage_error(document: str, tmp_path: Path) -> None:
    """One of the two would be taken, and nobody would know which."""
    file = tmp_path / "password"
    file.write_text(USER)
    result = run("process", document, "--ask-password", "--password-file", str(file), typed="x\n")
    assert result.exit_code == 2


def test_a_password_without_a_key_is_not_submitted(document: str) -> None:
    """The password would lie in the queue for everybody to read."""
    url = {"AMQP_URL": "amqp://guest:guest@127.0.0.1:1/"}
    result = run("submit", document, **{PASSWORD_VARIABLE: USER}, **url)
    assert result.exit_code == 1
    assert "E_EXECUTION_SUBMIT" in result.stderr
    assert SECRETS_KEY_VARIABLE in result.stderr
    assert USER not in result.output


def test_a_wrong_key_is_a_usage_error_that_does_not_quote_it(document: str) -> None:
    """A key with a typing error would show up only at the daemon, or in a log."""
    url = {"AMQP_URL": "amqp://guest:guest@127.0.0.1:1/"}
    result = run("submit", document, **{SECRETS_KEY_VARIABLE: "half-a-key"}, **url)
    assert result.exit_code == 2
    assert "openssl rand" in result.stderr
    assert "half-a-key" not in result.output
