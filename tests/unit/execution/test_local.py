"""The local backend: its interface, its errors as results, its limits and its end."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ExecutionError, JobNotFoundError, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution.local import LocalExecutionBackend
from ingestkit_pdf.execution.protocol import ExecutionBackend
from ingestkit_pdf.models import ProcessingResult
from support.gate import Gate
from support.hostile import act, plain, result_of
from support.processes import gone_within

TESTS = Path(__file__).parents[2]
CONFIG = PDFProcessorConfig(tenant_id="tenant")


def at_gate(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """The file is the gate."""
    Path(file_path).read_bytes()
    return plain(file_path, config)


def tell_config(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """The result says what the function was given."""
    facts = {"type": type(config).__name__, "config": config, "path": file_path}
    return result_of(file_path, note=json.dumps(facts))


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalExecutionBackend]:
    with LocalExecutionBackend(act, max_workers=2) as backend:
        yield backend


@pytest.fixture
def gated() -> Iterator[LocalExecutionBackend]:
    with LocalExecutionBackend(at_gate, max_workers=1) as backend:
        yield backend


def test_it_is_an_execution_backend() -> None:
    """If it failed, code that is written against the protocol would not take it."""
    assert isinstance(LocalExecutionBackend(), ExecutionBackend)


def test_a_job_is_run_with_the_configuration_as_a_dict_and_named_as_submitted(tmp_path: Path) -> None:
    """If it failed, functions written for the interface would break, or paths come back changed."""
    with LocalExecutionBackend(tell_config, max_workers=1) as backend:
        result = backend.get_result(backend.submit("some/file.pdf", CONFIG))
    facts = json.loads(result.ingest_run_id)
    assert facts == {"type": "dict", "config": CONFIG.model_dump(), "path": str(Path.cwd() / "some/file.pdf")}
    assert result.file_path == "some/file.pdf"


def test_submit_starts_the_work_at_once(gated: LocalExecutionBackend, tmp_path: Path) -> None:
    """If it failed, work would only begin when somebody waits for it."""
    gate = Gate(tmp_path / "gate")
    job_id = gated.submit(gate.path, CONFIG)
    gate.await_job()
    gate.open()
    assert gated.get_result(job_id, timeout=30).file_path == gate.path


def test_asking_again_after_a_timeout_and_after_the_result_works(
    gated: LocalExecutionBackend, tmp_path: Path
) -> None:
    """If it failed, a caller whose patience ended once could never have the result, or only once."""
    gate = Gate(tmp_path / "gate")
    job_id = gated.submit(gate.path, CONFIG)
    with pytest.raises(ResultTimeoutError) as caught:
        gated.get_result(job_id, timeout=0.05)
    assert (caught.value.code, caught.value.job_id) == (ErrorCode.E_EXECUTION_TIMEOUT, job_id)
    with pytest.raises(ResultTimeoutError):
        gated.get_result(job_id, timeout=0)
    gate.open()
    assert gated.get_result(job_id) == gated.get_result(job_id, timeout=1)


def test_an_unknown_job_is_an_error(backend: LocalExecutionBackend) -> None:
    """If it failed, a mistyped id would wait for ever."""
    with pytest.raises(JobNotFoundError) as caught:
        backend.get_result("no such job", timeout=1)
    assert caught.value.code is ErrorCode.E_EXECUTION_NOT_FOUND
    with pytest.raises(JobNotFoundError):
        backend.cancel("no such job")


def test_results_come_as_they_are_ready(tmp_path: Path) -> None:
    """A loop that works with the distributed backend would fail here, or wait for the slowest document."""
    slow, quick = Gate(tmp_path / "slow"), Gate(tmp_path / "quick")
    with LocalExecutionBackend(at_gate, max_workers=2) as backend:
        first, second = backend.submit(slow.path, CONFIG), backend.submit(quick.path, CONFIG)
        arriving = backend.as_completed([first, second, first], timeout=30)
        slow.await_job()
        quick.await_job()
        quick.open()
        assert next(arriving)[0] == second
        slow.open()
        assert [(job_id, result.file_path) for job_id, result in arriving] == [(first, slow.path)]


def test_what_is_late_ends_the_iteration_and_can_be_asked_for_again(
    gated: LocalExecutionBackend, tmp_path: Path
) -> None:
    """A loop over many documents would wait for ever for one, or lose it."""
    gate = Gate(tmp_path / "gate")
    job_id = gated.submit(gate.path, CONFIG)
    with pytest.raises(ResultTimeoutError) as caught:
        list(gated.as_completed([job_id], timeout=0.05))
    assert caught.value.job_id == job_id
    gate.open()
    assert [found for found, _ in gated.as_completed([job_id])] == [job_id]
    with pytest.raises(JobNotFoundError):
        next(gated.as_completed(["no such job"]))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("raise", ErrorCode.E_EXECUTION_SUBMIT),
        ("wrong_type", ErrorCode.E_EXECUTION_SUBMIT),
        ("sigkill", ErrorCode.E_EXECUTION_CRASHED),
        ("hog", ErrorCode.E_EXECUTION_MEMORY),
    ],
)
def test_a_failure_is_a_result_with_its_code(
    backend: LocalExecutionBackend, name: str, code: ErrorCode
) -> None:
    """If it failed, one bad document would raise in the middle of a batch, or not say why."""
    result = backend.get_result(backend.submit(f"/nowhere/{name}", CONFIG), timeout=30)
    assert result.errors == [code.value]
    assert (result.file_path, result.tenant_id) == (f"/nowhere/{name}", "tenant")
    assert result.error_details[0].stage == "execution"


def test_the_limits_are_those_of_the_jobs_configuration(backend: LocalExecutionBackend) -> None:
    """If it failed, timeout and memory of the configuration would be decoration."""
    small = CONFIG.model_copy(update={"execution_worker_memory_mb": 512, "per_document_timeout_seconds": 0.3})
    hung = backend.submit("/nowhere/hang", small)
    facts = backend.submit("/nowhere/surroundings", small)
    assert backend.get_result(hung, timeout=30).errors == [ErrorCode.E_EXECUTION_TIMEOUT.value]
    seen = json.loads(backend.get_result(facts, timeout=30).ingest_run_id)
    assert seen["address_space"] == 512 * 1024 * 1024


def test_execute_all_with_nothing_pending_does_nothing() -> None:
    """If it failed, the call would start workers, or wait, for nothing."""
    backend = LocalExecutionBackend(act)
    backend.execute_all()
    backend.execute_all(timeout=0)
    backend.close()


def test_execute_all_waits_for_everything_that_is_pending(backend: LocalExecutionBackend) -> None:
    """If it failed, results would be asked for before they are there."""
    jobs = [backend.submit("/nowhere/plain", CONFIG) for _ in range(10)]
    backend.execute_all()
    assert all(backend.get_result(job, timeout=0).has_error(ErrorCode.E_PARSE_EMPTY) for job in jobs)


def test_execute_all_puts_an_error_where_time_ran_out() -> None:
    """If it failed, a batch with one hanging document would never end."""
    with LocalExecutionBackend(act, max_workers=1) as backend:
        done = backend.submit("/nowhere/plain", CONFIG)
        backend.get_result(done)
        late = [backend.submit("/nowhere/hang", CONFIG), backend.submit("/nowhere/plain", CONFIG)]
        backend.execute_all(timeout=0.3)
        results = [backend.get_result(job, timeout=0) for job in late]
        assert [result.errors for result in results] == [[ErrorCode.E_EXECUTION_TIMEOUT.value]] * 2
        assert "0.3 s that execute_all was given" in results[0].error_details[0].message
        assert not backend.get_result(done).has_error(ErrorCode.E_EXECUTION_TIMEOUT)
        again = backend.get_result(backend.submit("/nowhere/plain", CONFIG), timeout=30)
        assert again.has_error(ErrorCode.E_PARSE_EMPTY)


def test_a_cancelled_job_is_a_result_that_says_so(gated: LocalExecutionBackend, tmp_path: Path) -> None:
    """If it failed, who waits for a cancelled job would wait for ever."""
    gate = Gate(tmp_path / "gate")
    job_id = gated.submit(gate.path, CONFIG)
    gate.await_job()
    assert gated.cancel(job_id)
    assert gated.get_result(job_id, timeout=30).errors == [ErrorCode.E_EXECUTION_CANCELLED.value]
    assert not gated.cancel(job_id)


def test_closing_answers_who_waits_and_refuses_what_comes(tmp_path: Path) -> None:
    """If it failed, closing would leave threads waiting for ever, or results unreachable."""
    gate = Gate(tmp_path / "gate")
    backend = LocalExecutionBackend(at_gate, max_workers=1)
    job_id = backend.submit(gate.path, CONFIG)
    gate.await_job()
    answers: list[ProcessingResult] = []
    waiter = threading.Thread(target=lambda: answers.append(backend.get_result(job_id)))
    waiter.start()
    backend.close()
    backend.close()
    waiter.join(30)
    assert answers[0].errors == [ErrorCode.E_EXECUTION_CANCELLED.value]
    assert backend.get_result(job_id) == answers[0]
    with pytest.raises(SubmitError, match="closed") as caught:
        backend.submit("a.pdf", CONFIG)
    assert isinstance(caught.value, ExecutionError)
    assert caught.value.code is ErrorCode.E_EXECUTION_SUBMIT


def test_claimed_results_are_kept_up_to_a_bound_and_unclaimed_ones_always() -> None:
    """If it failed, a long-lived producer would grow without end, or lose results nobody has seen."""
    with LocalExecutionBackend(act, max_workers=1, keep_claimed=2) as backend:
        jobs = [backend.submit("/nowhere/plain", CONFIG) for _ in range(6)]
        for job in jobs[:4]:
            backend.get_result(job)
        assert [backend.get_result(job).file_path for job in jobs[2:4]] == ["/nowhere/plain"] * 2
        with pytest.raises(JobNotFoundError, match="claimed before 2 others"):
            backend.get_result(jobs[0])
        assert all(backend.get_result(job) for job in jobs[4:])


def test_many_threads_may_use_one_backend(backend: LocalExecutionBackend) -> None:
    """If it failed, a web application with a shared backend would mix up or lose results."""
    wrong: list[str] = []

    def use() -> None:
        for number in range(20):
            reported = f"/nowhere/{'raise' if number % 2 else 'plain'}"
            if backend.get_result(backend.submit(reported, CONFIG), timeout=30).file_path != reported:
                wrong.append(reported)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_function_that_cannot_be_loaded_is_a_submit_error() -> None:
    """If it failed, a wrong function would look like a bad document."""
    with (
        LocalExecutionBackend("support.hostile:nothing", max_workers=1) as backend,  # type: ignore[arg-type]
        pytest.raises(SubmitError, match="cannot be loaded"),
    ):
        backend.submit("a.pdf", CONFIG)


def test_a_lambda_is_refused() -> None:
    """If it failed, the mistake would only show in another process."""
    with (
        LocalExecutionBackend(lambda path, config: result_of(path)) as backend,
        pytest.raises(TypeError, match="module-level"),
    ):
        backend.submit("a.pdf", CONFIG)


def test_zero_workers_are_refused() -> None:
    """If it failed, jobs would wait for ever."""
    with pytest.raises(ValueError, match="at least one"):
        LocalExecutionBackend(max_workers=0)


SCRIPT = """
import os, sys
sys.path.insert(0, {tests!r})
from ingestkit_pdf import LocalExecutionBackend, PDFProcessorConfig
from support.hostile import act, result_of

