"""What becomes of workers when the program that has them ends, in whatever way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from support.processes import gone_within

TESTS = Path(__file__).parents[2]

PROLOGUE = """
import json, os, sys, threading
sys.path.insert(0, {tests!r})
from ingestkit_pdf.execution.pool import PoolLimits, PoolTask, WorkerPool
from support.processes import parent_of

def start(act, argument=None):
    pool = WorkerPool("support.hostile:act", workers=2, limits=PoolLimits(), preload=())
    config = {{"argument": argument}}
    task = PoolTask(job_id="job", file_path="/nowhere/" + act, config=config, timeout=600)
    started = threading.Event()
    future = pool.submit(task, on_start=started.set)
    assert started.wait(30)
    workers = pool.stats().worker_pids
    return pool, future, [*workers, parent_of(workers[0])]
"""


def script(tmp_path: Path, body: str) -> list[str]:
    """A program of its own, without an `if __name__ == "__main__"`."""
    path = tmp_path / "program.py"
    path.write_text(PROLOGUE.format(tests=str(TESTS)) + textwrap.dedent(body))
    return [sys.executable, str(path)]


def test_killing_the_program_leaves_no_process_behind(tmp_path: Path) -> None:
    """If it failed, a daemon that is killed would leave workers, and what they started, running for ever."""
    note = tmp_path / "child"
    body = f"""
    os.mkfifo({str(note)!r})
    pool, future, pids = start("leave_child", {str(note)!r})
    pids.append(int(open({str(note)!r}).read()))
    print(json.dumps(pids), flush=True)
    future.result()
    """
    with subprocess.Popen(script(tmp_path, body), stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        pids = json.loads(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
        assert all(gone_within(pid, 5) for pid in pids)
        assert program.wait() == -signal.SIGKILL


def test_killing_the_program_ends_workers_that_its_other_children_know_nothing_of(tmp_path: Path) -> None:
    """If it failed, a program that forks would keep a dead parent's workers alive by its copies."""
    body = """
    pool, future, pids = start("hang")
    if os.fork() == 0:
        threading.Event().wait(600)
    print(json.dumps(pids), flush=True)
    future.result()
    """
    with subprocess.Popen(script(tmp_path, body), stdout=subprocess.PIPE, process_group=0) as program:
        assert program.stdout is not None
        pids = json.loads(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
        try:
            assert all(gone_within(pid, 5) for pid in pids)
        finally:
            os.killpg(program.pid, signal.SIGKILL)


@pytest.mark.parametrize("ending", ["", "sys.exit(0)"])
def test_a_program_that_just_ends_takes_its_workers_along(tmp_path: Path, ending: str) -> None:
    """If it failed, a script that forgets to close the pool would hang at its end, or leave workers."""
    body = f"""
    pool, future, pids = start("hang")
    print(json.dumps(pids), flush=True)
    {ending}
    """
    ended = subprocess.run(script(tmp_path, body), capture_output=True, timeout=30, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert all(gone_within(pid, 0) for pid in json.loads(ended.stdout))


def test_a_forked_copy_of_the_program_does_not_end_the_workers(tmp_path: Path) -> None:
    """If it failed, a program that forks would lose its running documents when the copy exits."""
    body = """
    pool, future, pids = start("hang")
    if os.fork() == 0:
        try:
            pool.submit(PoolTask(job_id="copy", file_path="a", config={}, timeout=1))
        except RuntimeError as error:
            print(error)
        sys.exit(0)
    os.wait()
    # A worker that is replaced: whatever the copy asked of the fork server was asked before that.
    for act in ("sigkill", "plain"):
        task = PoolTask(job_id=act, file_path="/nowhere/" + act, config={}, timeout=60)
        print(type(pool.submit(task).result()).__name__)
    print(future.done())
    """
    ended = subprocess.run(script(tmp_path, body), capture_output=True, timeout=30, text=True, check=False)
    assert ended.stdout.splitlines() == [
        "the worker pool belongs to another process; create one after forking",
        "WorkerFailure",
        "PoolResult",
        "False",
    ]


def test_what_a_worker_prints_stays_out_of_the_programs_output(tmp_path: Path) -> None:
    """If it failed, a parser's chatter would end up in the JSON that a command writes."""
    body = """
    pool, future, pids = start("noise")
    future.result()
    pool.close()
    print("the program's own")
    """
    ended = subprocess.run(script(tmp_path, body), capture_output=True, timeout=30, text=True, check=False)
    assert ended.stdout == "the program's own\n"
    assert ended.stderr.splitlines() == ["noise on standard output", "more noise"]
