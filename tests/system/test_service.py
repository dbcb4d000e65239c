"""The installed service in a real systemd. The tests build on each other, from installing to removing."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ingestkit_pdf import PDFProcessorConfig, ProcessingResult
from ingestkit_pdf.models import IngestionMethod
from support.documents import text_pdf
from support.installed import UNIT, Site
from support.machine import Machine, MachineError

pytestmark = pytest.mark.broker

CONFIG = "/etc/ingestkit-pdfd/config.toml"
WATCHDOG = 3.0
IS_SHORT = os.environ.get("INGESTKIT_SYSTEM_TESTS") == "short"
BROKER_AWAY = 15.0 if IS_SHORT else 60.0
left_out_of_the_short_form = pytest.mark.skipif(
    IS_SHORT, reason="takes most of a minute: not in the short form"
)
LOAD = 60
LOAD_IN_LINE = 12

_IGNORED = re.compile(
    r"^/(proc|sys|dev|run|tmp|src|wheels)(/|$)"
    r"|^/var/(log|cache|tmp|lib/systemd)(/|$)|/__pycache__(/|$)"
    r"|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$"
)


def files(machine: Machine) -> set[str]:
    """Every path of the machine that is to stay as it was."""
    listed = machine.run("find", "/", "-xdev").stdout.splitlines()
    return {path for path in listed if not _IGNORED.search(path)}


@pytest.fixture(scope="module")
def before(machine: Machine) -> set[str]:
    """What was there before the first installation."""
    return files(machine)


@pytest.fixture
def running(site: Site) -> Site:
    """The service, up; started again where the test before has left it down."""
    site.broker.start()
    site.daemon.machine.run("systemctl", "reset-failed", UNIT, check=False)
    site.daemon.systemctl("start")
    return site


def seccomp_filters(pid: int) -> int:
    """How many system call filters a process has upon it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("Seccomp_filters:")[2].split()[0])


def test_a_dry_run_changes_nothing(site: Site, before: set[str]) -> None:
    """Otherwise nobody could look first."""
    said = site.daemon.install("/src/first", "--dry-run")
    assert "would run" in said
    assert files(site.daemon.machine) == before


def test_it_installs_and_a_second_time_changes_nothing(site: Site) -> None:
    """Otherwise an operator could not run it from configuration management."""
    site.daemon.install("/src/first")
    installed = files(site.daemon.machine)
    said = site.daemon.install("/src/first")
    assert "installed already" in said
    assert "Using" not in said
    assert files(site.daemon.machine) == installed


def test_two_at_a_time_are_refused(site: Site) -> None:
    """Otherwise configuration management and an operator would change the link under each other."""
    machine = site.daemon.machine
    lock = ("flock", "/run/ingestkit-pdf-install.lock")
    done = machine.run(*lock, "/src/first/deploy/install.sh", "--wheels", "/wheels", check=False)
    assert done.returncode == 1
    assert "another one is at work" in done.stderr


