"""What the documentation tells a reader to type or to open is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ingestkit_pdf.cli import cli as producer
from ingestkit_pdfd.cli import cli as daemon
from ingestkit_pdfd.settings import DaemonSettings
from support.documents import text_pdf

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
COMMANDS: dict[str, click.Command] = {"ingestkit-pdf": producer, "ingestkit-pdfd": daemon}
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`|^ {4}(\S.*)$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"(?<![\w/.@-])(ingestkit-pdfd?)((?: [^|>&;)\n]+)?)")


def typed() -> list[tuple[str, str, str]]:
    """Page, command and arguments, for every line of code that runs one of ours."""
    found = []
    for page in PAGES:
        for code in _CODE.finditer(page.read_text(encoding="utf-8")):
            for line in "".join(part or "" for part in code.groups()).replace("\\\n", " ").splitlines():
                found += [
                    (page.name, name, rest.split(" #")[0]) for name, rest in _COMMAND.findall(line) if rest
                ]
    return found


def problem(name: str, arguments: str) -> str | None:
    """What is wrong with a command line, as far as its words tell; what is no command line has nothing."""
    try:
        words = shlex.split(arguments.replace("…", "").replace("'", ""))
    except ValueError:
        return None
    command = COMMANDS[name]
    if words and not words[0].startswith("-") and words[0] not in getattr(command, "commands", {}):
        return f"no command {words[0]!r}" if re.fullmatch(r"[a-z]+", words[0]) else None
    for word in words:
        if isinstance(command, click.Group) and word in command.commands:
            command = command.commands[word]
        elif word.startswith("--"):
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            known |= {"--version"} if command is COMMANDS[name] else set()
            if word.split("=")[0].rstrip(",.") not in known:
                return f"no option {word}"
    return None


def test_every_command_line_in_the_documentation_is_one() -> None:
    """A reader would type what the commands do not know."""
    lines = typed()
    assert len(lines) > 40
    wrong = [f"{page}: {name}{rest}: {why}" for page, name, rest in lines if (why := problem(name, rest))]
    assert wrong == []


def test_a_wrong_command_line_is_seen() -> None:
    """The test above would pass whatever is written."""
    assert problem("ingestkit-pdf", " dead lst") is None
    assert problem("ingestkit-pdf", " dead list --reson x") == "no option --reson"
    assert problem("ingestkit-pdfd", " chek") == "no command 'chek'"


def test_the_examples_of_the_readme_run(tmp_path: Path) -> None:
    """The first thing that a reader tries would end in a traceback."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    router, configuration, backends = examples
    local = re.sub(r"DistributedExecutionBackend\(.*?\)", "LocalExecutionBackend()", backends)
    local = local.replace("DistributedExecutionBackend", "LocalExecutionBackend")
    for name in ("invoice.pdf", "contract.pdf"):
        (tmp_path / name).write_bytes(text_pdf("The quick brown fox jumps over the lazy dog."))
    (tmp_path / "example.py").write_text(router + configuration + local, encoding="utf-8")
    command = [sys.executable, "-W", "error", "example.py"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert ended.stderr == ""
    assert ended.stdout.startswith("invoice.pdf: 1 pages, 1 chunks\ncontract.pdf: 1 pages, 1 chunks\n")
    assert ended.stdout.count("The quick brown fox") == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """A reader would end at a page that is not there."""
    for target in re.findall(r"\]\(([^)#\s]*(?:#[\w-]+)?)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in made, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_targets_that_are_named_exist(page: Path) -> None:
    """A reader would look for a file, or a target of make, that was renamed."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:deploy|docs|tests|systemd|benchmarks|requirements)/[\w./@-]+)`", text):
        assert (ROOT / name).exists(), name
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, target
    for variable in re.findall(r"INGESTKIT_PDFD_([A-Z_]+)", text):
        assert variable.lower() in {*DaemonSettings.model_fields, "config"}, variable
