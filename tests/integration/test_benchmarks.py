"""A benchmark leaves nothing running, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo import leftovers
from support.processes import becomes_true, gone_within

pytestmark = pytest.mark.broker

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

BENCHMARK = """
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from _rig import private_broker

with private_broker(float(sys.argv[2])) as broker:
    service = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(broker.folder, service.pid, flush=True)
    time.sleep(600)
"""


def start(limit: float = 300) -> tuple[subprocess.Popen[str], Path, int]:
    """A benchmark with a service of its own; the folder of its broker, and the pid of the service."""
    command = [sys.executable, "-c", BENCHMARK, str(BENCHMARKS), str(limit)]
    benchmark = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert benchmark.stdout is not None
    with benchmark.stdout as output:
        folder, pid = output.readline().split()
    return benchmark, Path(folder), int(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_benchmark_that_is_ended_takes_its_services_along(number: signal.Signals) -> None:
    """A daemon that outlives a benchmark that `timeout` or Ctrl-C ended would slow down the next one."""
    benchmark, folder, pid = start()
    benchmark.send_signal(number)
    assert benchmark.wait(30) != 0
    assert gone_within(pid, 15)
    assert becomes_true(lambda: not leftovers.marked_processes(folder) and not folder.exists(), 15)


def test_a_benchmark_ends_at_its_limit() -> None:
    """One that hangs on a peer that answers nothing would hang for ever, and its services with it."""
    benchmark, folder, pid = start(limit=10)
    assert benchmark.wait(60) != 0
    assert gone_within(pid, 15)
    assert becomes_true(lambda: not leftovers.marked_processes(folder) and not folder.exists(), 15)
