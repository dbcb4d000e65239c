"""One machine for all system tests of the service, with the daemon installed in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from demo.samples import make_samples
from support.installed import InstalledDaemon, Site, copy_sources, wheel_folder
from support.machine import Machine, debian_tree, missing_for_machines

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that sees the project, a later version, one that does not start, and what they need."""
    if (missing := missing_for_machines()) is not None:
        pytest.skip(missing)
    sources = tmp_path_factory.mktemp("sources")
    copy_sources(ROOT, sources / "first")
    second = copy_sources(ROOT, sources / "second") / "pyproject.toml"
    second.write_text(second.read_text().replace('\nversion = "', '\nversion = "9.', 1))
    third = copy_sources(ROOT, sources / "third") / "daemon/ingestkit_pdfd/cli.py"
    third.write_text(
        third.read_text().replace("    settings = _settings(config_file, options)\n", "    sys.exit(3)\n")
    )
    with Machine(debian_tree(), {sources: "/src", wheel_folder(ROOT): "/wheels"}) as booted:
        yield booted


@pytest.fixture(scope="session")
def site(machine: Machine, broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The daemon installed and configured, not started."""
    url = broker.create_vhost()
    daemon = InstalledDaemon(machine)
    return Site(broker, url, daemon, make_samples(tmp_path_factory.mktemp("samples")))
