"""Writes the chunks of a result into the sinks, and into the result what was written."""

from __future__ import annotations

import time
from typing import Any

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import Chunk, EmbedStageResult, ProcessingResult
from ingestkit_pdf.protocols import EmbeddingBackend, VectorStoreBackend

__all__ = ["VectorSink"]


class VectorSink:
    """Embeds chunks and puts the vectors into a collection.

    Args:
        embedder: Makes the vectors.
        store: Takes them.
        collection: Its collection.
        batch_size: Chunks that are embedded and written at a time.
    """

    def __init__(
        self, embedder: EmbeddingBackend, store: VectorStoreBackend, *, collection: str, batch_size: int
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._collection = collection
        self._batch_size = batch_size

    def write(self, result: ProcessingResult) -> ProcessingResult:
        """The result with `embed_result` and `written` filled in.

        A sink that fails ends the writing with `E_BACKEND_EMBED_CONNECT` or `E_BACKEND_VECTOR_CONNECT`
        in `errors`; what was written before that is in `written`, so that it can be taken back.
        """
        if not result.succeeded or not result.chunks:
            return result
        started = time.monotonic()
        ids: list[str] = []
        dimension = 0
        error: IngestError | None = None
        for first in range(0, len(result.chunks), self._batch_size):
            batch = result.chunks[first : first + self._batch_size]
            vectors = self._embed(batch)
            error = vectors if isinstance(vectors, IngestError) else self._upsert(result, batch, vectors)
            if isinstance(vectors, IngestError) or error is not None:
                break
            ids.extend(chunk.id for chunk in batch)
            dimension = len(vectors[0])
        stage = EmbedStageResult(
            texts_embedded=len(ids),
            embedding_dimension=dimension,
            embed_duration_seconds=time.monotonic() - started,
        )
        written = result.written.model_copy(
            update={"vector_point_ids": ids, "vector_collection": self._collection if ids else None}
        )
        update: dict[str, Any] = {"embed_result": stage, "written": written}
        if error is not None:
            update["errors"] = [*result.errors, error.code.value]
            update["error_details"] = [*result.error_details, error]
        return result.model_copy(update=update)

    def _embed(self, chunks: list[Chunk]) -> list[list[float]] | IngestError:
        try:
            vectors = self._embedder.embed([chunk.text for chunk in chunks])
        except Exception as error:  # noqa: BLE001 - a foreign sink may raise anything
            return _sink_error(ErrorCode.E_BACKEND_EMBED_CONNECT, "embedder", error)
        if len(vectors) != len(chunks) or len({len(vector) for vector in vectors}) != 1:
            mismatch = ValueError(f"{len(vectors)} vectors for {len(chunks)} texts, or not all of one length")
            return _sink_error(ErrorCode.E_BACKEND_EMBED_CONNECT, "embedder", mismatch)
        return vectors

    def _upsert(
        self, result: ProcessingResult, chunks: list[Chunk], vectors: list[list[float]]
    ) -> IngestError | None:
        payloads = [_payload(result, chunk) for chunk in chunks]
        try:
            self._store.upsert(self._collection, [chunk.id for chunk in chunks], vectors, payloads)
        except Exception as error:  # noqa: BLE001 - a foreign sink may raise anything
            return _sink_error(ErrorCode.E_BACKEND_VECTOR_CONNECT, "vector store", error)
        return None


def _payload(result: ProcessingResult, chunk: Chunk) -> dict[str, Any]:
    identity = {
        "file_path": result.file_path,
        "ingest_key": result.ingest_key,
        "tenant_id": result.tenant_id,
    }
    return {**identity, **chunk.model_dump(mode="json", exclude={"id"})}


def _sink_error(code: ErrorCode, sink: str, error: Exception) -> IngestError:
    # The type only: a sink's message may quote the text that it was given.
    text = f"the {sink} failed with {type(error).__name__}; the result itself is complete"
    return IngestError(code=code, message=text, stage="sink", recoverable=True)
