"""`ingestkit-pdf cancel` and `ingestkit-pdf watch`: jobs that were submitted, by their ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import click

from ingestkit_pdf.cli import options
from ingestkit_pdf.cli.report import printable
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError
from ingestkit_pdf.execution.requests import cancel_jobs, watch_jobs
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent

__all__ = ["cancel", "watch"]

_JOBS = click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
_CLIENT = click.option(
    "--client-id",
    callback=options.lane_name,
    help="Identity that the jobs were submitted with.  [default: execution_client_id of --config]",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One line of JSON for each.")


@click.command()
@_JOBS
@_CLIENT
@_JSON
@options.timeout
@options.amqp_url
@options.prefix
@options.config
@options.tls
@click.pass_context
def cancel(
    context: click.Context,
    *,
    job_ids: tuple[str, ...],
    client_id: str | None,
    as_json: bool,
    timeout: float,
    amqp_url: str | None,
    prefix: str,
    config: PDFProcessorConfig,
    tls: BrokerTLS,
) -> None:
    """Have jobs cancelled: their results become errors (E_EXECUTION_CANCELLED).

    One that runs is killed; one that waits is answered when a daemon comes to it. A job that has its result
    keeps it. It takes the client id that the jobs were submitted with.

    Exit codes: 0 a daemon has heard, 1 none has, or the broker is not there, 2 wrong usage.
    """
    client = _client(context, client_id, config)
    url = options.queue_url(amqp_url, config)
    _run(
        context,
        lambda: cancel_jobs(url, job_ids, client_id=client, prefix=prefix, timeout=timeout, tls=tls),
    )
    for job_id in job_ids:
        click.echo(json.dumps({"job_id": job_id, "requested": True}) if as_json else f"{job_id}\trequested")


@click.command()
@_JOBS
@_CLIENT
@_JSON
@click.option("--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="For all jobs together.")
@options.amqp_url
@options.prefix
@options.config
@options.tls
@click.pass_context
def watch(
    context: click.Context,
    *,
    job_ids: tuple[str, ...],
    client_id: str | None,
    as_json: bool,
    timeout: float | None,
    amqp_url: str | None,
    prefix: str,
    config: PDFProcessorConfig,
    tls: BrokerTLS,
) -> None:
    """Show how far jobs have come until all have ended, and leave their results where they are.

    A line for each step: when a job begins, the page it is on (once a second at most), that it is tried
    again, how it ended. Only the daemon that has a job can tell of it: one that waits in its queue is silent
    until it begins, and one that ended long ago is silent for ever.

    Exit codes: 0 every job has a result, 1 one failed or was cancelled, or has not ended within --timeout, or
    the broker is not there, 2 wrong usage.
    """
    client = _client(context, client_id, config)
    url = options.queue_url(amqp_url, config)
    outcomes: list[JobOutcome | None] = []

    def show(progress: JobProgress) -> None:
        if progress.event is ProgressEvent.FINISHED:
            outcomes.append(progress.outcome)
        fields = progress.model_dump(mode="json", exclude_none=True)
        click.echo(json.dumps(fields) if as_json else _line(progress))

    _run(
        context,
        lambda: watch_jobs(url, job_ids, show, client_id=client, prefix=prefix, within=timeout, tls=tls),
    )
    context.exit(0 if all(outcome is JobOutcome.COMPLETED for outcome in outcomes) else 1)


def _line(progress: JobProgress) -> str:
    at = datetime.fromtimestamp(progress.at, UTC).astimezone().strftime("%H:%M:%S")
    return f"{at}\t{progress.job_id}\t{printable(_words(progress))}"


def _words(progress: JobProgress) -> str:
    of = f" of {progress.pages}" if progress.pages else ""
    match progress.event:
        case ProgressEvent.STARTED:
            return f"started, attempt {progress.attempt} on {progress.host or 'a daemon'}"
        case ProgressEvent.PAGE:
            return f"page {progress.page}{of}"
        case ProgressEvent.RETRYING:
            return f"to be tried again in {progress.delay or 0:g} s: {progress.reason}"
        case ProgressEvent.FINISHED:
            reason = f": {progress.reason}" if progress.reason else ""
            page = f" on page {progress.page}" if progress.page else ""
            pages = f", {progress.pages} page{'s' * (progress.pages > 1)}" if progress.pages else ""
            return f"{progress.outcome or 'finished'}{page}{pages}{reason}"


def _client(context: click.Context, given: str | None, config: PDFProcessorConfig) -> str:
    client_id = given or config.execution_client_id
    if not client_id:
        raise click.UsageError("whose jobs? give --client-id, which submit has printed", context)
    return client_id


def _run(context: click.Context, call: Callable[[], None]) -> None:
    try:
        call()
    except ExecutionError as error:
        raise click.ClickException(str(error)) from error
    except ConnectionError as error:
        raise click.ClickException(f"no answer from the broker: {error}") from error
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
