"""The Python that README and tutorial show, run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.samples import make_samples
from support.daemon import DaemonProcess

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]


def examples(document: str) -> list[str]:
    """The Python blocks of a document."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.S | re.M)


def run(code: str, folder: Path, **environment: str) -> str:
    (folder / "example.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"],
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with the sample documents where the examples look for them."""
    make_samples(tmp_path / "build/demo/samples")
    return tmp_path


@pytest.fixture
def daemon_url(amqp_url: str, tmp_path: Path) -> Iterator[str]:
    """AMQP URL of a broker with a daemon behind it."""
    staging = tmp_path / "staging"
    staging.mkdir()
    daemon = DaemonProcess(amqp_url, staging).start()
    yield amqp_url
    assert daemon.terminate() == 0


def test_the_router_of_the_readme_works_here_and_through_a_broker(daemon_url: str, workplace: Path) -> None:
    """The first code that a newcomer copies would not run, or need more than another configuration."""
    local, distributed, _ = examples("README.md")
    (setting,) = [line for line in local.splitlines() if line.startswith("config = ")]
    shutil.copy(workplace / "build/demo/samples/text.pdf", workplace / "invoice.pdf")
    shutil.copy(workplace / "build/demo/samples/corrupt.pdf", workplace / "contract.pdf")
    for code in (local, with_broker(local.replace(setting, distributed), daemon_url)):
        lines = sorted(run(code, workplace).splitlines())
        assert len(lines) == 2
        assert re.fullmatch(r"contract\.pdf: failed, E_\w+", lines[0])
        assert re.fullmatch(r"invoice\.pdf: 3 pages, \d+ chunks", lines[1])


def test_the_producer_of_the_readme(daemon_url: str, workplace: Path) -> None:
    """Who submits jobs by himself would have nothing to begin with."""
    code = with_broker(examples("README.md")[2], daemon_url)
    assert len(code.splitlines()) <= 10
    shutil.copy(workplace / "build/demo/samples/text.pdf", workplace / "invoice.pdf")
    shutil.copy(workplace / "build/demo/samples/corrupt.pdf", workplace / "contract.pdf")
    told = run(code, workplace)
    assert "['E_PARSE_CORRUPT']" in told
    assert "# " in told


def with_broker(code: str, url: str) -> str:
    """The code with the address of a broker that there is."""
    code, replaced = re.subn(r'"amqp://[^"]*"', repr(url), code)
    assert replaced == 1
    return code


def test_the_examples_of_the_tutorial(daemon_url: str, workplace: Path) -> None:
    """A reader who follows the tutorial would be stuck half-way."""
    local, remote = examples("docs/tutorial.md")
    assert "Handbook of the harbour - 40 pages" in run(local, workplace)
    assert "# Cargo handling" in run(remote, workplace, AMQP_URL=daemon_url)
