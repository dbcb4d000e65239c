"""Every valid and hostile document of the corpus through the pipeline, each in a process of its own."""

from __future__ import annotations

import csv
import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ingestkit_pdf.models import PageStatus, ProcessingResult

ADDRESS_SPACE = 2 * 2**30
SECONDS = 60
NO_OCR = {"ocr_engine": "none"}  # reading the scans among them would take minutes
TIMED_OUT, OUT_OF_MEMORY = "timed out", "MemoryError"

SLOW: dict[str, set[str]] = {
    "valid/linearized/pypdf__issue-301.pdf": {"W_PAGE_TABLES_AS_TEXT"},
    "hostile/huge-page/ocrmypdf__hugemono.pdf": set(),
    "hostile/huge-page/ocrmypdf__poster.pdf": set(),
    "hostile/huge-page/pdfcpu__Roboto-Regular_BMP.pdf": set(),
    "hostile/huge-page/pdfcpu__UnifontUpperMedium_SIP.pdf": set(),
    "hostile/loop/pypdfium2__toc_circular.pdf": {"W_OUTLINE_INVALID"},
}
"""Documents with tables, drawings or pages that can take minutes, and codes that their results have."""

SLOW_SECONDS = 10  # of processor time, OCR included: others may need the processor, too

LANGUAGES = {"zh": "zh", "ja": "ja", "ko": "ko", "arabic": "ar", "hebrew": "he", "cyr": "ru", "indic": "hi"}
"""Tag of a document of `valid` → ISO 639 code of its language."""

EXPECTED: dict[str, set[str]] = {
    "user-password": {"E_PARSE_PASSWORD"},
    "zero-pages": {"E_PARSE_EMPTY", "E_PARSE_CORRUPT"},
    "not-a-pdf": {"E_SECURITY_INVALID_PDF", "E_PARSE_EMPTY", "E_PARSE_CORRUPT"},
    "open-fails": {"E_PARSE_CORRUPT", "E_PARSE_PASSWORD"},
}
"""Categories of which no document can be read, and the codes that say why."""


