"""`ingestkit-pdf submit`: documents handed to the daemons."""

from __future__ import annotations

import json
import math
import os
import uuid
from pathlib import Path
from typing import Any

import click

from ingestkit_pdf.cli import options, secrets
from ingestkit_pdf.cli.report import ResultWriter, complain, failures, line_of, progress, table
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.models import ProcessingResult

__all__ = ["submit"]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--wait", is_flag=True, help="Wait for the results and show them.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each job.")
@options.output_options(None)
@click.option("--lane", callback=options.lane_name, help="Lane to submit to.  [default: default]")
@click.option(
    "--client-id",
    callback=options.lane_name,
    help="Identity whose reply queue the results go to, to collect them later.  [default: a new one]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="With --wait: how long to wait for all results together.",
)
@click.option("--by-path", is_flag=True, help="Send the paths only; the daemons must be able to read them.")
@options.amqp_url
@options.prefix
@secrets.password
@secrets.secrets_key
@options.config
@options.tls
@click.pass_context
def submit(
    context: click.Context,
    *,
    files: tuple[str, ...],
    wait: bool,
    as_json: bool,
    kind: str | None,
    output: Path | None,
    lane: str | None,
    client_id: str | None,
    timeout: float | None,
    by_path: bool,
    amqp_url: str | None,
    prefix: str,
    config: PDFProcessorConfig,
    tls: BrokerTLS,
) -> None:
    """Submit PDF files to the daemons behind a RabbitMQ broker.

    Without --wait it prints a line "JOB_ID FILE" (separated by a tab) for each job that the broker has
    taken. With --wait it prints a table of the results, or with --json a line for each as it arrives;
    --output writes the documents.

    Exit codes: 0 every job was taken (with --wait: every document was read), 1 some were not, 2 wrong usage.
    """
    url = options.queue_url(amqp_url, config)
    _check(context, files, wait=wait, kind=kind, output=output, timeout=timeout, by_path=by_path)
    writer = ResultWriter(kind or "markdown", output, several=True) if output else None
    client_id = client_id or config.execution_client_id or (None if wait else uuid.uuid4().hex)
    try:
        backend = DistributedExecutionBackend(
            url,
            tls=tls,
            secrets_key=config.execution_secrets_key,
            client_id=client_id,
            lane=lane or config.execution_lane,
            prefix=prefix,
            inline_limit=0 if by_path else config.execution_inline_limit,
            submit_timeout=min(config.execution_submit_timeout, timeout or math.inf),
        )
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
    with backend:
        try:
            jobs = _submit_all(backend, files, config)
        except KeyboardInterrupt:
            complain(f"what was submitted goes on; its results wait for client id {backend.client_id}")
            raise
        failed = len(files) - len(jobs)
        if wait:
            failed += _Collection(backend, jobs, writer, as_json=as_json).run(timeout)
        else:
            _list(backend, jobs, as_json=as_json)
    context.exit(1 if failed else 0)


def _check(
    context: click.Context,
    files: tuple[str, ...],
    *,
    wait: bool,
    kind: str | None,
    output: Path | None,
    timeout: float | None,
    by_path: bool,
) -> None:
    if output and not wait:
        raise click.UsageError("--output needs --wait", context)
    if timeout and not wait:
        raise click.UsageError("--timeout needs --wait", context)
    if kind and not output:
        raise click.UsageError("--format needs --output", context)
    missing = [path for path in files if not by_path and not os.path.isfile(path)]  # noqa: PTH113 - as click does
    if missing:
        raise click.UsageError(
            f"no such file: {missing[0]} (--by-path sends what only the daemons see)", context
        )


def _submit_all(
    backend: DistributedExecutionBackend, files: tuple[str, ...], config: PDFProcessorConfig
) -> dict[str, str]:
    """Job id → file of what was taken; a broker that takes nothing is asked once, not for every file."""
    jobs: dict[str, str] = {}
    with progress("Submitting", len(files)) as step:
        for number, path in enumerate(files, start=1):
            try:
                jobs[backend.submit(path, config)] = path
            except SubmitError as error:
                complain(f"{path}: {error.code}: {error.message}")
                if error.__cause__ is None:  # about the broker, not about this file
                    if number < len(files):
                        complain(f"{len(files) - number} more were not submitted")
                    break
            step()
    return jobs


def _list(backend: DistributedExecutionBackend, jobs: dict[str, str], *, as_json: bool) -> None:
    for job_id, path in jobs.items():
        if as_json:
            click.echo(json.dumps({"job_id": job_id, "file": path, "client_id": backend.client_id}))
        else:
            click.echo(f"{job_id}\t{path}")
    if jobs and not as_json:
        complain(f"the results wait for client id {backend.client_id}")


class _Collection:
    """The results of `jobs` (job id → file) as they arrive."""

    def __init__(
        self,
        backend: DistributedExecutionBackend,
        jobs: dict[str, str],
        writer: ResultWriter | None,
        *,
        as_json: bool,
    ) -> None:
        self._backend = backend
        self._jobs = jobs
        self._writer = writer
        self._as_json = as_json
        self._lines: dict[str, dict[str, Any]] = {}

    def run(self, timeout: float | None) -> int:
        """Collect and show; the number of documents that were not read."""
        try:
            self._collect(timeout)
        except ResultTimeoutError as error:
            self._give_up(f"no result within {timeout:g} s", error.trouble)
        except ExecutionError as error:
            self._give_up(f"{error.code}: {error.message}", None)
        except KeyboardInterrupt:
            self._give_up("interrupted", None)
            raise
        if not self._as_json and self._lines:
            rows = [self._row(self._lines[job_id]) for job_id in self._jobs if job_id in self._lines]
            click.echo(table(["DOCUMENT", "TYPE", "PAGES", "CHUNKS", "SECONDS", "OUTCOME"], rows))
        return sum(self._lines.get(job_id, {}).get("outcome") != "ok" for job_id in self._jobs)

    def _collect(self, timeout: float | None) -> None:
        with progress("Waiting", len(self._jobs)) as step:
            for job_id, result in self._backend.as_completed(self._jobs, timeout):
                self._show(job_id, result)
                step()

    def _show(self, job_id: str, result: ProcessingResult) -> None:
        path = self._jobs[job_id]
        line = line_of(path, result)
        self._lines[job_id] = line
        written = self._writer.write(path, result) if self._writer else None
        if self._as_json:
            click.echo(json.dumps({"job_id": job_id, **line, "output": str(written) if written else None}))
        else:
            failures(path, result)

    def _give_up(self, reason: str, trouble: str | None) -> None:
        missing = [job_id for job_id in self._jobs if job_id not in self._lines]
        for job_id in missing:
            complain(f"{self._jobs[job_id]}: {reason} (job {job_id})")
        if trouble:
            complain(trouble)
        if missing:
            complain(f"these jobs go on; their results wait for client id {self._backend.client_id}")

    @staticmethod
    def _row(line: dict[str, Any]) -> tuple[Any, ...]:
        outcome = ", ".join(line["errors"]) or "ok"
        return line["file"], line["type"] or "-", line["pages"], line["chunks"], line["seconds"], outcome
