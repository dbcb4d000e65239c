"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.wire.topology import DEFAULT_PREFIX, is_valid_name

__all__ = ["amqp_url", "config", "lane_name", "output_options", "prefix", "queue_url"]

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

prefix = click.option(
    "--prefix", default=DEFAULT_PREFIX, show_default=True, help="Of all exchanges and queues."
)


def lane_name(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Check one lane or several, or a client id."""
    for name in value if isinstance(value, tuple) else [value]:
        if name is not None and not is_valid_name(name):
            raise click.BadParameter(
                f"{name!r} is not 1 to 64 letters, digits, '_' or '-'", context, parameter
            )
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
