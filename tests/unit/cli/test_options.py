"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ingestkit_pdf.cli import options
from ingestkit_pdf.config import PDFProcessorConfig


@click.command()
@options.prefix
@options.config
def show(*, prefix: str, config: PDFProcessorConfig) -> None:
    """A command that says which prefix it was given."""
    click.echo(prefix)


@pytest.mark.parametrize(
    ("arguments", "prefix"),
    [
        ([], "ingestkit.pdf"),
        (["--config", "c.toml"], "team.pdf"),
        (["--config", "c.toml", "--prefix", "other"], "other"),
    ],
)
def test_the_prefix_is_the_options_else_the_configurations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], prefix: str
) -> None:
    """The command would look at other queues than the programs that have the same configuration."""
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text('execution_prefix = "team.pdf"\n')
    assert CliRunner().invoke(show, arguments).output == f"{prefix}\n"
