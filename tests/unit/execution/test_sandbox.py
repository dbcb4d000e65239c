"""A worker that has been taken over can read its document, and that is all."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf import PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError
from ingestkit_pdf.execution import sandbox as sandbox_module
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolResult, PoolTask, ProcessFn, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox, SandboxError, clean_environment, confine, lacking
from ingestkit_pdf.models import ProcessingResult
from support.documents import text_pdf
from support.escapes import escape, read_document

LIMITS = PoolLimits(memory_bytes=1024**3)
needs_sandbox = pytest.mark.skipif(bool(lacking()), reason=f"this host cannot confine: {lacking()}")


def outcome_of(
    process_fn: ProcessFn | str, document: Path, sandbox: Sandbox, **config: Any
) -> tuple[ProcessingResult, tuple[str, ...]]:
    """Run one document in a pool of its own: the result, and what was not confined."""
    with WorkerPool(process_fn, workers=1, limits=LIMITS, sandbox=sandbox) as pool:
        task = PoolTask(job_id="job", file_path=str(document), config=config, timeout=60)
        outcome = pool.submit(task).result(60)
        assert isinstance(outcome, PoolResult), outcome
        return ProcessingResult.model_validate_json(outcome.body), pool.unconfined


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What lies around the worker: a secret beside its document, and sockets that would answer."""
    secret = tmp_path / "secret"
    secret.write_text("another customer's document")
    secret.chmod(0o644)
    monkeypatch.setenv("INGESTKIT_PDFD_AMQP_URL", "amqp://user:password@localhost/")
    abstract = f"ingestkit-test-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as named:
        with socket.socket(socket.AF_UNIX) as hidden:
            named.bind(str(tmp_path / "socket"))
            hidden.bind("\0" + abstract)
            for listening in (named, hidden):
                listening.listen()
            yield {
                "secret": str(secret),
                "port": tcp.getsockname()[1],
                "socket": str(tmp_path / "socket"),
                "abstract": abstract,
            }


@needs_sandbox
def test_a_worker_that_was_taken_over_gets_nowhere(tmp_path: Path, world: dict[str, Any]) -> None:
    """Otherwise a hostile document could read, change, connect or start what the daemon's user can."""
    document = tmp_path / "document.pdf"
    document.write_text("hostile")
    before = sorted(path.name for path in tmp_path.iterdir())
    result, unconfined = outcome_of(escape, document, Sandbox.REQUIRED, **world)
    assert unconfined == ()
    tried = json.loads(result.markdown)
    assert len(tried) > 30
    assert {name: outcome for name, outcome in tried.items() if not outcome.startswith("refused")} == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert Path(world["secret"]).read_text() == "another customer's document"


def test_without_a_sandbox_the_same_worker_would_get_out(tmp_path: Path, world: dict[str, Any]) -> None:
    """Otherwise the test above would prove nothing: its attempts have to be ones that work."""
    tries = [
        "read a file",
        "list a folder",
        "see a variable of the daemon",
        "write a file",
        "connect",
        "connect to a socket in the file system",
        "connect to an abstract socket",
        "start a program",
        "start a thread",
        "signal its parent",
        "raise its memory limit",
    ]
    document = tmp_path / "document.pdf"
    document.write_text("hostile")
    result, _ = outcome_of(escape, document, Sandbox.OFF, tries=tries, **world)
    tried = json.loads(result.markdown)
    assert {name: outcome for name, outcome in tried.items() if not outcome.startswith("done")} == {}


@needs_sandbox
def test_a_confined_worker_reads_its_document(tmp_path: Path) -> None:
    """Otherwise nothing would be processed in a sandbox."""
    document = tmp_path / "document.pdf"
    document.write_text("what it says")
    result, _ = outcome_of(read_document, document, Sandbox.REQUIRED)
    assert result.markdown == "what it says"
    assert result.file_path == str(document)


@needs_sandbox
@pytest.mark.parametrize("padding", [0, 40 * 1024**2])
def test_the_pipeline_gives_the_same_in_a_sandbox(tmp_path: Path, padding: int) -> None:
    """Otherwise confining would change results; larger documents are read in another way."""
    document = tmp_path / "document.pdf"
    document.write_bytes(text_pdf("One page of text.", "And another.") + b"%" + b" " * padding)
    config = PDFProcessorConfig().model_dump()
    confined, _ = outcome_of(PIPELINE, document, Sandbox.REQUIRED, **config)
    free, _ = outcome_of(PIPELINE, document, Sandbox.OFF, **config)
    assert confined.markdown
    assert (confined.markdown, confined.errors, confined.file_path, confined.metadata) == (
        free.markdown,
        free.errors,
        free.file_path,
        free.metadata,
    )


@needs_sandbox
def test_a_document_that_is_gone_is_an_answer(tmp_path: Path) -> None:
    """Otherwise a file that vanished between submitting and reading would crash a worker."""
    config = PDFProcessorConfig().model_dump()
    result, _ = outcome_of(PIPELINE, tmp_path / "gone.pdf", Sandbox.REQUIRED, **config)
    assert result.errors == ["E_SOURCE_UNAVAILABLE"]


def test_what_a_host_lacks_is_told_and_required_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise workers would run free on an old kernel, and nobody would know."""
    monkeypatch.setattr(sandbox_module, "_LIBSECCOMP", "libnothing.so.9")
    monkeypatch.setattr(sandbox_module, "_CREATE_RULESET", 1999)
    problems = lacking()
    assert [problem.partition(":")[0] for problem in problems] == ["landlock", "seccomp"]
    assert "libnothing.so.9 is not installed" in problems[1]
    monkeypatch.setattr(sandbox_module, "_drop_capabilities", lambda: None)  # those of the tests themselves
    assert confine(Sandbox.AUTO) == problems
    with pytest.raises(SandboxError, match=r"landlock.*seccomp"):
        confine(Sandbox.REQUIRED)
    assert list(Path("/").iterdir())  # nothing was confined


def test_a_pool_whose_workers_must_be_confined_and_cannot_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise `required` would be a wish."""
    preload = tmp_path / "old_host.py"
    preload.write_text("import ingestkit_pdf.execution.sandbox as s\ns._LIBSECCOMP = 'libnothing.so.9'\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExecutionError, match="sandbox is required"):
        WorkerPool(read_document, workers=1, limits=LIMITS, preload=("old_host",), sandbox=Sandbox.REQUIRED)
    with WorkerPool(
        read_document, workers=1, limits=LIMITS, preload=("old_host",), sandbox=Sandbox.AUTO
    ) as pool:
        assert len(pool.unconfined) == 1
        assert "libnothing.so.9" in pool.unconfined[0]


def test_of_the_environment_only_what_a_worker_needs_is_kept() -> None:
    """Otherwise a worker would hold the password in its memory."""
    environ = {"PATH": "/bin", "LC_ALL": "C", "INGESTKIT_PDFD_AMQP_URL": "x", "CREDENTIALS_DIRECTORY": "x"}
    assert clean_environment(environ) == {"PATH": "/bin", "LC_ALL": "C"}
