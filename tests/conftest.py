"""Fixtures that every test may ask for: a private broker, a virtual host of one's own, the corpus."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from support.rabbitmq4 import RABBITMQ_VARIABLE, rabbitmq4_or_skip

CORPUS_VARIABLE = "INGESTKIT_CORPUS"

# Beside the other caches.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).parents[1] / ".cache" / "hypothesis")
)

# A shell may have this process ignore it, as some do in the background, and its children would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """One RabbitMQ node for the whole session; who kills it brings it back with `start`.

    The one that is installed, or with INGESTKIT_TEST_RABBITMQ=4 one of version 4.
    """
    program = None
    if os.environ.get(RABBITMQ_VARIABLE) == "4":
        program = rabbitmq4_or_skip(tmp_path_factory.mktemp("rabbitmq4"))
    with PrivateBroker(program=program) as node:
        yield node


@pytest.fixture
def amqp_url(broker: PrivateBroker) -> Iterator[str]:
    """AMQP URL of an empty virtual host that only this test uses."""
    broker.start()  # an earlier test may have left it down
    url = broker.create_vhost()
    yield url
    broker.start()
    broker.delete_vhost(url)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real documents; a test that needs it is skipped where there is none."""
    folder = os.environ.get(CORPUS_VARIABLE)
    if not folder:
        pytest.skip(f"{CORPUS_VARIABLE} is not set: no folder of real documents to test with")
    if not Path(folder).is_dir():
        pytest.fail(f"{CORPUS_VARIABLE}={folder} is not a folder")
    return Path(folder)
