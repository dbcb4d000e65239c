"""Completion, exit codes and output of both commands, as shells and scripts see them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ingestkit_pdf.cli import cli as producer
from ingestkit_pdf.cli.entry import INTERRUPTED, run_command
from ingestkit_pdfd.cli import cli as daemon

DOCS = Path(__file__).parents[3] / "docs/reference"
BIN = Path(sys.executable).parent
COMMANDS = {"ingestkit-pdf": producer, "ingestkit-pdfd": daemon}


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the installed project, in an environment that has nothing of ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("INGESTKIT", "AMQP"))}
    path = f"{BIN}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        env={**kept, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [("ingestkit-pdf", "sta", "status"), ("ingestkit-pdfd", "top", "topology")],
)
def test_bash_completes_a_command(name: str, typed: str, expected: str) -> None:
    """Otherwise the documented line in ~/.bashrc would do nothing."""
    function = f"_{name.replace('-', '_')}_completion"
    script = (
        f'eval "$({name} completion bash)"; COMP_WORDS=({name} {typed}); COMP_CWORD=1; '
        f'{function} {name}; echo "${{COMPREPLY[*]}}"; complete -p {name}'
    )
    done = run("bash", "-c", script)
    assert done.stdout.splitlines()[0] == expected, done.stderr
    assert f"-F {function} {name}" in done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize("name", COMMANDS)
def test_other_shells_are_given_a_script_that_asks_the_command(name: str, shell: str) -> None:
    """Otherwise users of these shells would have no completion."""
    script = run(name, "completion", shell)
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    assert script.returncode == 0
    assert f"{variable}={shell}_complete" in script.stdout
    if shutil.which(shell):
        assert run(shell, "-n", "-c", script.stdout).returncode == 0
    words = {"COMP_WORDS": f"{name} ", "COMP_CWORD": "1" if shell == "zsh" else ""}
    asked = run(name, **words, **{variable: f"{shell}_complete"})
    assert "completion" in asked.stdout


def leaves(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    """Every command below this one that is no group."""
    if not isinstance(command, click.Group):
        return [path]
    return [leaf for name, below in command.commands.items() for leaf in leaves(below, *path, name)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference(name: str) -> None:
    """Otherwise a command would be there that nobody reads of."""
    text = (DOCS / "cli.md").read_text()
    for leaf in leaves(COMMANDS[name]):
        assert re.search(rf"`(?:{name} )?{' '.join(leaf)}\b", text), leaf


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_prints_facts_can_print_them_for_machines(name: str) -> None:
    """Otherwise a script would have to read tables."""
    without = {("run",), ("reload",), ("completion",)}  # these print no facts
    for leaf in leaves(COMMANDS[name]):
        if leaf in without:
            continue
        command: click.Command = COMMANDS[name]
        for part in leaf:
            assert isinstance(command, click.Group)
            command = command.commands[part]
        options = {option for parameter in command.params for option in parameter.opts}
        assert options & {"--json", "--format"}, leaf


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("ingestkit-pdf", "--version"), 0),
        (("ingestkit-pdf", "status", "--frobnicate"), 2),
        (("ingestkit-pdf", "status", "--amqp-url", "amqp://127.0.0.1:1/"), 1),
        (("ingestkit-pdfd", "topology", "show"), 0),
        (("ingestkit-pdfd", "topology", "show", "--frobnicate"), 2),
        (("ingestkit-pdfd", "topology", "show", "--config", "/nowhere.toml"), 2),
        (("ingestkit-pdfd", "check"), 1),
        (("ingestkit-pdfd", "topology", "declare"), 3),
        (("ingestkit-pdfd", "reload", "4194304"), 1),
    ],
)
def test_exit_codes_are_those_of_the_reference(command: tuple[str, ...], code: int) -> None:
    """Otherwise a script would take a failure for success, or a missing broker for a typing mistake."""
    done = run(*command, INGESTKIT_PDFD_AMQP_URL="amqp://127.0.0.1:1/")
    assert done.returncode == code, done.stderr
    if code and command[1] != "check":  # whose findings are its output
        assert (done.stdout, done.stderr.startswith(f"{command[0]}: ")) == ("", True)
    assert "\033[" not in done.stdout + done.stderr


def test_an_interrupted_command_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise a script would go on after a Ctrl-C."""

    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert run_command(interrupted, "name", []) == INTERRUPTED
    assert capsys.readouterr().err.strip() == "name: interrupted"


def test_what_is_declared_and_found_is_json_for_machines() -> None:
    """Otherwise deployment scripts could not read what the daemon's command says."""
    shown = json.loads(run("ingestkit-pdfd", "topology", "show", "--json").stdout)
    assert {"exchanges", "queues", "bindings"} == shown.keys()
    found = json.loads(
        run("ingestkit-pdfd", "check", "--json", INGESTKIT_PDFD_AMQP_URL="amqp://127.0.0.1:1/").stdout
    )
    assert [item["subject"] for item in found if item["problem"]] == ["broker amqp://127.0.0.1:1/"]
