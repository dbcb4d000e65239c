"""The router: order, errors in a batch, the default execution, and the sinks."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ResultTimeoutError, SubmitError
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.execution.local import LocalExecutionBackend
from ingestkit_pdf.models import Chunk, ProcessingResult
from ingestkit_pdf.protocols import EmbeddingBackend, ExecutionBackend, VectorStoreBackend
from ingestkit_pdf.router import PDFRouter, create_default_router
from support.hostile import act, result_of


class Recorder:
    """An execution backend of the test's own: notes the calls, answers from a table."""

    def __init__(self, results: Mapping[str, ProcessingResult | Exception] | None = None) -> None:
        self.calls: list[str] = []
        self.configs: list[PDFProcessorConfig] = []
        self._results = results or {}

    def submit(self, file_path: str, config: PDFProcessorConfig) -> str:
        self.calls.append(f"submit {file_path}")
        self.configs.append(config)
        if file_path == "refused.pdf":
            raise SubmitError("the broker is away")
        return f"job of {file_path}"

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        file_path = job_id.removeprefix("job of ")
        self.calls.append(f"get {file_path}")
        answer = self._results.get(file_path, result_of(file_path))
        if isinstance(answer, Exception):
            raise answer
        return answer


class Embedder:
    """Vectors of the texts' lengths."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.batches: list[list[str]] = []
        self._fail_at = fail_at

    def embed(self, texts: list[str]) -> list[list[float]]:
        self.batches.append(texts)
        if len(self.batches) == self._fail_at:
            raise ConnectionError(f"no answer for {texts}")
        return [[float(len(text)), 1.0, 2.0] for text in texts]


class Store:
    """Keeps what it is given."""

    def __init__(self, fail: bool = False) -> None:
        self.points: dict[str, tuple[str, list[float], dict[str, Any]]] = {}
        self._fail = fail

    def upsert(
        self,
        collection: str,
        ids: Sequence[str],
        vectors: Sequence[Sequence[float]],
        payloads: Sequence[Mapping[str, Any]],
    ) -> None:
        if self._fail:
            raise TimeoutError("too slow")
        for point, vector, payload in zip(ids, vectors, payloads, strict=True):
            self.points[point] = (collection, list(vector), dict(payload))


def read(file_path: str, texts: Sequence[str]) -> ProcessingResult:
    """The result of a document that was read into these chunks."""
    chunks = [
        Chunk(id=f"id-{index}", index=index, text=text, page_numbers=[1], heading_path=["Top"])
        for index, text in enumerate(texts)
    ]
    update = {"errors": [], "error_details": [], "chunks": chunks, "chunks_created": len(chunks)}
    return result_of(file_path).model_copy(update=update)


@pytest.mark.parametrize(
    ("name", "expected"), [("a.pdf", True), ("/b/C.PDF", True), ("a.docx", False), ("pdf", False)]
)
def test_it_handles_what_is_called_pdf(name: str, expected: bool) -> None:
    """If it failed, a dispatcher over several file types would send documents the wrong way."""
    assert PDFRouter(execution=Recorder()).can_handle(name) is expected


def test_a_batch_is_submitted_in_order_before_the_first_result_is_awaited() -> None:
    """If it failed, a batch would be processed one by one, or its results be in another order."""
    execution = Recorder()
    results = PDFRouter(execution=execution).process_batch(["b.pdf", "a.pdf", "c.pdf"])
    assert execution.calls[:3] == ["submit b.pdf", "submit a.pdf", "submit c.pdf"]
    assert [result.file_path for result in results] == ["b.pdf", "a.pdf", "c.pdf"]


def test_an_empty_batch_does_not_touch_the_backend() -> None:
    """If it failed, an empty folder would start workers or open a connection."""
    execution = Recorder()
    assert PDFRouter(execution=execution).process_batch([]) == []
    assert execution.calls == []


def test_one_refused_document_does_not_lose_the_rest_of_a_batch() -> None:
    """If it failed, a broker that goes away in the middle would cost the results that are there."""
    execution = Recorder({"late.pdf": ResultTimeoutError("job of late.pdf", 5)})
    router = PDFRouter(execution=execution, config=PDFProcessorConfig(tenant_id="tenant"))
    good, refused, late = router.process_batch(["good.pdf", "refused.pdf", "late.pdf"])
    assert good.file_path == "good.pdf"
    assert refused.errors == [ErrorCode.E_EXECUTION_SUBMIT.value]
    assert (refused.file_path, refused.tenant_id) == ("refused.pdf", "tenant")
    assert refused.error_details[0].message == "the broker is away"
    assert late.errors == [ErrorCode.E_EXECUTION_TIMEOUT.value]


def test_a_single_document_that_is_refused_raises() -> None:
    """If it failed, a broker that is away would look like a bad document."""
    with pytest.raises(SubmitError):
        PDFRouter(execution=Recorder()).process("refused.pdf")


def test_the_configuration_travels_with_each_document() -> None:
    """If it failed, documents would be read with defaults."""
    execution = Recorder()
    config = PDFProcessorConfig(chunk_size_tokens=100)
    PDFRouter(execution=execution, config=config).process(Path("a.pdf"))
    assert execution.calls == ["submit a.pdf", "get a.pdf"]
    assert execution.configs == [config]


def test_aprocess_lets_the_event_loop_go_on() -> None:
    """If it failed, an asynchronous application would stand still for as long as a document takes."""
    answer = threading.Event()

    class Slow(Recorder):
        def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
            assert answer.wait(10)
            return super().get_result(job_id, timeout)

    async def main() -> ProcessingResult:
        processing = asyncio.create_task(PDFRouter(execution=Slow()).aprocess("a.pdf"))
        await asyncio.sleep(0)
        answer.set()  # reached only if the loop is not blocked
        return await processing

    assert asyncio.run(main()).file_path == "a.pdf"


class Waiting(Recorder):
    """Has results only of documents that were released, and notes how long it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.timeouts: list[float | None] = []

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        self.timeouts.append(timeout)
        if not self.released.wait(10 if timeout is None else timeout):
            raise ResultTimeoutError(job_id, timeout or 0.0, "nobody works")
        return super().get_result(job_id, timeout)


