"""`ingestkit-pdf result`: one result, collected from the queue it waits in."""

from __future__ import annotations

from pathlib import Path

import click

from ingestkit_pdf.cli import options
from ingestkit_pdf.cli.report import ResultWriter, failures
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError
from ingestkit_pdf.execution.stored_results import QueueInUseError, collect_result
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import ProcessingResult

__all__ = ["result"]


@click.command()
@click.argument("job_id")
@click.option(
    "--client-id",
    callback=options.lane_name,
    help="Whose reply queue to look into, before the orphaned results.",
)
@click.option("--orphaned", is_flag=True, help="Look among the orphaned results only.")
@click.option("--keep", is_flag=True, help="Leave the result in its queue.")
@options.output_options("markdown")
@options.amqp_url
@options.prefix
@options.timeout
@options.config
@options.tls
@click.pass_context
def result(
    context: click.Context,
    *,
    job_id: str,
    client_id: str | None,
    orphaned: bool,
    keep: bool,
    kind: str,
    output: Path | None,
    amqp_url: str | None,
    prefix: str,
    timeout: float,
    config: PDFProcessorConfig,
    tls: BrokerTLS,
) -> None:
    """Collect the result of one job, and leave all others where they are.

    It is looked for in the reply queue of --client-id (or of the configuration) and then among the orphaned
    results, those whose reply queue was gone. It leaves its queue when it has been written. A client that is
    running has its queue to itself, and collects its results by itself.

    Exit codes: 0 the document was read, 1 it was not, there is no result, or the broker is not there,
    2 wrong usage.
    """
    if orphaned and client_id:
        raise click.UsageError("--orphaned and --client-id contradict each other", context)
    url = options.queue_url(amqp_url, config)
    writer = ResultWriter(kind, output, several=False)
    succeeded = False

    def deliver(found: ProcessingResult) -> None:
        nonlocal succeeded
        succeeded = found.succeeded
        writer.write(found.file_path, found)
        failures(found.file_path, found)

    try:
        collect_result(
            url,
            job_id,
            deliver,
            client_id=None if orphaned else client_id or config.execution_client_id,
            keep=keep,
            prefix=prefix,
            timeout=timeout,
            tls=tls,
        )
    except ExecutionError as error:
        raise click.ClickException(str(error)) from error
    except QueueInUseError as error:
        raise click.ClickException(str(error)) from error
    except ConnectionError as error:
        raise click.ClickException(f"no answer from the broker: {error}") from error
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
    context.exit(0 if succeeded else 1)
