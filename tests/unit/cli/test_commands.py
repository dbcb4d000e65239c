"""The command `ingestkit-pdf` without a broker: usage, errors, exit codes, and `process`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingestkit_pdf.cli import main
from ingestkit_pdf.cli.report import ResultWriter, printable, table
from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ProcessingResult
from support.documents import text_pdf


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URL", "INGESTKIT_PDF_AMQP_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command; exit code, standard output, lines of standard error."""

    def call(*arguments: str) -> tuple[int, str, list[str]]:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, captured.out, captured.err.splitlines()

    return call


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A PDF with a sentence in it."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("The quick brown fox jumps over the lazy dog."))
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A file that is no PDF."""
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"this is no PDF")
    return str(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["process"],
        ["process", "/no/such/file.pdf"],
        ["process", "--workers", "0", __file__],
        ["process", "--config", "/no/such.toml", __file__],
        ["submit", __file__],
        ["submit", "--amqp-url", "amqp://localhost/", "/no/such/file.pdf"],
        ["submit", "--amqp-url", "amqp://localhost/", "--lane", "a b", __file__],
        ["submit", "--amqp-url", "amqp://localhost/", "--output", "x", __file__],
        ["submit", "--amqp-url", "amqp://localhost/", "--timeout", "5", __file__],
        ["submit", "--amqp-url", "amqp://localhost/", "--prefix", "a b", __file__],
        ["cancel"],
        ["cancel", "--amqp-url", "amqp://localhost/", "a-job"],
        ["cancel", "--amqp-url", "amqp://localhost/", "--client-id", "me", "no job id"],
        ["cancel", "--client-id", "me", "a-job"],
        ["watch", "--amqp-url", "amqp://localhost/", "a-job"],
        ["watch", "--amqp-url", "amqp://localhost/", "--client-id", "a b", "a-job"],
        ["watch", "--amqp-url", "amqp://localhost/", "--client-id", "me", "--timeout", "0", "a-job"],
        ["status"],
        ["status", "--amqp-url", "http://u:s3cret@localhost/"],
        ["status", "--amqp-url", "amqp://localhost/", "--lane", "a\nb"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments: list[str]) -> None:  # type: ignore[no-untyped-def]
    """A script could not tell wrong usage from a failed document, or the user would get a traceback."""
    code, out, lines = run(*arguments)
    assert code == 2
    assert out == ""
    assert len(lines) == 1
    assert lines[0].startswith("ingestkit-pdf: ")
    assert "s3cret" not in lines[0]


def test_help_and_version_exit_with_0_and_name_the_exit_codes(run) -> None:  # type: ignore[no-untyped-def]
    """The documented exit codes could not be looked up where the user is."""
    assert run("--version")[1].startswith("ingestkit-pdf ")
    for command in ([], ["process"], ["submit"], ["status"]):
        code, out, _ = run(*command, "--help")
        assert code == 0
        assert "Exit codes:" in out


def test_a_wrong_setting_in_a_file_is_named(run, tmp_path: Path, document: str) -> None:  # type: ignore[no-untyped-def]
    """A misspelt setting would be ignored, or be a page of validation errors."""
    (tmp_path / "c.toml").write_text("chunk_size_token = 5\n")
    code, _, lines = run("process", "--config", str(tmp_path / "c.toml"), document)
    assert code == 2
    assert len(lines) == 1
    assert "did you mean 'chunk_size_tokens'" in lines[0]


def test_a_broker_that_is_away_is_one_line_and_exit_code_1(run, document: str) -> None:  # type: ignore[no-untyped-def]
    """A monitoring script would take a dead broker for a healthy one, or log its password."""
    url = "amqp://user:s3cret@127.0.0.1:1/"
    code, out, lines = run("status", "--amqp-url", url)
    assert (code, out) == (1, "")
    assert lines == [
        "ingestkit-pdf: no answer from the broker: amqp://user:***@127.0.0.1:1/: Connection refused"
    ]
    code, out, lines = run("submit", "--wait", "--timeout", "0.5", "--amqp-url", url, document, document)
    assert (code, out) == (1, "")
    assert lines[-1] == "ingestkit-pdf: 1 more were not submitted"
    assert not any("s3cret" in line for line in lines)


def test_process_writes_markdown_to_standard_output(run, document: str) -> None:  # type: ignore[no-untyped-def]
    """The first command of the documentation would not work, or mix its messages into the text."""
    code, out, lines = run("process", document)
    assert code == 0
    assert "The quick brown fox" in out
    assert "<!--" not in out
    assert lines == []


def test_process_separates_several_documents_and_tells_what_failed(  # type: ignore[no-untyped-def]
    run, document: str, broken: str
) -> None:
    """Nobody could tell where one document ends, which one failed, or that one did."""
    code, out, lines = run("process", document, broken, document)
    assert code == 1
    assert out.count(f"<!-- {document} -->") == 2
    assert broken not in out
    assert lines == [
        line for line in lines if line.startswith(f"ingestkit-pdf: {broken}: E_SECURITY_INVALID_PDF: ")
    ]
    assert len(lines) == 1


def test_process_gives_json_one_document_a_line(run, document: str, broken: str) -> None:  # type: ignore[no-untyped-def]
    """A program that reads the output line by line would get halves of documents."""
    code, out, _ = run("process", "--format", "json", document, broken)
    assert code == 1
    good, bad = [ProcessingResult.model_validate(json.loads(line)) for line in out.splitlines()]
    assert (good.file_path, good.errors) == (document, [])
    assert bad.has_error(ErrorCode.E_SECURITY_INVALID_PDF)


def test_process_writes_a_file_for_each_document(run, tmp_path: Path, document: str) -> None:  # type: ignore[no-untyped-def]
    """Documents of the same name from different folders would overwrite each other."""
    other = tmp_path / "other" / "report.pdf"
    other.parent.mkdir()
    other.write_bytes(text_pdf("Another text."))
    target = tmp_path / "out" / "deep"
    code, out, _ = run("process", "--output", str(target), document, str(other))
    assert (code, out) == (0, "")
    assert "quick brown fox" in (target / "report.md").read_text()
    assert "Another text" in (target / "report-2.md").read_text()


def test_a_file_name_cannot_forge_a_line() -> None:
    """A document called "x\\ningestkit-pdf: all good" would write lines of its own to logs and terminals."""
    assert printable("a\nb\x1b[31m\u202ec\td") == r"a\nb\x1b[31m\u202ec\td"
    assert printable("Übung 1.pdf") == "Übung 1.pdf"
    assert len(table(["A"], [["x\ny"]]).splitlines()) == 2


def test_a_table_of_nothing_has_its_headings() -> None:
    """`status` of a broker without queues would end in an exception."""
    assert table(["A", "B"], []) == "A  B"


def test_a_folder_that_cannot_be_written_is_one_line(run, tmp_path: Path, document: str) -> None:  # type: ignore[no-untyped-def]
    """The user would get a traceback for a folder that is a file."""
    (tmp_path / "taken").touch()
    code, _, lines = run("process", "--output", str(tmp_path / "taken" / "deep"), document)
    assert code == 1
    assert len(lines) == 1
    assert "taken" in lines[0]


def test_the_comment_between_documents_cannot_be_ended_by_a_file_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file called "-->" would smuggle text into the Markdown of its neighbours."""
    result = ProcessingResult.failed(
        "x", IngestError(code=ErrorCode.E_PARSE_EMPTY, message="", stage="open")
    ).model_copy(update={"errors": [], "markdown": "text"})
    ResultWriter("markdown", None, several=True).write("a-->b.pdf", result)
    assert "-->b" not in capsys.readouterr().out
