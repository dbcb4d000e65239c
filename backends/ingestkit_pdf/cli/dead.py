"""`ingestkit-pdf dead`: what is parked, why, and its way back."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ingestkit_pdf.cli import dead_report, options
from ingestkit_pdf.cli.dead_options import Broker, broker_options, filter_options, stoppable
from ingestkit_pdf.cli.entry import INTERRUPTED
from ingestkit_pdf.cli.report import complain, printable, table
from ingestkit_pdf.execution import dead_letters
from ingestkit_pdf.execution.dead_letters import Letter, LetterFilter, Tally
from ingestkit_pdf.wire.envelope import Message

__all__ = ["dead"]


_ALL = click.option("--all", "everything", is_flag=True, help="All dead letters, without any filter.")
_LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Maximum number of dead letters."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only show what would be done.")


@click.group(name="dead")
def dead() -> None:
    """Dead letters: jobs that could not succeed, parked with the reason.

    `list` and `show` change nothing. Only one of these commands at a time works on the dead letters of a
    broker; another one waits for it. Ctrl-C stops each of them without leaving anything in doubt.
    """


@dead.command(name="list")
@filter_options
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each dead letter.")
@broker_options
def list_letters(
    *,
    as_json: bool,
    wanted: LetterFilter,
    broker: Broker,
) -> None:
    """List dead letters, the oldest first, and count them by reason.

    With --json they come in the order of the broker, which is roughly that of their arrival.

    Exit codes: 0 listed, 1 the broker is not there, 2 wrong usage.
    """
    rows: list[tuple[float, tuple[str, ...]]] = []
    reasons: Counter[str] = Counter()
    now = time.time()

    def show(letter: Letter, _message: Message) -> None:
        reasons[letter.reason] += 1
        if as_json:
            click.echo(json.dumps(dead_report.as_json(letter, now)))
        else:
            rows.append((letter.parked_at or 0.0, dead_report.row(letter, now)))

    with _broker_errors(), stoppable() as stop:
        tally = dead_letters.look(broker.url, wanted, show, **broker.access, stop=stop)
    if not as_json:
        if rows:
            click.echo(table(dead_report.HEADINGS, [row for _at, row in sorted(rows)]) + "\n")
        click.echo(printable(dead_report.summary(reasons)) + _of(tally))
    _end(tally)


@dead.command()
@filter_options
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each dead letter.")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the document, if it is inline, to this new file, which only you can read.",
)
@broker_options
def show(
    *,
    as_json: bool,
    save: Path | None,
    wanted: LetterFilter,
    broker: Broker,
) -> None:
    """Show everything that is known about the dead letters of a job, or about those that match the filters.

    Exit codes: 0 shown, 1 there is none or the broker is not there, 2 wrong usage.
    """
    if wanted.is_all:
        raise _usage("which dead letters? Give a JOB_ID or a filter (list shows all of them)")
    now = time.time()
    saved: list[str] = []

    def show_one(letter: Letter, message: Message) -> None:
        if as_json:
            click.echo(json.dumps(dead_report.as_json(letter, now)))
        else:
            click.echo(dead_report.describe(letter, now) + "\n")
        if save is not None and not saved:
            _save(save, letter, message.body)
            saved.append(letter.job_id or "?")

    with _broker_errors(), stoppable() as stop:
        tally = dead_letters.look(
            broker.url,
            wanted,
            show_one,
            **broker.access,
            stop=stop,
        )
    if not tally.done and not tally.interrupted:
        raise click.ClickException(f"none matches (of {dead_report.count(tally.seen)})")
    if saved and tally.done > 1:
        complain(f"{save} has the document of the first one, job {saved[0]}")
    _end(tally)


@dead.command()
@filter_options
@_ALL
@_LIMIT
@_DRY_RUN
@click.option("--to-lane", callback=options.lane_name, help="Submit them to this lane instead of their own.")
@click.option("--force", is_flag=True, help="Include messages that are not valid jobs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the counts.")
@broker_options
def redrive(
    *,
    everything: bool,
    limit: int | None,
    dry_run: bool,
    to_lane: str | None,
    force: bool,
    as_json: bool,
    wanted: LetterFilter,
    broker: Broker,
) -> None:
    """Submit dead letters again: same job id, same reply queue, starting with the first attempt.

    Each is removed only after the broker has confirmed its job, so an interruption loses nothing; run the
    command again for the rest. The new answer replaces the error that the client got.

    Exit codes: 0 all that were meant are back, 1 some could not be or the broker is not there,
    2 wrong usage, 130 interrupted.
    """
    _check_chosen(wanted, everything=everything)
    rows: list[tuple[str, ...]] = []
    now = time.time()

    def show(letter: Letter, problem: str | None) -> None:
        if dry_run and problem is None:
            rows.append(dead_report.row(letter, now))

    tally = Tally()
    with _broker_errors(tally, "redriven"), stoppable() as stop:
        dead_letters.redrive(
            broker.url,
            wanted,
            to_lane=to_lane,
            limit=limit,
            force=force,
            dry_run=dry_run,
            **broker.access,
            stop=stop,
            show=show,
            tally=tally,
        )
    if rows and not as_json:
        click.echo(table(dead_report.HEADINGS, rows) + "\n")
    _report(tally, "would be redriven" if dry_run else "redriven", dry_run=dry_run, as_json=as_json)
    _end(tally)


@dead.command()
@filter_options
@_ALL
@_DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with the counts.")
@broker_options
def purge(
    *,
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    wanted: LetterFilter,
    broker: Broker,
) -> None:
    """Delete dead letters for good, after asking.

    Exit codes: 0 deleted, 1 not confirmed or the broker is not there, 2 wrong usage, 130 interrupted.
    """
    _check_chosen(wanted, everything=everything)
    limit = None
    if dry_run or not yes:
        with _broker_errors(), stoppable() as stop:
            tally = dead_letters.purge(
                broker.url,
                wanted,
                dry_run=True,
                **broker.access,
                stop=stop,
            )
        if dry_run or tally.interrupted or not tally.done:
            _report(tally, "would be deleted" if dry_run else "deleted", dry_run=dry_run, as_json=as_json)
            _end(tally)
        _confirm(tally.done)
        limit = tally.done  # what has been parked since was not asked about
    tally = Tally()
    with _broker_errors(tally, "deleted"), stoppable() as stop:
        dead_letters.purge(
            broker.url,
            wanted,
            limit=limit,
            **broker.access,
            stop=stop,
            tally=tally,
        )
    _report(tally, "deleted", dry_run=False, as_json=as_json)
    _end(tally)


def _check_chosen(wanted: LetterFilter, *, everything: bool) -> None:
    if wanted.is_all and not everything:
        raise _usage("which dead letters? Give a JOB_ID or a filter, or --all")
    if everything and not wanted.is_all:
        raise _usage("--all and a filter contradict each other")


def _usage(message: str) -> click.UsageError:
    return click.UsageError(message, click.get_current_context())


def _confirm(number: int) -> None:
    try:
        agreed = click.confirm(f"Delete {dead_report.count(number)} for good?", err=True)
    except click.Abort:  # nobody there to answer
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise click.ClickException("nothing was deleted")


def _report(tally: Tally, what: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        facts = {
            "seen": tally.seen,
            "done": tally.done,
            "left": dict(tally.left),
            "dry_run": dry_run,
            "interrupted": tally.interrupted,
        }
        click.echo(json.dumps(facts))
    else:
        click.echo(f"{dead_report.count(tally.done)} {what}{_of(tally)}")
    for problem, number in tally.left.most_common():
        complain(f"{dead_report.count(number)} left: {problem}")


def _of(tally: Tally) -> str:
    return f" (of {tally.seen})" if tally.seen != tally.done else ""


def _end(tally: Tally) -> None:
    context = click.get_current_context()
    if tally.interrupted:
        complain("interrupted; run it again for the rest")
        context.exit(INTERRUPTED)
    context.exit(1 if tally.left else 0)


def _save(path: Path, letter: Letter, document: bytes) -> None:
    if letter.source != "inline":
        raise click.ClickException(f"job {letter.job_id} has no inline document; it is at {letter.document}")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(document)
    except OSError as error:
        raise click.ClickException(f"--save {path}: {error.strerror}") from error


@contextmanager
def _broker_errors(tally: Tally | None = None, what: str = "") -> Iterator[None]:
    """What the library raises, as one line; how far it came, where that matters."""
    try:
        yield
    except ValueError as error:
        raise _usage(str(error)) from error
    except ConnectionError as error:
        done = f"; {dead_report.count(tally.done)} {what} before, run it again for the rest" if tally else ""
        raise click.ClickException(f"{error}{done}") from error
