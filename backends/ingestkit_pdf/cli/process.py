"""`ingestkit-pdf process`: documents read here, without a broker."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingestkit_pdf.cli import options, secrets
from ingestkit_pdf.cli.report import ResultWriter, complain, failures, progress
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError

if TYPE_CHECKING:
    from ingestkit_pdf.execution.local import LocalExecutionBackend

__all__ = ["process"]

_FILES = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False)
)


@click.command()
@_FILES
@options.output_options("markdown")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of worker processes.  [default: 4, or the number of files if smaller]",
)
@secrets.password
@options.config
@click.pass_context
def process(
    context: click.Context,
    *,
    files: tuple[str, ...],
    kind: str,
    output: Path | None,
    workers: int | None,
    config: PDFProcessorConfig,
) -> None:
    """Read PDF files on this machine, without a broker.

    Results go to standard output in the order of the files, or into a folder. JSON on standard output is
    one document per line; several Markdown documents are each preceded by a comment with the file's name.
    Failed documents are reported on standard error with their codes.

    Exit codes: 0 every document was read, 1 some failed, 2 wrong usage.
    """
    writer = ResultWriter(kind, output, several=len(files) > 1)
    failed = 0
    with _backend(min(workers or config.execution_max_workers, len(files))) as backend:
        jobs = [(path, backend.submit(path, config)) for path in files]
        with progress("Reading", len(jobs)) as step:
            for path, job_id in jobs:
                try:
                    result = backend.get_result(job_id)
                except ExecutionError as error:
                    complain(f"{path}: {error}")
                    failed += 1
                else:
                    writer.write(path, result)
                    failures(path, result)
                    failed += not result.succeeded
                step()
    context.exit(1 if failed else 0)


def _backend(workers: int) -> LocalExecutionBackend:
    if importlib.util.find_spec("pymupdf") is None:
        raise click.ClickException("reading PDF files here needs PyMuPDF: pip install 'ingestkit-pdf[pdf]'")
    from ingestkit_pdf.execution.local import LocalExecutionBackend  # noqa: PLC0415 - needs the extra [pdf]

    return LocalExecutionBackend(max_workers=workers)
