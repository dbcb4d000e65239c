"""What is logged is what is documented, at the levels that were asked for, and never what a document says."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest
import structlog

from ingestkit_pdfd.log import SUBSYSTEMS, Subsystem, configure_logging, set_levels

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs/reference/logs.md"
SOURCES = sorted((ROOT / "daemon/ingestkit_pdfd").rglob("*.py"))
LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass
class Event:
    """What is said of one event, be it in the code or in the table."""

    levels: set[str] = field(default_factory=set)
    subsystems: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def subsystem_of(logger: str) -> str:
    named = {name: subsystem for subsystem, names in SUBSYSTEMS.items() for name in names}
    return named.get(logger, named["ingestkit_pdfd"])


def logged() -> dict[str, Event]:
    """Every event that the daemon's code logs by name, with its fields."""
    events: dict[str, Event] = defaultdict(Event)
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function):
                if not (isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)):
                    continue
                target = call.func
                if isinstance(target, ast.Attribute) and target.attr in LEVELS:
                    levels = {target.attr}
                elif isinstance(target, ast.Name) and target.id == "level":
                    levels = {"info", "warning"}
                else:
                    continue
                event = events[str(call.args[0].value)]
                event.levels |= levels
                event.subsystems.add(subsystem_of(f"ingestkit_pdfd.{path.stem}"))
                event.fields |= {keyword.arg for keyword in call.keywords if keyword.arg}
                if any(keyword.arg is None for keyword in call.keywords):
                    event.fields |= keys_in(function)
    return events


def keys_in(function: ast.AST) -> set[str]:
    """The keys of every table that a function makes."""
    found: set[object] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            found |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
    return {key for key in found if isinstance(key, str)}


def documented() -> dict[str, Event]:
    """The rows of the table."""
    events = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and (name := re.fullmatch(r"`(\w+)`", cells[0])):
            fields = re.sub(r"\([^)]*\)", "", cells[4])
            events[name[1]] = Event(
                {level for level in LEVELS if re.search(rf"\b{level}\b", cells[1])},
                set(re.findall(r"\w+", cells[2])),
                set(re.findall(r"`(\w+)`", fields)),
            )
    return events


def test_the_table_has_every_event_and_no_other() -> None:
    """Otherwise whoever filters the log would miss an event, or wait for one that is gone."""
    assert set(documented()) == set(logged())


@pytest.mark.parametrize("name", sorted(logged()))
def test_an_event_has_the_level_subsystem_and_fields_of_its_row(name: str) -> None:
    """Otherwise an alert on a field or a level would never fire."""
    row, event = documented()[name], logged()[name]
    assert (row.levels, row.subsystems) == (event.levels, event.subsystems)
    # Of an attempt that failed, the failure itself names further facts.
    of_failure = {"reason", "signal", "exit_code", "page_reached"} if name == "attempt_finished" else set()
    assert row.fields == event.fields | of_failure


def test_the_table_has_the_sentences_of_the_pool() -> None:
    """Otherwise they would be the only lines of the log that nobody can look up."""
    said = {
        (call.func.attr, str(call.args[0].value))
        for name in ("_slot", "_queue", "pool")
        for call in ast.walk(ast.parse((ROOT / f"backends/ingestkit_pdf/execution/{name}.py").read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "_log"
        if isinstance(call.args[0], ast.Constant)
    }
    rows = re.findall(r"^\| `([^`]*…[^`]*)` \| (\w+) \| pool \|", TABLE.read_text(), re.MULTILINE)
    levels = {"exception": "error"}
    assert {(text.replace("%s", "…"), levels.get(level, level)) for level, text in said} == set(rows)


def test_every_subsystem_is_in_the_table() -> None:
    """Otherwise there would be a level that nobody knows of."""
    text = TABLE.read_text()
    assert set(get_args(Subsystem)) == set(SUBSYSTEMS)
    assert all(f"| `{name}` |" in text for name in SUBSYSTEMS)


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    names = [name for group in SUBSYSTEMS.values() for name in group]
    levels = {name: logging.getLogger(name).level for name in names}
    before = (root.level, root.handlers[:])
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_each_subsystem_has_its_own_level(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise one could not look into the broker's part without reading a line for every job."""
    configure_logging("json", "warning", {"jobs": "debug"})

    def lines(name: str) -> int:
        structlog.stdlib.get_logger(name).info("event")
        return len(capsys.readouterr().err.splitlines())

    assert (lines("ingestkit_pdfd.attempt"), lines("ingestkit_pdfd.reply")) == (1, 0)
    assert lines("ingestkit_pdfd.supervisor") == 0
    set_levels("warning", {"service": "info"})
    assert lines("ingestkit_pdfd.supervisor") == 1
    assert (lines("ingestkit_pdfd.attempt"), lines("ingestkit_pdfd.reply")) == (0, 0)
    assert not logging.getLogger("aiormq").isEnabledFor(logging.ERROR)
    set_levels("warning", {"libraries": "info"})
    assert logging.getLogger("aiormq").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("in_journal", [True, False])
def test_a_line_has_its_priority_in_the_journal_and_nowhere_else(
    log_format: str, in_journal: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise `journalctl -p warning` would show nothing, or each line begin with `<4>` elsewhere."""
    with (tmp_path / "log").open("w+") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        status = os.fstat(stream.fileno())
        inode = status.st_ino if in_journal else status.st_ino + 1  # inherited from somebody whose log it was
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{inode}")
        configure_logging("json" if log_format == "json" else "console", "info")
        structlog.stdlib.get_logger("ingestkit_pdfd.test_log").warning("broker_lost")
        try:
            raise ValueError
        except ValueError:
            logging.getLogger("somebody.else").exception("broke")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert len(lines) >= 2
    priorities = [re.match(r"<(\d)>", line) for line in lines]
    if in_journal:
        assert [found[1] for found in priorities if found] == ["4"] + ["3"] * (len(lines) - 1)
    else:
        assert priorities == [None] * len(lines)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise a defect would write documents and passwords into the journal."""
    configure_logging("json" if log_format == "json" else "console", "info")
    try:
        text_of_a_document = "".join(["sec", "ret"])
        len(text_of_a_document) / 0  # type: ignore[operator]
    except ZeroDivisionError as error:
        structlog.stdlib.get_logger("ingestkit_pdfd.test_log").error("task_broke", exc_info=error)
        logging.getLogger("somebody.else").exception("broke")
    said = capsys.readouterr().err
    assert said.count("ZeroDivisionError") >= 2
    assert "secret" not in said
    if log_format == "json":
        assert all("exception" in json.loads(line) for line in said.splitlines())


class Gone(io.StringIO):
    """A stream whose reader has ended."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.usefixtures("restored")
def test_a_log_that_nobody_reads_any_more_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job would count as broken because the line about it could not be written, and be run again."""
    monkeypatch.setattr("sys.stderr", Gone())
    configure_logging("json", "info")
    structlog.stdlib.get_logger("ingestkit_pdfd.attempt").info("attempt_finished")