def test_a_document_that_takes_too_long_is_a_timeout_that_names_its_job() -> None:
    """A caller that has to answer somebody would wait for ever, or could not tell which job goes on."""
    router = PDFRouter(execution=Waiting())
    with pytest.raises(ResultTimeoutError, match=r"within 0.01 s \(nobody works\)") as caught:
        router.process("a.pdf", timeout=0.01)
    assert caught.value.job_id == "job of a.pdf"
    with pytest.raises(ResultTimeoutError, match=r"within 0.01 s"):
        asyncio.run(router.aprocess("a.pdf", timeout=0.01))


def test_a_batch_has_one_limit_of_time_and_an_error_result_for_what_is_late() -> None:
    """A batch with one slow document would never end, take its limit once for each, or lose the others."""
    execution = Waiting()
    results = PDFRouter(execution=execution).process_batch(["a.pdf", "b.pdf"], timeout=0.1)
    assert [result.errors for result in results] == [[ErrorCode.E_EXECUTION_TIMEOUT.value]] * 2
    assert execution.timeouts[1] == 0.0
    assert "within 0.1 s" in results[1].error_details[0].message


def test_many_documents_that_wait_leave_the_event_loop_its_threads() -> None:
    """An application that awaits a few documents could look up no host name and open no file meanwhile."""
    submitted = threading.Event()

    class Counting(Waiting):
        def submit(self, file_path: str, config: PDFProcessorConfig) -> str:
            job_id = super().submit(file_path, config)
            if len(self.calls) == 100:
                submitted.set()
            return job_id

    execution = Counting()

    async def main() -> list[ProcessingResult]:
        router = PDFRouter(execution=execution)
        waiting = [asyncio.create_task(router.aprocess(f"{number}.pdf")) for number in range(100)]
        assert await asyncio.wait_for(asyncio.to_thread(submitted.wait, 10), 20)
        await asyncio.wait_for(asyncio.to_thread(execution.released.set), 10)
        return await asyncio.gather(*waiting)

    assert [result.file_path for result in asyncio.run(main())] == [f"{number}.pdf" for number in range(100)]


def test_the_default_is_a_local_backend_of_the_configured_size() -> None:
    """If it failed, the interface's defaults would be others, or constructing would start workers."""
    router = create_default_router()
    assert isinstance(router._execution, LocalExecutionBackend)
    assert isinstance(router._execution, ExecutionBackend)
    router.close()


def test_distributed_is_one_value_away() -> None:
    """If it failed, going from one machine to many, or back, would take a change of code."""
    config = PDFProcessorConfig(
        execution_backend="distributed",
        execution_queue_url="amqp://guest:guest@localhost:1/",
        execution_lane="bulk",
    )
    with create_default_router(config) as router:
        assert isinstance(router._execution, DistributedExecutionBackend)
    local = config.model_copy(update={"execution_backend": "local"})
    with create_default_router(local) as router:
        assert isinstance(router._execution, LocalExecutionBackend)


