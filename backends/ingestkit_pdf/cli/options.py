"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from ingestkit_pdf._deployment import DEFAULT_PREFIX, NAME_RULE, is_valid_name
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.tls import BrokerTLS, TLSError

__all__ = ["amqp_url", "config", "lane_name", "output_options", "prefix", "queue_url", "timeout", "tls"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _load(context: click.Context, parameter: click.Parameter, path: Path | None) -> PDFProcessorConfig:
    if path is None:
        return PDFProcessorConfig()
    try:
        return PDFProcessorConfig.from_file(path)
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]]))
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise click.BadParameter(f"{path}: {problems}", context, parameter) from error
    except (OSError, ValueError, ImportError) as error:
        raise click.BadParameter(str(error), context, parameter) from error


config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_load,
    metavar="FILE",
    help="Settings of the pipeline: .toml, .json or .yaml.",
)

amqp_url = click.option(
    "--amqp-url",
    envvar=["INGESTKIT_PDF_AMQP_URL", "AMQP_URL"],
    metavar="URL",
    help="amqp://user:password@host:port/vhost. The environment (INGESTKIT_PDF_AMQP_URL or AMQP_URL) keeps "
    "the password out of the list of processes.",
)

_TLS = (
    ("ca-file", "PEM file of the CAs that the broker's certificate may be from."),
    ("cert-file", "PEM file of the client certificate."),
    ("key-file", "PEM file of its key."),
    ("key-password-file", "File that holds the password of an encrypted key."),
    ("server-name", "Name that the broker's certificate must have, if not the URL's host."),
    ("minimum-version", "Oldest version of TLS: 1.2 (the default) or 1.3."),
)


timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for each answer of the broker.",
)


def tls(command: Decorated) -> Decorated:
    """`--tls-…`: given to the command as `tls`, a `BrokerTLS`, with what the configuration file says."""

    @functools.wraps(command)
    def with_tls(*arguments: Any, config: PDFProcessorConfig, **others: Any) -> Any:
        names = [f"tls_{name.replace('-', '_')}" for name, _text in _TLS]
        given = {f"execution_{name}": value for name in names if (value := others.pop(name)) is not None}
        try:
            found = BrokerTLS.from_config(config.model_copy(update=given))
        except TLSError as error:
            raise click.UsageError(str(error), click.get_current_context()) from error
        return command(*arguments, tls=found, config=config, **others)

    decorated: Any = with_tls
    for name, text in reversed(_TLS):
        kind: Any = click.Path(path_type=Path) if name.endswith("file") else None
        kind = click.Choice(["1.2", "1.3"]) if name == "minimum-version" else kind
        variable = f"INGESTKIT_PDF_TLS_{name.replace('-', '_').upper()}"
        option = click.option(f"--tls-{name}", type=kind, envvar=variable, show_envvar=True, help=text)
        decorated = option(decorated)
    result: Decorated = decorated
    return result


def prefix(command: Decorated) -> Decorated:
    """`--prefix`, else what the configuration file says."""

    @functools.wraps(command)
    def with_prefix(*arguments: Any, config: PDFProcessorConfig, prefix: str | None, **others: Any) -> Any:
        chosen = config.execution_prefix if prefix is None else prefix
        return command(*arguments, config=config, prefix=chosen, **others)

    help_text = f"First part of the names of all exchanges and queues.  [default: {DEFAULT_PREFIX}]"
    decorated: Any = click.option("--prefix", help=help_text)(with_prefix)
    result: Decorated = decorated
    return result


def lane_name(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Check one lane or several, or a client id."""
    for name in value if isinstance(value, tuple) else [value]:
        if name is not None and not is_valid_name(name):
            raise click.BadParameter(f"{name!r} is not {NAME_RULE}", context, parameter)
    return value


def output_options(default: str | None) -> Callable[[Decorated], Decorated]:
    """`--format` and `--output`."""

    def decorate(command: Decorated) -> Decorated:
        command = click.option(
            "--output",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Write one file for each document into this folder.",
        )(command)
        return click.option(
            "--format",
            "kind",
            type=click.Choice(["markdown", "json"]),
            default=default,
            show_default=default is not None,
            help="What to write of each document.",
        )(command)

    return decorate


def queue_url(given: str | None, settings: PDFProcessorConfig) -> str:
    """The broker: from the option or its variables, else from the configuration file."""
    url = given or settings.execution_queue_url
    if not url:
        raise click.UsageError("no broker: give --amqp-url, or set INGESTKIT_PDF_AMQP_URL or AMQP_URL")
    return url