def own(file_path, config):
    return result_of(file_path, note=str(os.getpid()))

{body}
"""


def run_script(tmp_path: Path, body: str, *, as_module: bool = False) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "producer.py"
    path.write_text(SCRIPT.format(tests=str(TESTS), body=textwrap.dedent(body)))
    command = [sys.executable, "-m", "producer"] if as_module else [sys.executable, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)


@pytest.mark.parametrize("as_module", [False, True])
def test_a_function_of_the_script_itself_works(tmp_path: Path, as_module: bool) -> None:
    """If it failed, the first thing a user tries, a function in one's own script, would not run."""
    body = """
    if __name__ == "__main__":
        with LocalExecutionBackend(own, max_workers=1) as backend:
            result = backend.get_result(backend.submit("a.pdf", PDFProcessorConfig()))
            print(result.file_path, int(result.ingest_run_id) != os.getpid())
    """
    ended = run_script(tmp_path, body, as_module=as_module)
    assert (ended.stdout, ended.stderr) == ("a.pdf True\n", "")


def test_a_script_needs_no_main_guard_for_a_function_of_a_module(tmp_path: Path) -> None:
    """If it failed, a ten-line script would start itself again in every worker."""
    body = """
    backend = LocalExecutionBackend(act, max_workers=1)
    print(backend.get_result(backend.submit("/nowhere/plain", PDFProcessorConfig())).file_path)
    """
    ended = run_script(tmp_path, body)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("/nowhere/plain\n", "", 0)


