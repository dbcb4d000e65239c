"""The command `ingestkit-pdfd`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
import structlog

from ingestkit_pdf import __version__
from ingestkit_pdf.cli.entry import completion, run_command
from ingestkit_pdf.errors import ExecutionError
from ingestkit_pdf.wire.topology import Topology

from .amqp import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    close_quietly,
    connect,
    declare_side_exchanges,
    declare_topology,
)
from .check import check_host
from .check_broker import check_broker
from .findings import Finding
from .load_settings import DEFAULT_CONFIG_FILE, SettingsError, load_settings
from .log import configure_logging, set_levels
from .settings import ENV_PREFIX, DaemonSettings
from .signals import Signals
from .supervisor import Supervisor

__all__ = ["main"]

EXIT_FAILED = 1
EXIT_SETTINGS = 2
EXIT_BROKER = 3

_EPILOG = f"""\b
Settings come from the options, the environment ({ENV_PREFIX}<NAME>), the systemd
credentials directory and a TOML file, in this order; the file is --config, else
{ENV_PREFIX}CONFIG, else {DEFAULT_CONFIG_FILE}.

\b
Exit codes: 0 done or drained; 1 something failed, or check found a problem;
2 wrong usage, or the settings are not valid; 3 the broker refuses the daemon
or, for topology, cannot be reached; 130 interrupted.
"""


def _config_option(command: Any) -> Any:
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="TOML file with the settings.",
    )(command)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ingestkit-pdfd")
def cli() -> None:
    """Take PDF jobs from RabbitMQ, run them in worker processes, answer every one."""
    set_levels("warning")  # what the libraries say of a connection, the commands say themselves


def main() -> None:
    """Run the command."""
    sys.exit(run_command(cli, "ingestkit-pdfd"))


cli.add_command(completion)


@cli.command(epilog=_EPILOG)
@_config_option
@click.option("--workers", type=int, help="Worker processes.")
@click.option("--lane", "lanes", multiple=True, help="Lane to consume; repeat for several.")
@click.option("--log-format", type=click.Choice(["auto", "json", "console"]), help="Format of the log.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Lowest level.")
def run(
    config_file: Path | None,
    workers: int | None,
    lanes: tuple[str, ...],
    log_format: str | None,
    log_level: str | None,
) -> None:
    """Consume until SIGTERM, then drain: finish what runs, give back the rest. A second SIGTERM hurries."""
    options = {
        "workers": workers,
        "lanes": list(lanes) or None,
        "log_format": log_format,
        "log_level": log_level,
    }
    settings = _settings(config_file, options)
    configure_logging(settings.log_format, settings.log_level, settings.log_levels)
    log = structlog.stdlib.get_logger(__package__)
    try:
        asyncio.run(_run(settings, partial(load_settings, config_file, options)))
    except BrokerRefusedError as error:
        log.critical("daemon_failed", reason=str(error), remedy="run `ingestkit-pdfd check`")
        sys.exit(EXIT_BROKER)
    except ExecutionError as error:
        log.critical("daemon_failed", reason=str(error), remedy="run `ingestkit-pdfd check`")
        sys.exit(EXIT_FAILED)
    except OSError as error:
        log.critical("daemon_failed", reason=str(error), exc_info=error)
        sys.exit(EXIT_FAILED)


async def _run(settings: DaemonSettings, load: Callable[[], DaemonSettings]) -> None:
    with Signals().installed() as signals:
        await Supervisor(settings, load).run(signals)


@cli.command(epilog=_EPILOG)
@_config_option
@click.argument("pid", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
def reload(config_file: Path | None, pid: int, as_json: bool) -> None:
    """Have the daemon of this process id read its settings again, and say what is wrong with them.

    Wrong settings change nothing: the daemon goes on as it is. It logs what counts at once, what with the
    next connection to the broker and what after a restart.
    """
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        _fail([f"process {pid}: {error.strerror}"], EXIT_FAILED, as_json=as_json)
    _settings(config_file, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"problems": []}))


@cli.command(epilog=_EPILOG)
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(config_file: Path | None, as_json: bool) -> None:
    """Look for everything that would keep the daemon from working; change nothing."""
    try:
        settings = load_settings(config_file)
    except SettingsError as error:
        findings = [Finding("settings", problem, "see --help") for problem in error.problems]
        code = EXIT_SETTINGS
    else:
        findings = [Finding("settings"), *check_host(settings), *asyncio.run(_broker_findings(settings))]
        code = EXIT_FAILED if any(finding.stops for finding in findings) else 0
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(_finding_line(finding))
    sys.exit(code)


async def _broker_findings(settings: DaemonSettings) -> list[Finding]:
    return [finding async for finding in check_broker(settings)]


def _finding_line(finding: Finding) -> str:
    if finding.problem is None:
        return f"ok    {finding.subject}" + (f": {finding.remedy}" if finding.remedy else "")
    word = "FAIL" if finding.fatal else "WARN"
    return f"{word}  {finding.subject}: {finding.problem}\n      → {finding.remedy}"


@cli.group()
def topology() -> None:
    """Show or declare the exchanges and queues."""


@topology.command(epilog=_EPILOG)
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(config_file: Path | None, as_json: bool) -> None:
    """Print what the daemon needs on the broker; connects nowhere."""
    settings = _settings(config_file, as_json=as_json)
    names = Topology(settings.prefix)
    parts = {
        "exchanges": [asdict(exchange) for exchange in (*names.exchanges(), *names.side_exchanges())],
        "queues": [asdict(queue) for queue in names.queues(settings.lanes)],
        "bindings": [asdict(binding) for binding in names.bindings(settings.lanes)],
    }
    if as_json:
        click.echo(json.dumps(parts, indent=2))
        return
    for exchange in parts["exchanges"]:
        click.echo(f"exchange  {exchange['name']}  {exchange['kind']}")
    for queue in parts["queues"]:
        arguments = "  ".join(f"{key}={value}" for key, value in queue["arguments"].items())
        click.echo(f"queue     {queue['name']}  {arguments}")
    for binding in parts["bindings"]:
        click.echo(f"binding   {binding['exchange']} → {binding['queue']}  {binding['routing_key']}".rstrip())


@topology.command(epilog=_EPILOG)
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print what was declared as JSON.")
def declare(config_file: Path | None, as_json: bool) -> None:
    """Declare it on the broker; what is there already, and the same, stays as it is."""
    settings = _settings(config_file, as_json=as_json)
    try:
        asyncio.run(_declare(settings))
    except (BrokerRefusedError, BrokerUnavailableError) as error:
        _fail([str(error)], EXIT_BROKER, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"prefix": settings.prefix, "lanes": settings.lanes}))
        return
    click.echo(f"declared below {settings.prefix} for {', '.join(settings.lanes)}")


async def _declare(settings: DaemonSettings) -> None:
    address = BrokerAddress.of(settings)
    connection = await connect(address, "ingestkit-pdfd topology")
    try:
        await declare_topology(
            connection, Topology(settings.prefix), settings.lanes, timeout=settings.connect_timeout
        )
        await declare_side_exchanges(connection, Topology(settings.prefix), timeout=settings.connect_timeout)
    finally:
        await close_quietly(connection)


def _settings(
    config_file: Path | None, options: dict[str, Any] | None = None, *, as_json: bool = False
) -> DaemonSettings:
    try:
        return load_settings(config_file, options)
    except SettingsError as error:
        _fail(error.problems, EXIT_SETTINGS, as_json=as_json)


def _fail(problems: list[str], code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"problems": problems}))
    else:
        for problem in problems:
            click.echo(f"ingestkit-pdfd: {problem}", err=True)
    sys.exit(code)
