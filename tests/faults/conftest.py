"""A producer under load, and the books it keeps, on the RabbitMQ that is installed and on version 4."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from demo.broker import PrivateBroker
from demo.node import Program
from ingestkit_pdf import DistributedExecutionBackend
from support.ledger import Ledger
from support.rabbitmq4 import RABBITMQ_VARIABLE, rabbitmq4_or_skip
from support.real_documents import real_documents

VERSIONS = ["4"] if os.environ.get(RABBITMQ_VARIABLE) == "4" else ["installed", "4"]


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"rabbitmq-{version}")
def rabbitmq(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program | None:
    """The commands of one version; None for the one that is installed."""
    return rabbitmq4_or_skip(tmp_path_factory.mktemp("rabbitmq4")) if request.param == "4" else None


@pytest.fixture(scope="session")
def make_broker(rabbitmq: Program | None) -> Callable[..., PrivateBroker]:
    """Makes a private broker of this version, with a configuration of its own."""
    return lambda **options: PrivateBroker(program=rabbitmq, **options)


@pytest.fixture(scope="session")
def broker(make_broker: Callable[..., PrivateBroker]) -> Iterator[PrivateBroker]:
    """One node of this version for the whole session."""
    with make_broker() as node:
        yield node


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Path, str]:
    """Documents that are read in a moment, and the Markdown they come to."""
    return real_documents(tmp_path_factory.mktemp("documents"))


@pytest.fixture
def open_ledger(documents: Mapping[Path, str]) -> Iterator[Callable[..., Ledger]]:
    """Makes a ledger whose client connects to a URL."""
    with ExitStack() as stack:

        def make(url: str, **options: Any) -> Ledger:
            options = {"submit_timeout": 120.0, "client_id": "ledger", **options}
            backend = DistributedExecutionBackend(url, **options)
            return Ledger(stack.enter_context(backend), documents)

        yield make


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Path]:
    """Where daemons stage documents; none of them leaves anything there."""
    folder = tmp_path / "staging"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == [], "files were left behind"