def test_a_function_typed_into_an_interactive_session_is_refused_with_a_reason() -> None:
    """If it failed, the error would come from another process and speak of something else."""
    code = textwrap.dedent("""
        from ingestkit_pdf import LocalExecutionBackend, PDFProcessorConfig
        def own(file_path, config): ...
        try:
            LocalExecutionBackend(own).submit("a.pdf", PDFProcessorConfig())
        except TypeError as error:
            print(error)
    """)
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "put it into a file" in ended.stdout


def test_a_producer_that_ends_without_closing_leaves_nothing_behind(tmp_path: Path) -> None:
    """If it failed, every script that forgets to close would hang at its end or leave processes."""
    body = """
    backend = LocalExecutionBackend(own, max_workers=1)
    if __name__ == "__main__":
        print(backend.get_result(backend.submit("a.pdf", PDFProcessorConfig())).ingest_run_id)
    """
    ended = run_script(tmp_path, body)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert gone_within(int(ended.stdout), 5)


def test_without_the_parser_the_error_says_what_to_install() -> None:
    """If it failed, a producer's installation would fail in every worker instead of once and clearly."""
    code = textwrap.dedent("""
        import sys
        sys.modules["pymupdf"] = None
        from ingestkit_pdf import LocalExecutionBackend, PDFProcessorConfig
        LocalExecutionBackend().submit("a.pdf", PDFProcessorConfig())
    """)
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "ImportError: processing PDFs on this machine needs PyMuPDF: pip install 'ingestkit-pdf[pdf]'" in (
        ended.stderr
    )
