"""What the commands of the daemon print for programs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingestkit_pdfd.cli import cli

NOBODY = 2**22 + 1
"""Above the largest process id that Linux gives."""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Settings with two mistakes."""
    file = tmp_path / "config.toml"
    file.write_text('worker = 2\nlog_level = "loud"\n')
    return file


@pytest.fixture(autouse=True)
def deaf() -> Iterator[None]:
    """This process, to which a reload is sent, does nothing upon it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("command", [("reload", "PID"), ("topology", "show"), ("topology", "declare")])
def test_wrong_settings_are_json_where_json_was_asked_for(wrong: Path, command: tuple[str, ...]) -> None:
    """A program would get an empty standard output, and have to read sentences on the other one."""
    arguments = [str(os.getpid()) if word == "PID" else word for word in command]
    done = run(*arguments, "--config", str(wrong), "--json")
    assert done.exit_code == 2
    problems = json.loads(done.stdout)["problems"]
    assert any("'workers'" in problem for problem in problems)
    assert any(problem.startswith("log_level: ") for problem in problems)
    assert done.stderr == ""


def test_a_reload_answers_in_json(tmp_path: Path) -> None:
    """A program would have to know which exit codes mean what, and read sentences for the rest."""
    (tmp_path / "config.toml").write_text("workers = 2\n")
    config = ("--config", str(tmp_path / "config.toml"), "--json")
    done = run("reload", str(os.getpid()), *config)
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"problems": []})
    gone = run("reload", str(NOBODY), *config)
    assert gone.exit_code == 1
    assert json.loads(gone.stdout) == {"problems": [f"process {NOBODY}: No such process"]}
