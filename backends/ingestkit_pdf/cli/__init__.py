"""The command `ingestkit-pdf`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import click

from ingestkit_pdf.cli.dead import dead
from ingestkit_pdf.cli.entry import completion, run_command
from ingestkit_pdf.cli.process import process
from ingestkit_pdf.cli.report import complain
from ingestkit_pdf.cli.requests import cancel, watch
from ingestkit_pdf.cli.result import result
from ingestkit_pdf.cli.status import status
from ingestkit_pdf.cli.submit import submit

__all__ = ["cli", "main"]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all good; 1 a document failed, or the broker or a daemon is not there; "
    "2 wrong usage; 130 interrupted.",
)
@click.version_option(package_name="ingestkit-pdf", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn PDF files into structured text, here or on the daemons behind a RabbitMQ broker."""


cli.add_command(process)
cli.add_command(submit)
cli.add_command(result)
cli.add_command(watch)
cli.add_command(cancel)
cli.add_command(status)
cli.add_command(dead)
cli.add_command(completion)


class _Complain(logging.Handler):
    """Warnings of the library, in the form of the command's own."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; every error is one line on standard error."""
    logger = logging.getLogger("ingestkit_pdf")
    handler = _Complain(logging.WARNING)
    logger.addHandler(handler)
    try:
        code = run_command(cli, "ingestkit-pdf", arguments)
    finally:
        logger.removeHandler(handler)
    sys.exit(code)