def test_systemd_finds_nothing_to_say_about_the_units(site: Site) -> None:
    """Otherwise a directive would be misspelt, and silently without effect."""
    done = site.daemon.machine.run(
        "systemd-analyze", "verify", "ingestkit-pdfd.service", "ingestkit-pdfd@lane.service", check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_starts_processes_and_tells_the_rate(site: Site) -> None:
    """Otherwise the service would not do what it is there for, under the hardening of its unit."""
    daemon = site.daemon
    daemon.settings(workers=2, sandbox="required", drain_timeout=20, retry_attempts={"crashed": 1})
    daemon.credential(site.url)
    daemon.drop_in("test", f"WatchdogSec={WATCHDOG:g}s", "RestartSec=200ms", "MemorySwapMax=0")
    daemon.systemctl("start")
    assert daemon.state == "active (running)"
    results = site.process(*site.samples)
    assert [Path(result.file_path) for result in results] == site.samples
    unreadable = {"corrupt", "encrypted"}
    assert {Path(result.file_path).stem for result in results if result.errors} == unreadable
    assert {Path(result.file_path).stem for result in results if not result.markdown} == unreadable
    (scan,) = (result for result in results if Path(result.file_path).stem == "scan")
    assert scan.ingestion_method is IngestionMethod.OCR_PIPELINE
    answered = f"{len(site.samples)} documents answered"
    daemon.await_true(answered, lambda: answered in daemon.show("StatusText"), seconds=10)
    assert re.search(r"\d+\.\d a minute", daemon.machine.run("systemctl", "status", UNIT).stdout)


def test_a_reload_changes_settings_without_a_pause_and_refuses_wrong_ones(running: Site) -> None:
    """Otherwise every change of a limit would be a restart, and a typing mistake an outage."""
    daemon = running.daemon
    kept = daemon.machine.run("cat", CONFIG).stdout
    pid = daemon.show("MainPID")
    daemon.machine.write(CONFIG, kept + 'log_levels = { pool = "error" }\n')
    daemon.systemctl("reload")
    daemon.await_true("the settings are loaded", lambda: bool(daemon.events("settings_reloaded")))
    daemon.machine.write(CONFIG, kept + "log_lewel = 3\n")
    refused = daemon.machine.run("systemctl", "reload", UNIT, check=False)
    assert refused.returncode != 0
    daemon.await_true("the settings are refused", lambda: bool(daemon.events("reload_refused")))
    assert "did you mean 'log_level'" in daemon.machine.journal(UNIT)
    assert (daemon.state, daemon.show("MainPID")) == ("active (running)", pid)
    assert running.process(running.samples[0])[0].markdown
    daemon.machine.write(CONFIG, kept)


def test_a_reload_sees_the_credentials(running: Site) -> None:
    """Otherwise it would refuse settings that are right, or let pass what is wrong only with them."""
    daemon = running.daemon
    kept = daemon.machine.run("cat", CONFIG).stdout
    daemon.drop_in("credential", "SetCredential=delivery_timeout:100000")
    daemon.machine.write(
        CONFIG, kept + "document_timeout = 1000\n"
    )  # too long for the default delivery_timeout
    daemon.systemctl("restart")
    daemon.systemctl("reload")
    daemon.machine.write(CONFIG, kept)
    daemon.drop_in("credential")
    daemon.systemctl("restart")


def test_the_unit_can_run_check_as_it_sees_the_world(running: Site) -> None:
    """Otherwise nobody could look for what keeps the service from working, as docs/how-to/install.md says."""
    daemon = running.daemon
    guide = (Path(__file__).parents[2] / "docs/how-to/install.md").read_text()
    (shown,) = re.findall(r"```sh\n(sudo mkdir -p /run/systemd/.*?)journalctl", guide, re.DOTALL)
    daemon.machine.run("sh", "-ec", shown.replace("sudo ", ""))
    said = daemon.machine.journal(UNIT)
    assert re.search(rf"^ok    broker .*{urlsplit(running.url).port}", said, re.MULTILINE)
    assert "ok    sandbox of the workers (required)" in said
    daemon.machine.run("rm", "-r", f"/run/systemd/system/{UNIT}.d")
    daemon.machine.run("systemctl", "daemon-reload")


def test_the_same_credential_again_restarts_nothing(running: Site) -> None:
    """Otherwise every run of configuration management would drain the service."""
    daemon = running.daemon
    daemon.machine.run("install", "-m", "600", "/dev/stdin", "/root/url", text=running.url)
    daemon.credential(running.url)
    daemon.systemctl("restart")
    pid = daemon.show("MainPID")
    said = daemon.install("/src/first", "--amqp-url-file", "/root/url")
    daemon.machine.run("rm", "/root/url")
    assert "Restarting" not in said
    assert daemon.show("MainPID") == pid


def test_the_workers_are_confined_within_the_unit(running: Site) -> None:
    """Otherwise the unit's own system call filter would have left them without a sandbox."""
    (daemon,) = running.daemon.processes("ingestkit-pdfd")
    workers = running.daemon.processes("ingestkit-work")
    assert len(workers) == 2
    assert [seccomp_filters(worker.pid) for worker in workers] == 2 * [seccomp_filters(daemon.pid) + 1]
    assert running.daemon.events("sandbox_incomplete") == []


def test_a_stop_under_load_drains(running: Site) -> None:
    """Otherwise every restart would throw work away, or lose it."""
    daemon = running.daemon
    large = next(path for path in running.samples if path.stem == "handbook")
    with running.producer() as producer:
        jobs = [producer.submit(str(large), PDFProcessorConfig()) for _ in range(LOAD)]
        producer.get_result(jobs[0], timeout=30)
        daemon.systemctl("stop")
        assert daemon.machine.show(UNIT, "Result", "ActiveState") == {
            "Result": "success",
            "ActiveState": "inactive",
        }
        drained = daemon.events("daemon_drained")
        assert drained[-1]["left"] == 0
        assert daemon.processes() == []
        daemon.systemctl("start")
        results = [producer.get_result(job, timeout=60) for job in jobs]
    assert all(result.markdown for result in results)


def test_a_daemon_that_hangs_is_started_again(running: Site) -> None:
    """Otherwise one that is stuck would hold its jobs until somebody looks."""
    daemon = running.daemon
    restarts = int(daemon.show("NRestarts"))
    daemon.processes("ingestkit-pdfd")[0].send_signal(signal.SIGSTOP)
    daemon.await_true("a restart", lambda: int(daemon.show("NRestarts")) > restarts, seconds=30)
    daemon.await_true("up again", lambda: daemon.state == "active (running)")
    assert "Watchdog timeout" in daemon.machine.journal(UNIT)
    assert running.process(running.samples[0])[0].markdown


def test_a_worker_over_the_memory_of_the_unit_is_killed_alone(running: Site, tmp_path: Path) -> None:
    """Otherwise one bad document would stop the service for everybody."""
    daemon = running.daemon
    hungry = tmp_path / "hungry.pdf"
    hungry.write_bytes(text_pdf("\n".join("memory " * 12 for _ in range(60_000))))
    daemon.drop_in("memory", "MemoryMax=180M")
    daemon.systemctl("restart")
    daemon_pid = daemon.show("MainPID")
    (result,) = running.process(hungry)
    assert result.errors == ["E_EXECUTION_CRASHED"]
    assert "SIGKILL" in result.error_details[0].message
    assert daemon.show("MainPID") == daemon_pid
    assert running.process(running.samples[0])[0].markdown
    daemon.drop_in("memory")
    daemon.systemctl("restart")


def test_a_broker_that_is_away_neither_kills_nor_restarts_the_unit(running: Site) -> None:
    """Otherwise every outage of the broker would become one of the daemons."""
    daemon = running.daemon
    before = daemon.machine.show(UNIT, "MainPID", "NRestarts")
    running.broker.kill()
    away = time.monotonic()
    daemon.await_true("it says so", lambda: "waiting for the broker" in daemon.show("StatusText"))
    while time.monotonic() < away + BROKER_AWAY:
        assert daemon.state == "active (running)"
        time.sleep(1)
    running.broker.start()
    daemon.await_true("consuming again", lambda: daemon.show("StatusText").startswith("consuming"))
    assert daemon.machine.show(UNIT, "MainPID", "NRestarts") == before
    warnings = daemon.machine.run(
        "journalctl", "--quiet", "-o", "cat", "-p", "warning", f"--unit={UNIT}"
    ).stdout
    assert '"event": "broker_lost"' in warnings
    assert '"event": "daemon_ready"' not in warnings
    assert running.process(running.samples[0])[0].markdown


@left_out_of_the_short_form
def test_a_start_waits_for_a_broker_that_is_away(running: Site) -> None:
    """Otherwise a host that boots before its broker would need a hand."""
    daemon = running.daemon
    daemon.drop_in("start", "TimeoutStartSec=12s")
    daemon.systemctl("stop")
    running.broker.kill()
    daemon.systemctl("start", "--no-block")
    deadline = time.monotonic() + 18
    while time.monotonic() < deadline:
        assert daemon.state in {"activating (start)", "inactive (dead)"}
        time.sleep(0.5)
    assert daemon.show("NRestarts") == "0"
    running.broker.start()
    daemon.await_true("up", lambda: daemon.state == "active (running)")
    daemon.drop_in("start")


def test_a_wrong_password_fails_the_unit_and_says_why(running: Site) -> None:
    """Otherwise the unit would be tried for ever, with the reason buried in its log."""
    daemon = running.daemon
    daemon.systemctl("stop")
    daemon.credential(running.url.replace("@", "x@"))
    done = daemon.machine.run("systemctl", "start", UNIT, check=False)
    assert done.returncode != 0
    assert daemon.state == "failed (failed)"
    assert daemon.show("ExecMainStatus") == "3"
    assert "ACCESS_REFUSED" in daemon.show("StatusText")
    assert daemon.show("NRestarts") == "0"
    daemon.credential(running.url)


def test_wrong_settings_fail_the_unit_and_say_why(running: Site) -> None:
    """Otherwise a typing mistake would be a restart loop."""
    daemon = running.daemon
    daemon.systemctl("stop")
    kept = daemon.machine.run("cat", CONFIG).stdout
    daemon.settings(worker=2)
    assert daemon.machine.run("systemctl", "start", UNIT, check=False).returncode != 0
    assert daemon.show("ExecMainStatus") == "2"
    assert "'workers'" in daemon.machine.journal(UNIT)
    daemon.machine.write(CONFIG, kept)


def current_release(site: Site) -> str:
    return site.daemon.machine.run("readlink", "/opt/ingestkit-pdf/current").stdout


def test_an_upgrade_that_would_refuse_the_settings_changes_nothing(running: Site) -> None:
    """Otherwise the service would be down, with its old version gone, over a setting that was renamed."""
    daemon = running.daemon
    kept = daemon.machine.run("cat", CONFIG).stdout
    before = (daemon.show("MainPID"), current_release(running))
    daemon.machine.write(CONFIG, kept + "log_lewel = 3\n")
    with pytest.raises(MachineError, match="does not take the settings of ingestkit-pdfd"):
        daemon.install("/src/second")
    assert (daemon.show("MainPID"), current_release(running)) == before
    daemon.machine.write(CONFIG, kept)


def test_an_upgrade_that_does_not_come_up_is_taken_back(running: Site) -> None:
    """Otherwise a version that the broker refuses would leave the host without a daemon."""
    daemon = running.daemon
    before = current_release(running)
    with pytest.raises(MachineError, match="is in use again"):
        daemon.install("/src/third")
    assert current_release(running) == before
    assert daemon.state == "active (running)"
    assert running.process(running.samples[0])[0].markdown


@left_out_of_the_short_form
def test_an_interrupted_run_is_finished_by_the_next_though_the_broker_is_away(running: Site) -> None:
    """Otherwise what runs would stay the old version unseen, or an outage count as a bad upgrade."""
    daemon = running.daemon
    pid = daemon.show("MainPID")
    daemon.machine.run("touch", "/opt/ingestkit-pdf/.restart-pending")
    running.broker.kill()
    assert "waiting for the broker" in daemon.install("/src/first")
    running.broker.start()
    daemon.await_true("up", lambda: daemon.state == "active (running)")
    assert daemon.show("MainPID") != pid
    assert "Restarting" not in daemon.install("/src/first")


def test_an_upgrade_under_load_keeps_the_settings_and_loses_no_job(running: Site) -> None:
    """Otherwise upgrades would have to wait for an empty queue."""
    daemon = running.daemon
    settings = daemon.machine.run("cat", CONFIG).stdout
    upgraded = threading.Event()
    jobs: list[str] = []
    results: list[ProcessingResult] = []
    with running.producer() as producer:

        def submit_all_the_time() -> None:
            """A few jobs in line at every moment: the restart meets some that run and some that wait."""
            while not upgraded.is_set():
                jobs.append(producer.submit(str(running.samples[0]), PDFProcessorConfig()))
                if len(jobs) - len(results) > LOAD_IN_LINE:
                    results.append(producer.get_result(jobs[len(results)], timeout=120))

        with ThreadPoolExecutor(max_workers=1) as threads:
            submitting = threads.submit(submit_all_the_time)
            try:
                daemon.install("/src/second")
            finally:
                upgraded.set()
            submitting.result()
        results += [producer.get_result(job, timeout=60) for job in jobs[len(results) :]]
    assert len(results) == len(jobs)
    assert all(result.markdown for result in results)
    (drained,) = daemon.events("daemon_draining")[-1:]
    assert drained["running"] + drained["waiting"] > 0
    assert "version 9." in daemon.machine.run("ingestkit-pdfd", "--version").stdout
    assert daemon.machine.run("cat", CONFIG).stdout == settings
    assert daemon.state == "active (running)"
    assert "/releases/9." in daemon.machine.run("readlink", "/opt/ingestkit-pdf/current").stdout


def test_an_instance_of_the_template_runs_beside_it(running: Site) -> None:
    """Otherwise lanes could not have daemons of their own on one host."""
    machine = running.daemon.machine
    machine.write("/etc/ingestkit-pdfd/second.toml", 'workers = 1\nlanes = ["second"]\n')
    path = "/etc/ingestkit-pdfd/credentials/second.amqp_url"
    machine.run("install", "-m", "600", "/dev/stdin", path, text=running.url)
    machine.run("systemctl", "start", "ingestkit-pdfd@second")
    shown = machine.show("ingestkit-pdfd@second", "StatusText")["StatusText"]
    assert shown.startswith("consuming second")
    slices = {machine.show(unit, "Slice")["Slice"] for unit in (UNIT, "ingestkit-pdfd@second.service")}
    assert slices == {"system-ingestkit.slice"}
    assert machine.show("system-ingestkit.slice", "MemoryMax")["MemoryMax"].isdecimal()


def test_the_password_is_nowhere_to_be_seen(running: Site) -> None:
    """Otherwise every user of the host could read it."""
    machine = running.daemon.machine
    password = running.url.split(":")[2].split("@")[0]
    for process in machine.processes():
        assert password not in " ".join(process.cmdline())
        assert password not in str(process.environ())
    assert password not in machine.journal(UNIT)
    assert password not in machine.run("systemctl", "show", UNIT).stdout
    assert password not in machine.run("systemctl", "status", UNIT).stdout


def test_uninstalling_keeps_the_settings_and_purging_leaves_nothing(running: Site, before: set[str]) -> None:
    """Otherwise a host would be littered with what nobody dares to remove."""
    daemon = running.daemon
    machine = daemon.machine
    machine.run("systemctl", "set-property", UNIT, "CPUWeight=50")
    machine.run("systemctl", "mask", "ingestkit-pdfd@masked")
    machine.write("/etc/credstore.encrypted/amqp_url", "sealed")
    said = machine.run("/src/second/deploy/install.sh", "uninstall").stdout
    for kept in (
        f"system.control/{UNIT}.d",
        "ingestkit-pdfd@masked.service",
        "/etc/credstore.encrypted/amqp_url",
    ):
        assert f"{kept} is kept" in said
    assert daemon.show("LoadState") == "not-found"
    left = files(machine) - before
    assert {path.split("/")[2] for path in left if path.startswith("/etc/")} <= {
        "credstore.encrypted",
        "ingestkit-pdfd",
        "systemd",
    }
    assert not [path for path in left if not path.startswith("/etc/")]
    machine.run("/src/second/deploy/install.sh", "uninstall", "--purge")
    machine.run("rm", "/etc/credstore.encrypted/amqp_url")
    if "/etc/credstore.encrypted" not in before:
        machine.run("rmdir", "/etc/credstore.encrypted")
    assert files(machine) == before
    assert machine.run("getent", "passwd", "ingestkit-pdf", check=False).returncode != 0
