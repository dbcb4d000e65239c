"""`PDFProcessorConfig`: defaults, files, and mistakes that are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ingestkit_pdf.config import PDFProcessorConfig


def test_the_defaults_run_here_without_a_broker() -> None:
    """Existing code that sets nothing would suddenly need a broker, or other numbers of workers."""
    config = PDFProcessorConfig()
    assert config.execution_backend == "local"
    assert config.execution_max_workers == 4
    assert config.execution_queue_url is None


def test_it_cannot_be_changed_once_made() -> None:
    """A configuration shared by many jobs could change under those that run."""
    with pytest.raises(ValidationError):
        PDFProcessorConfig().chunk_size_tokens = 1  # type: ignore[misc]


def test_an_unknown_key_is_refused_and_the_nearest_one_named() -> None:
    """A misspelt setting would be ignored without a word."""
    with pytest.raises(ValidationError, match="did you mean 'chunk_size_tokens'"):
        PDFProcessorConfig(chunk_size_token=100)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "lifted",
    [
        {"reject_javascript": False},
        {"max_file_size_mb": 501},
        {"max_page_count": 5001},
    ],
)
def test_a_security_limit_is_lifted_only_with_a_reason(lifted: dict[str, object]) -> None:
    """A limit could be lifted in passing, and nobody could say later why."""
    with pytest.raises(ValidationError, match="needs"):
        PDFProcessorConfig(**lifted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.toml", 'tenant_id = "acme"\nchunk_size_tokens = 99\n'),
        ("c.json", '{"tenant_id": "acme", "chunk_size_tokens": 99}'),
        ("c.yaml", "tenant_id: acme\nchunk_size_tokens: 99\n"),
    ],
)
def test_a_file_of_each_kind_gives_the_same(tmp_path: Path, name: str, text: str) -> None:
    """One of the documented kinds of file could not be read, or would be read differently."""
    (tmp_path / name).write_text(text)
    config = PDFProcessorConfig.from_file(tmp_path / name)
    assert config == PDFProcessorConfig(tenant_id="acme", chunk_size_tokens=99)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.toml", "tenant_id = ", "c.toml"),
        ("c.json", "[1]", "table of settings"),
        ("c.json", '{"no_such": 1}', "unknown key"),
        ("c.yaml", "a: [", "not YAML"),
        ("c.ini", "", "unknown kind"),
    ],
)
def test_a_file_that_is_wrong_says_what_is_wrong(tmp_path: Path, name: str, text: str, said: str) -> None:
    """The user would get a traceback of a parser, without the name of the file."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        PDFProcessorConfig.from_file(tmp_path / name)


def test_a_job_carries_only_what_differs_and_nothing_of_the_execution() -> None:
    """Jobs would carry the broker's password, or bind daemons to the producer's defaults."""
    config = PDFProcessorConfig(
        execution_backend="distributed", execution_queue_url="amqp://u:s3cret@h/", max_columns=2
    )
    assert config.wire_fields() == {"max_columns": 2}
    assert "s3cret" not in repr(config)


def test_what_does_not_change_a_result_is_not_part_of_its_key() -> None:
    """The same document would get another ingest key on every machine, and be ingested twice."""
    assert (
        PDFProcessorConfig(execution_max_workers=9, embedding_batch_size=1).output_fields()
        == PDFProcessorConfig().output_fields()
    )
    assert PDFProcessorConfig(max_columns=2).output_fields() != PDFProcessorConfig().output_fields()


def test_of_many_unknown_keys_a_few_are_named() -> None:
    """A message of 57 KB would stop a daemon for more than a second, and fill its log."""
    unknown = {f"{number}{'chunk_size' * 10}": 1 for number in range(3000)} | {"x" * 50_000: 1}
    with pytest.raises(ValidationError) as caught:
        PDFProcessorConfig(**unknown)
    said = str(caught.value)
    assert said.count("unknown key") == 5
    assert "and 2996 more" in said
    assert len(said) < 1000
    with pytest.raises(ValidationError) as caught:
        PDFProcessorConfig(**{"x" * 50_000: 1})
    assert len(str(caught.value)) < 300
