"""The daemon as install.sh installs it, in a machine with a systemd of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig, ProcessingResult

from .machine import Machine, MachineError, cache_folder

__all__ = ["UNIT", "InstalledDaemon", "Site", "copy_sources", "wheel_folder"]

UNIT = "ingestkit-pdfd.service"
_PARTS = ("backends", "daemon", "systemd", "deploy", "requirements")
_FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
_MACHINE_PYTHON = "3.11"


def copy_sources(root: Path, target: Path) -> Path:
    """What an operator has who unpacked the project: its files, and nothing that was built."""
    target.mkdir(parents=True)
    for part in _PARTS:
        shutil.copytree(root / part, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for file in _FILES:
        shutil.copy(root / file, target / file)
    return target


def wheel_folder(root: Path) -> Path:
    """A folder with every pinned package, for the machine's Python; kept in the cache."""
    pins = [root / "requirements" / name for name in ("build.txt", "runtime.txt")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()[:12]
    folder = cache_folder() / f"wheels-{digest}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
        command += [f"--python-version={_MACHINE_PYTHON}", "--only-binary=:all:", f"--dest={partial}"]
        subprocess.run([*command, *(f"--requirement={path}" for path in pins)], check=True, timeout=300)
        partial.rename(folder)
    return folder


class InstalledDaemon:
    """The unit in its machine.

    Args:
        machine: A booted machine.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def install(self, source: str, *arguments: str) -> str:
        """Run install.sh of a source folder with the packages of /wheels; what it printed."""
        command = [f"{source}/deploy/install.sh", "install", "--wheels", "/wheels", *arguments]
        return self.machine.run(*command, timeout=300).stdout

    def settings(self, **values: Any) -> None:
        """Write the configuration."""
        lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
        self.machine.write("/etc/ingestkit-pdfd/config.toml", "\n".join(lines) + "\n")

    def credential(self, url: str) -> None:
        """Write the broker's URL as root's file."""
        path = "/etc/ingestkit-pdfd/credentials/amqp_url"
        self.machine.run("install", "-m", "600", "/dev/stdin", path, text=url)

    def drop_in(self, name: str, *lines: str) -> None:
        """Change the unit as `systemctl edit` does; without lines, take the change back."""
        path = f"/etc/systemd/system/{UNIT}.d/{name}.conf"
        if lines:
            self.machine.write(path, "[Service]\n" + "\n".join(lines) + "\n")
        else:
            self.machine.run("rm", "-f", path)
        self.machine.run("systemctl", "daemon-reload")

    def systemctl(self, verb: str, *arguments: str, timeout: float = 90.0) -> None:
        """`systemctl VERB … UNIT`; a failure shows the unit's journal."""
        try:
            self.machine.run("systemctl", verb, *arguments, UNIT, timeout=timeout)
        except MachineError as error:
            raise AssertionError(f"{error}\n{self._journal_tail()}") from error

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.machine.show(UNIT, name)[name]

    @property
    def state(self) -> str:
        """Active state and substate, as in `active (running)`."""
        shown = self.machine.show(UNIT, "ActiveState", "SubState")
        return f"{shown['ActiveState']} ({shown['SubState']})"

    def await_true(self, what: str, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Look until it is so; else fail with the unit's journal."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                state = f"the unit is {self.state}\n{self._journal_tail()}"
                raise AssertionError(f"not within {seconds:g} s: {what}; {state}")
            time.sleep(0.1)

    def _journal_tail(self) -> str:
        return "\n".join(self.machine.journal(UNIT).splitlines()[-30:])

    def events(self, name: str) -> list[dict[str, Any]]:
        """The daemon's log lines of one event, from the journal."""
        lines = []
        for line in self.machine.journal(UNIT).splitlines():
            if line.startswith("{") and (fields := json.loads(line)).get("event") == name:
                lines.append(fields)
        return lines

    def processes(self, name: str = "ingestkit-") -> list[psutil.Process]:
        """The daemon (`ingestkit-pdfd`), fork server (`-fork`), workers (`-work`), as the host sees them."""
        return [process for process in self.machine.processes() if process.name().startswith(name)]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


@dataclass
class Site:
    """A broker on the host, the daemon in its machine, and a producer."""

    broker: PrivateBroker
    url: str
    daemon: InstalledDaemon
    samples: list[Path]

    def producer(self) -> DistributedExecutionBackend:
        """A client of the broker."""
        return DistributedExecutionBackend(self.url)

    def process(self, *paths: Path, timeout: float = 60.0) -> list[ProcessingResult]:
        """Send documents through the daemon; their results in order."""
        with self.producer() as producer:
            jobs = [producer.submit(str(path), PDFProcessorConfig()) for path in paths]
            return [producer.get_result(job, timeout=timeout) for job in jobs]
