"""The documents of the project: links that lead somewhere, an index that is complete, nothing private."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
NOT_OURS = {"build", "dist", "__pycache__"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REGISTRY = re.compile(
    r"(?i)https?://[^\s\"'<>)]*(pypi|/simple\b|artifact)|(index-url|find-links|trusted-host)[= ]+\S*[\w.]/"
)


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def text_files() -> Iterator[tuple[Path, str]]:
    """Every file of ours that is text, with its text."""
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.is_dir():
                hidden = path.name.startswith(".") and path.name != ".ci"
                if path.name not in NOT_OURS and not hidden:
                    folders.append(path)
                continue
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_every_link_leads_somewhere() -> None:
    """A reader of the documents would click on something that is not there."""
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents()
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if "://" not in target
        and not target.startswith("#")
        and not (document.parent / unquote(target.split("#")[0])).exists()
    ]
    assert broken == []


def test_the_index_names_every_document() -> None:
    """A document that nobody finds might as well not exist."""
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    assert {path for path in (ROOT / "docs").rglob("*.md") if path != index} <= named


def test_no_file_names_a_registry_or_a_developers_folder() -> None:
    """A lock file, say, would install from where one developer's machine installs, and fail elsewhere."""
    # Right below the root there are names like `/src`, which mean something else in a file.
    folder = re.compile(rf"{re.escape(str(ROOT))}(/|\b)" if len(ROOT.parts) > 2 else "(?!)")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:80]}"
        for path, text in text_files()
        if path != Path(__file__) and path != ROOT / "requirements" / "compile.sh"  # it turns them off
        for line in text.splitlines()
        if REGISTRY.search(line) or folder.search(line)
    ]
    assert found == []


def test_requirements_are_exact_versions_and_nothing_else() -> None:
    """Two machines would install different versions, or one of them from a place the other does not have."""
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    names = ["bench", "build", "constraints", "dev", "otel", "runtime", "tokenizer"]
    assert [lock.stem for lock in locks] == names
    for lock in locks:
        lines = (line.split("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
        wrong = [line for line in lines if line and not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)]
        assert wrong == [], lock.name


def test_requirements_hold_all_that_the_project_asks_for() -> None:
    """A dependency would be missing on a fresh machine because nobody ran `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    asked = {
        "build": project["build-system"]["requires"],
        "runtime": [
            *project["project"]["dependencies"],
            *(line for extra in ("pdf", "daemon", "secrets", "yaml") for line in extras[extra]),
        ],
        "dev": [*groups["dev"], *extras["tokenizer"]],
        "bench": groups["bench"],
    }
    for name, lines in asked.items():
        lock = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.lower(), re.M))
        for requirement in map(Requirement, lines):
            if requirement.name != "ingestkit-pdf":
                assert requirement.specifier.contains(pinned.get(requirement.name.lower(), "0")), requirement
