"""`ingestkit-pdf result` against a real broker: one result taken, all others untouched."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.execution._client.amqp import properties_of
from ingestkit_pdf.execution.stored_results import QueueInUseError, collect_result
from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.wire.envelope import Message, decode_job, encode_result
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, depth
from support.answering import Answering, answer_to
from support.documents import text_pdf
from support.letters import command, declare, drained, job

pytestmark = pytest.mark.broker

NAMES = Topology()
REPLIES = NAMES.reply_queue("tests").name
ORPHANED = NAMES.orphaned_queue.name


def answer(job_id: str, text: str = "", **how: int) -> list[Message]:
    """The messages that answer a job; `text` tells answers apart."""
    return encode_result(job_id, answer_to(decode_job(job(job_id), NAMES), text=text), **how)


def store(url: str, queue: str, *messages: Message) -> None:
    """Put messages into a queue."""
    with channel(url) as opened:
        for message in messages:
            opened.basic_publish("", queue, message.body, properties_of(message), mandatory=True)


def test_one_result_is_taken_and_the_others_stay(amqp_url: str, tmp_path: Path) -> None:
    """Collecting one result would cost the client its other ones."""
    declare(amqp_url)
    for number in range(60):
        store(amqp_url, REPLIES, *answer(f"job-{number}"))
    code, output, errors = command(
        amqp_url, "result", "job-30", "--client-id", "tests", "--format", "json", "--output", str(tmp_path)
    )
    assert (code, output) == (1, ""), errors  # the document of the test has nothing to read
    assert errors == "ingestkit-pdf: /p/job-30.pdf: E_PARSE_EMPTY: job-30\n"
    (written,) = tmp_path.iterdir()
    assert json.loads(written.read_text())["file_path"] == "/p/job-30.pdf"
    rest = drained(amqp_url, REPLIES)
    assert rest == Counter(f"job-{number}" for number in range(60) if number != 30)


def test_markdown_is_printed_as_process_does(amqp_url: str, tmp_path: Path) -> None:
    """A result that was collected by hand would be of another form than one that was waited for."""
    document = tmp_path / "report.pdf"
    document.write_bytes(text_pdf("A page."))
    whole = ProcessingResult.model_validate_json(answer_to(decode_job(job("one"), NAMES)))
    good = whole.model_copy(update={"errors": [], "error_details": [], "markdown": "# The text\n"})
    declare(amqp_url)
    store(amqp_url, REPLIES, *encode_result("one", good.model_dump_json().encode()))
    code, output, errors = command(amqp_url, "result", "one", "--client-id", "tests")
    assert (code, output, errors) == (0, "# The text\n", "")
    assert depth(amqp_url, REPLIES) == 0


def test_an_orphaned_result_is_found(amqp_url: str) -> None:
    """A result whose reply queue is gone could be kept, but not collected."""
    declare(amqp_url)
    store(amqp_url, ORPHANED, *answer("one"), *answer("two"))
    for arguments in (["--client-id", "gone"], ["--orphaned"], []):
        code, output, _ = command(amqp_url, "result", "one", "--format", "json", "--keep", *arguments)
        assert code == 1
        assert json.loads(output)["file_path"] == "/p/one.pdf"
    assert depth(amqp_url, ORPHANED) == 2
    command(amqp_url, "result", "one")
    assert drained(amqp_url, ORPHANED) == Counter(["two"])


def test_two_commands_look_among_the_orphaned_one_after_the_other(amqp_url: str) -> None:
    """The second would not find a result that is there, because the first holds it in its hands."""
    declare(amqp_url)
    store(amqp_url, ORPHANED, *answer("one"), *answer("two"))
    holding, second_ended = threading.Event(), threading.Event()

    def hold(_result: ProcessingResult) -> None:
        holding.set()
        second_ended.wait(2)

    found: list[ProcessingResult] = []
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(collect_result, amqp_url, "two", hold)
        assert holding.wait(20)
        try:
            with pytest.raises(QueueInUseError, match="another command"):
                collect_result(amqp_url, "one", found.append, timeout=0.4)
            collect_result(amqp_url, "one", found.append)
        finally:
            second_ended.set()
        first.result()
    assert [result.file_path for result in found] == ["/p/one.pdf"]
    assert depth(amqp_url, ORPHANED) == 0


def test_a_result_in_parts_is_put_together_and_a_half_one_stays(amqp_url: str) -> None:
    """Large results could not be collected, or half of one would be thrown away."""
    declare(amqp_url)
    whole, half = answer("whole", "x" * 5000, part_size=1000), answer("half", "y" * 5000, part_size=1000)
    store(amqp_url, REPLIES, *reversed(whole), *half[:-1])
    found: list[ProcessingResult] = []
    collect_result(amqp_url, "whole", found.append, client_id="tests")
    assert found[0].error_details[0].message == "x" * 5000
    code, _, errors = command(amqp_url, "result", "half", "--client-id", "tests")
    assert code == 1
    assert "only a part of it" in errors
    assert drained(amqp_url, REPLIES) == Counter({"half": len(half) - 1})


def test_a_redriven_answer_counts_more_than_the_error_before_it(amqp_url: str) -> None:
    """The operator would get the error that the job was parked for, and the answer would be thrown away."""
    declare(amqp_url)
    store(amqp_url, REPLIES, *answer("one", "parked"), *answer("one", "first", redrive=1))
    store(amqp_url, REPLIES, *answer("one", "second", redrive=1))
    found: list[ProcessingResult] = []
    collect_result(amqp_url, "one", found.append, client_id="tests")
    assert [result.error_details[0].message for result in found] == ["first"]
    assert depth(amqp_url, REPLIES) == 0


def test_a_result_that_could_not_be_written_stays(amqp_url: str, tmp_path: Path) -> None:
    """A full disk would cost the result."""
    declare(amqp_url)
    store(amqp_url, REPLIES, *answer("one"))

    def fail(_result: ProcessingResult) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        collect_result(amqp_url, "one", fail, client_id="tests")
    assert drained(amqp_url, REPLIES) == Counter(["one"])


def test_a_running_client_keeps_its_results(amqp_url: str, tmp_path: Path) -> None:
    """The command would take results out of the hands of the client that waits for them."""
    document = tmp_path / "report.pdf"
    document.write_bytes(text_pdf("A page."))
    with DistributedExecutionBackend(amqp_url, client_id="busy") as client, Answering(amqp_url):
        job_id = client.submit(str(document), PDFProcessorConfig())
        code, _, errors = command(amqp_url, "result", job_id, "--client-id", "busy")
        assert code == 1
        assert "collects its results itself" in errors
        assert client.get_result(job_id, timeout=20).errors


def test_no_such_result_is_a_clear_word(amqp_url: str) -> None:
    """Nobody could tell a result that is not there yet from a mistake."""
    declare(amqp_url)
    code, output, errors = command(amqp_url, "result", "nobody\x1b[2J", "--client-id", "tests")
    assert (code, output, len(errors.splitlines())) == (1, "", 1)
    assert "E_EXECUTION_NOT_FOUND" in errors
    assert "\x1b" not in errors
    assert command(amqp_url, "result", "one", "--client-id", "tests", "--orphaned")[0] == 2
    assert command("amqp://u:s3cret@127.0.0.1:1/", "result", "one")[0] == 1
