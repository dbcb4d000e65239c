"""What the router works with, as protocols: any object with these methods will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from ingestkit_pdf.execution.protocol import ExecutionBackend

__all__ = ["EmbeddingBackend", "ExecutionBackend", "VectorStoreBackend"]


@runtime_checkable
class EmbeddingBackend(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text, in order, all of the same length.

        Any exception counts as `E_BACKEND_EMBED_CONNECT`.
        """
        ...


@runtime_checkable
class VectorStoreBackend(Protocol):
    """Keeps vectors with what belongs to them."""

    def upsert(
        self,
        collection: str,
        ids: Sequence[str],
        vectors: Sequence[Sequence[float]],
        payloads: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write points, replacing those of the same id; the four sequences go together, one entry a point.

        Any exception counts as `E_BACKEND_VECTOR_CONNECT`.
        """
        ...
