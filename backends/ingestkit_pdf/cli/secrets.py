"""Options for passwords of documents and the key that seals them: by prompt, file or environment.

None of them is a value on the command line: every user of the machine can read the list of processes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr

from ingestkit_pdf.config import PDFProcessorConfig

__all__ = ["PASSWORD_VARIABLE", "SECRETS_KEY_VARIABLE", "password", "secrets_key"]

PASSWORD_VARIABLE = "INGESTKIT_PDF_PASSWORD"  # noqa: S105 - the name of a variable
SECRETS_KEY_VARIABLE = "INGESTKIT_PDF_SECRETS_KEY"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def password(command: Decorated) -> Decorated:
    """`--ask-password`, `--password-file`: put into the command's `config`, for all documents of the call."""

    @functools.wraps(command)
    def with_password(
        *arguments: Any,
        config: PDFProcessorConfig,
        ask_password: bool,
        password_file: Path | None,
        **others: Any,
    ) -> Any:
        if ask_password and password_file:
            raise click.UsageError(
                "--ask-password and --password-file: one of them", click.get_current_context()
            )
        given = _taken(PASSWORD_VARIABLE)
        if ask_password:
            given = str(click.prompt("Password of the documents", hide_input=True, err=True))
        elif password_file:
            given = _first_line(password_file)
        if given:
            config = config.model_copy(update={"password": SecretStr(given)})
        return command(*arguments, config=config, **others)

    decorated: Any = with_password
    decorated = click.option("--ask-password", is_flag=True, help="Ask for the password of the documents.")(
        decorated
    )
    decorated = click.option(
        "--password-file",
        type=_FILE,
        metavar="FILE",
        help="Its first line is the password of the documents.  "
        f"[env var: {PASSWORD_VARIABLE}, the password itself]",
    )(decorated)
    result: Decorated = decorated
    return result


def secrets_key(command: Decorated) -> Decorated:
    """`--secrets-key-file`: put into the command's `config`."""

    @functools.wraps(command)
    def with_key(
        *arguments: Any, config: PDFProcessorConfig, secrets_key_file: Path | None, **others: Any
    ) -> Any:
        given = _taken(SECRETS_KEY_VARIABLE)
        if secrets_key_file:
            given = _text(secrets_key_file)
        if given:
            config = config.model_copy(update={"execution_secrets_key": SecretStr(given)})
        return command(*arguments, config=config, **others)

    decorated: Any = click.option(
        "--secrets-key-file",
        type=_FILE,
        metavar="FILE",
        help="Holds the key that passwords are sealed with, the daemons' secrets_key.  "
        f"[env var: {SECRETS_KEY_VARIABLE}, the key itself]",
    )(with_key)
    result: Decorated = decorated
    return result


def _taken(variable: str) -> str | None:
    """A variable, taken out of the environment: processes that are started from here do not get it."""
    return os.environ.pop(variable, None)


def _first_line(file: Path) -> str:
    lines = _text(file).splitlines()
    return lines[0] if lines else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise click.UsageError(f"{file}: {reason}", click.get_current_context()) from error