def test_everything_that_a_deployment_needs_can_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer whose daemons have another prefix, or a shared disk, could not use the configuration."""
    given: dict[str, Any] = {}

    def backend(url: str, **options: Any) -> Recorder:
        given.update(options, url=url)
        return Recorder()

    monkeypatch.setattr("ingestkit_pdf.execution.distributed.DistributedExecutionBackend", backend)
    config = PDFProcessorConfig(
        execution_backend="distributed",
        execution_queue_url="amqp://guest:guest@localhost:1/",
        execution_prefix="team.pdf",
        execution_lane="bulk",
        execution_client_id="billing",
        execution_inline_limit=0,
        execution_submit_timeout=2.5,
    )
    PDFRouter(config=config)
    names = ("url", "prefix", "lane", "client_id", "inline_limit", "submit_timeout")
    expected = (config.execution_queue_url, "team.pdf", "bulk", "billing", 0, 2.5)
    assert tuple(given[name] for name in names) == expected


def test_distributed_without_an_address_says_what_is_missing() -> None:
    """If it failed, the mistake would show as an obscure error of the AMQP client."""
    with pytest.raises(ValueError, match="execution_queue_url"):
        PDFRouter(config=PDFProcessorConfig(execution_backend="distributed"))


def test_it_closes_its_own_backend_and_no_other() -> None:
    """If it failed, routers would leak workers, or end a backend that others still use."""
    with LocalExecutionBackend(act, max_workers=1) as shared:
        with PDFRouter(execution=shared):
            pass
        assert shared.submit("/nowhere/plain", PDFProcessorConfig())
    with PDFRouter() as router:
        pass
    with pytest.raises(SubmitError, match="closed"):
        router.process("a.pdf")


def test_chunks_are_embedded_in_batches_and_written_with_what_belongs_to_them() -> None:
    """If it failed, a search index would lack chunks, or not know where they come from."""
    embedder, store = Embedder(), Store()
    config = PDFProcessorConfig(embedding_batch_size=2, default_collection="library", tenant_id="tenant")
    execution = Recorder({"a.pdf": read("a.pdf", ["one", "three", "five."])})
    router = PDFRouter(execution=execution, embedder=embedder, vector_store=store, config=config)
    result = router.process("a.pdf")
    assert embedder.batches == [["one", "three"], ["five."]]
    assert result.written.vector_point_ids == ["id-0", "id-1", "id-2"]
    assert result.written.vector_collection == "library"
    assert result.embed_result is not None
    assert (result.embed_result.texts_embedded, result.embed_result.embedding_dimension) == (3, 3)
    assert result.succeeded
    collection, vector, payload = store.points["id-1"]
    assert (collection, vector) == ("library", [5.0, 1.0, 2.0])
    assert {"text": "three", "index": 1, "page_numbers": [1], "file_path": "a.pdf"}.items() <= payload.items()
    assert payload["heading_path"] == ["Top"]


def test_an_embedder_that_fails_halfway_leaves_an_account_of_what_was_written() -> None:
    """If it failed, one lost connection would lose the result, or leave points that nobody can find."""
    store = Store()
    config = PDFProcessorConfig(embedding_batch_size=1)
    execution = Recorder({"a.pdf": read("a.pdf", ["one", "secret", "three"])})
    router = PDFRouter(execution=execution, embedder=Embedder(fail_at=2), vector_store=store, config=config)
    result = router.process("a.pdf")
    assert result.errors == [ErrorCode.E_BACKEND_EMBED_CONNECT.value]
    assert result.written.vector_point_ids == ["id-0"] == list(store.points)
    assert result.error_details[0].recoverable
    assert "ConnectionError" in result.error_details[0].message
    assert "secret" not in result.error_details[0].message
    assert len(result.chunks) == 3


def test_an_embedder_with_too_few_vectors_writes_nothing() -> None:
    """If it failed, vectors would be stored with the wrong text."""

    class Forgetful(Embedder):
        def embed(self, texts: list[str]) -> list[list[float]]:
            return super().embed(texts)[1:]

    store = Store()
    execution = Recorder({"a.pdf": read("a.pdf", ["one", "two"])})
    result = PDFRouter(execution=execution, embedder=Forgetful(), vector_store=store).process("a.pdf")
    assert result.errors == [ErrorCode.E_BACKEND_EMBED_CONNECT.value]
    assert store.points == {}


def test_a_vector_store_that_fails_is_an_error_of_the_result() -> None:
    """If it failed, a full or absent store would crash the batch."""
    execution = Recorder({"a.pdf": read("a.pdf", ["one"])})
    router = PDFRouter(execution=execution, embedder=Embedder(), vector_store=Store(fail=True))
    (result,) = router.process_batch(["a.pdf"])
    assert result.errors == [ErrorCode.E_BACKEND_VECTOR_CONNECT.value]
    assert result.written.vector_point_ids == []
    assert result.written.vector_collection is None


def test_a_document_that_failed_reaches_no_sink() -> None:
    """If it failed, the index would be written to on behalf of documents that were not read."""
    embedder = Embedder()
    router = PDFRouter(execution=Recorder(), embedder=embedder, vector_store=Store())
    assert asyncio.run(router.aprocess("a.pdf")).embed_result is None
    assert embedder.batches == []


def test_sinks_that_nothing_uses_yet_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """If it failed, somebody would wait for tables in a database that nobody writes."""
    with caplog.at_level(logging.WARNING, "ingestkit_pdf"):
        PDFRouter(execution=Recorder(), structured_db=object())
    assert "structured_db" in caplog.text
    assert isinstance(Embedder(), EmbeddingBackend)
    assert isinstance(Store(), VectorStoreBackend)