@dataclass(frozen=True, slots=True)
class Document:
    """One line of the corpus's manifest."""

    path: Path
    category: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document: two results as JSON, or the reason why there are none."""

    document: Document
    results: tuple[str, ...] = ()
    failure: str = ""

    @property
    def result(self) -> ProcessingResult:
        """The first result."""
        return ProcessingResult.model_validate_json(self.results[0])


def child(path: str, answer: Connection) -> None:
    """Read the document twice under the memory limit; send both results, or the name of the exception."""
    from ingestkit_pdf.pdf import process_document

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    try:
        answer.send(tuple(process_document(path, NO_OCR).model_dump_json() for _ in range(2)))
    except BaseException as error:  # noqa: BLE001 - it is what this test is about
        answer.send(type(error).__name__)


def timed(path: str, answer: Connection) -> None:
    """Read the document once, as by default; send the result and what it took."""
    from ingestkit_pdf.pdf import process_document

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    started = time.process_time()
    result = process_document(path, {})
    answer.send((result.model_dump_json(), time.process_time() - started))


def run_alone(document: Document) -> Outcome:
    """The outcome of one document in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(str(document.path), sender))
    process.start()
    sender.close()
    try:
        if not receiver.poll(SECONDS):
            return Outcome(document, failure=TIMED_OUT)
        answer = receiver.recv()
    except EOFError:
        process.join()
        return Outcome(document, failure=f"exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()
        receiver.close()
    if isinstance(answer, str):
        return Outcome(document, failure=answer)
    return Outcome(document, results=answer)


@pytest.fixture(scope="module")
def outcomes(corpus: Path) -> Iterator[list[Outcome]]:
    """All of `valid` and `hostile`, run once for this module."""
    documents = []
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["path"].startswith(("valid/", "hostile/")):
                tags = frozenset(row["tags"].split("|"))
                documents.append(Document(corpus / row["path"], row["category"], tags))
    multiprocessing.get_context("forkserver").set_forkserver_preload(["ingestkit_pdf.pdf"])
    with ThreadPoolExecutor(2) as pool:
        yield list(pool.map(run_alone, documents))


def names(outcomes: list[Outcome]) -> list[str]:
    """For a readable failure."""
    return [
        f"{outcome.document.path.name}: {outcome.failure or outcome.result.errors}" for outcome in outcomes
    ]


def test_no_document_raises_or_kills_its_process(outcomes: list[Outcome]) -> None:
    """A bad document would end in an exception or a crash instead of a result."""
    allowed = {"", TIMED_OUT, OUT_OF_MEMORY}
    assert names([outcome for outcome in outcomes if outcome.failure not in allowed]) == []


def test_no_document_runs_out_of_time_or_memory(outcomes: list[Outcome]) -> None:
    """A document, however it was made, would not be finished twice within a minute and 2 GiB."""
    assert names([outcome for outcome in outcomes if outcome.failure]) == []


@pytest.mark.parametrize("path", SLOW)
def test_slow_documents_end_soon(corpus: Path, path: str) -> None:
    """A page of drawings, tables or pixels without end would hold a worker for minutes."""
    receiver, sender = (context := multiprocessing.get_context("spawn")).Pipe(duplex=False)
    process = context.Process(target=timed, args=(str(corpus / path), sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(4 * SECONDS)
        text, seconds = receiver.recv()
    finally:
        process.kill()
        process.join()
        receiver.close()
    result = ProcessingResult.model_validate_json(text)
    assert result.errors == []
    assert set(result.warnings) >= SLOW[path]
    assert seconds < SLOW_SECONDS


def test_the_language_of_other_scripts_is_told(outcomes: list[Outcome]) -> None:
    """Documents in Chinese, Arabic or Russian would be filed under another language, or under none."""
    wrong, seen = [], set()
    for outcome in outcomes:
        document = outcome.document
        told = [LANGUAGES[tag] for tag in document.tags if tag in LANGUAGES]
        if told and document.category in {"cjk", "rtl", "other-script"} and "valid" in document.path.parts:
            found = outcome.result.metadata.detected_language
            seen.add(told[0])
            if found != told[0]:
                wrong.append(f"{document.path.name}: {found}, not {told[0]}")
    assert wrong == []
    assert seen >= {"zh", "ja", "ko", "ar", "ru", "hi"}


def test_the_same_document_gives_the_same_result(outcomes: list[Outcome]) -> None:
    """The result of a document would differ from run to run."""
    different = []
    for outcome in outcomes:
        if outcome.results:
            first, second = (ProcessingResult.model_validate_json(text) for text in outcome.results)
            unlike = {"ingest_run_id", "processing_time_seconds", "parse_result", "classification_result"}
            if first.model_dump(exclude=unlike) != second.model_dump(exclude=unlike):
                different.append(outcome)
    assert names(different) == []


@pytest.mark.parametrize("category", EXPECTED)
def test_what_cannot_be_read_says_why(outcomes: list[Outcome], category: str) -> None:
    """A document that cannot be read would get a misleading code, or none."""
    members = [outcome for outcome in outcomes if outcome.document.category == category]
    assert members
    assert names([item for item in members if not EXPECTED[category] & set(item.result.errors)]) == []


def test_scripts_are_refused(outcomes: list[Outcome]) -> None:
    """A document known to run scripts would be read."""
    members = [
        outcome
        for outcome in outcomes
        if outcome.document.category == "malicious-action" and "js" in outcome.document.tags
    ]
    assert members
    assert names([item for item in members if item.result.errors != ["E_SECURITY_JAVASCRIPT"]]) == []


def test_bombs_do_no_harm(outcomes: list[Outcome]) -> None:
    """A bomb would take the memory or the time of a worker."""
    members = [outcome for outcome in outcomes if outcome.document.category == "decompression-bomb"]
    assert members
    assert names([item for item in members if item.failure]) == []
    codes = {code for item in members for code in item.result.errors}
    assert codes == {"E_SECURITY_DECOMPRESSION_BOMB"}


def test_ordinary_documents_are_read(outcomes: list[Outcome]) -> None:
    """A valid document would be refused for anything but its scripts."""
    members = [outcome for outcome in outcomes if "valid" in outcome.document.path.parts]
    assert members
    assert names([item for item in members if set(item.result.errors) - {"E_SECURITY_JAVASCRIPT"}]) == []


def test_owner_passwords_do_not_stop(outcomes: list[Outcome]) -> None:
    """A document that opens without a password would be refused, or read without a word about it."""
    members = [
        outcome
        for outcome in outcomes
        if outcome.document.category == "encrypted-owner" and not outcome.result.errors
    ]
    assert members
    assert names([item for item in members if "W_ENCRYPTED_OWNER_ONLY" not in item.result.warnings]) == []


def test_no_page_is_silently_empty(outcomes: list[Outcome]) -> None:
    """A page without text would say nothing of why, or the text of a page would be in no chunk."""
    silent = []
    for outcome in outcomes:
        if outcome.failure or outcome.result.errors:
            continue
        in_chunks = {number for chunk in outcome.result.chunks for number in chunk.page_numbers}
        for page in outcome.result.pages:
            where = f"{outcome.document.path.name}, page {page.page_number}"
            if not page.char_count and not page.warnings and page.page_number not in in_chunks:
                silent.append(f"{where}: no text, no warning")
            if page.char_count and page.page_number not in in_chunks:
                silent.append(f"{where}: text in no chunk")
            if page.status is PageStatus.FAILED and not (page.error and "W_PAGE_FAILED" in page.warnings):
                silent.append(f"{where}: failed without an error")
    assert silent == []
