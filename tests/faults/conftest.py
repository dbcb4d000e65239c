"""A producer under load, and the books it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from support.documents import text_pdf
from support.ledger import Ledger


@pytest.fixture
def open_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ledger]]:
    """Makes a ledger whose client connects to a URL; its document has `pages` pages of text."""
    with ExitStack() as stack:

        def make(url: str, *, pages: int = 10, submit_timeout: float = 120) -> Ledger:
            document: Path = tmp_path_factory.mktemp("documents") / "document.pdf"
            page = "\n".join(f"Line {number} of a page with some words on it." for number in range(50))
            document.write_bytes(text_pdf(*[page] * pages))
            backend = stack.enter_context(DistributedExecutionBackend(url, submit_timeout=submit_timeout))
            return Ledger(backend, document, PDFProcessorConfig())

        yield make
