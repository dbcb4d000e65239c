"""`ingestkit-pdf status`: what waits where, and whether anybody works on it."""

from __future__ import annotations

import dataclasses
import json

import click

from ingestkit_pdf.cli import options
from ingestkit_pdf.cli.report import complain, table
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.inspection import QueueStatus, queue_status, redact_url
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.topology import DEFAULT_LANE

__all__ = ["status"]


@click.command()
@options.amqp_url
@options.prefix
@click.option(
    "--lane",
    "lanes",
    multiple=True,
    default=[DEFAULT_LANE],
    show_default=True,
    callback=options.lane_name,
    help="Lane to show; may be repeated.",
)
@click.option(
    "--client-id",
    "client_ids",
    multiple=True,
    callback=options.lane_name,
    help="Client whose reply queue to show as well; may be repeated.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="How long the broker may take, in seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@options.config
@options.tls
@click.pass_context
def status(
    context: click.Context,
    *,
    amqp_url: str | None,
    prefix: str,
    lanes: tuple[str, ...],
    client_ids: tuple[str, ...],
    timeout: float,
    as_json: bool,
    config: PDFProcessorConfig,
    tls: BrokerTLS,
) -> None:
    """Show the queues: messages that are ready, and consumers.

    Needs no management plugin and changes nothing. Messages that a daemon has under way are not counted.

    Exit codes: 0 every lane has a consumer, 1 one has none or the broker is not there, 2 wrong usage.
    """
    url = options.queue_url(amqp_url, config)
    try:
        queues = queue_status(
            url, prefix=prefix, lanes=lanes, client_ids=client_ids, timeout=timeout, tls=tls
        )
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
    except ConnectionError as error:
        raise click.ClickException(f"no answer from the broker: {error}") from error
    idle = [queue.lane for queue in queues if queue.role == "jobs" and not queue.consumers]
    if as_json:
        facts = {
            "broker": redact_url(url),
            "prefix": prefix,
            "ok": not idle,
            "queues": [dataclasses.asdict(queue) for queue in queues],
        }
        click.echo(json.dumps(facts))
    else:
        click.echo(table(["QUEUE", "ROLE", "READY", "CONSUMERS"], map(_row, queues)))
    for lane in idle:
        complain(f"no daemon consumes lane {lane!r}; start ingestkit-pdfd with it")
    context.exit(1 if idle else 0)


def _row(queue: QueueStatus) -> tuple[str, str, str, str]:
    if not queue.exists:
        return queue.name, queue.role, "absent", ""
    return queue.name, queue.role, str(queue.messages), str(queue.consumers)
