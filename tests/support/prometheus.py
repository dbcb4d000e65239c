"""A Prometheus of a test's own, and RabbitMQ's plugin for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from demo.broker import PrivateBroker
from demo.node import free_ports
from support.waiting import until
from support.web import get

__all__ = ["Prometheus", "export_queues", "prometheus"]


class Prometheus:
    """A server that runs, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str) -> Any:
        """The `data` of an answer of its API."""
        status, body = get(f"{self._url}/api/v1/{path}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now."""
        series: list[dict[str, Any]] = self.ask(f"query?query={quote(expression)}")["result"]
        return series

    def is_up(self) -> bool:
        """Whether it answers yet."""
        try:
            return get(f"{self._url}/-/ready")[0] == 200
        except OSError:
            return False


@contextmanager
def prometheus(
    folder: Path, config: Path, targets: dict[str, str], *, interval: str = "1s"
) -> Iterator[Prometheus]:
    """Run Prometheus with this configuration file, and other targets (`host:port` by scrape job) in it."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    values["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    values["rule_files"] = [str(config.parent / name) for name in values["rule_files"]]
    for job in values["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    (port,) = free_ports(1)
    log = (folder / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        server = Prometheus(port)
        until(lambda: server.is_up() or process.poll() is not None, timeout=30)
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        yield server
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def export_queues(broker: PrivateBroker) -> int:
    """Start RabbitMQ's plugin in a node that runs; the port it listens on."""
    (port,) = free_ports(1)
    place = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    broker.ctl(
        "eval",
        "application:stop(rabbitmq_prometheus), application:load(rabbitmq_prometheus), "
        f"application:set_env(rabbitmq_prometheus, tcp_config, {place}), "
        "{ok, _} = application:ensure_all_started(rabbitmq_prometheus).",
    )
    return port
