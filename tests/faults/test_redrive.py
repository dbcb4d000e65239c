"""Five hundred jobs are brought back from the dead letters by a command that is killed again and again."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ingestkit_pdf.wire.topology import Topology
from support.amqp import depth
from support.daemon import DaemonProcess
from support.ledger import Ledger
from support.letters import command, start_command
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
DEAD = NAMES.dead_queue.name
REPLIES = NAMES.reply_queue("ledger").name
JOBS = 500
KILLS = 20


def test_a_redrive_that_is_killed_twenty_times_loses_and_doubles_nothing(
    amqp_url: str, open_ledger: Callable[..., Ledger], documents: Mapping[Path, str], staging: Path
) -> None:
    """Letters would vanish with the process that moves them, or their clients be answered twice."""
    ledger = open_ledger(amqp_url, inline_limit=0)
    with DaemonProcess(amqp_url, staging):  # without any allowed root
        ledger.submit(JOBS)
        until(lambda: depth(amqp_url, DEAD) == JOBS, timeout=120)
    until(lambda: depth(amqp_url, REPLIES) == 0)

    chance = random.Random(7)
    roots = sorted({str(path.parent) for path in documents})
    with DaemonProcess(amqp_url, staging, allowed_roots=roots) as daemon:
        for _ in range(KILLS):
            process = start_command(amqp_url, "dead", "redrive", "--all", "--limit", "40")
            enough = len(daemon.logged("attempt_finished")) + chance.randrange(0, 30)
            until(lambda: len(daemon.logged("attempt_finished")) >= enough or process.poll() is not None)  # noqa: B023
            time.sleep(chance.random() / 20)  # at whatever point that is
            process.kill()
            process.communicate(timeout=10)
        assert command(amqp_url, "dead", "redrive", "--all", timeout=120)[0] == 0
        answered = until(lambda: _answered(daemon) if len(_answered(daemon)) == JOBS else None, timeout=120)
        assert answered is not None
        assert max(answered.values()) == 1, "a document was read twice"
    until(lambda: depth(amqp_url, REPLIES) == 0)
    ledger.settle(timeout=60)
    ledger.assert_balanced(amqp_url)


def _answered(daemon: DaemonProcess) -> Counter[str]:
    return Counter(line["job_id"] for line in daemon.logged("attempt_finished", outcome="completed"))
