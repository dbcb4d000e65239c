"""A Debian of its own with a real systemd as process 1, in a container, for as long as a test needs it.

Its tree is made once with debootstrap and kept in the user's cache; what a machine writes is kept in
memory and gone with it. It shares the host's network, so a broker on 127.0.0.1 can be reached. Needs
root, `systemd-nspawn` and `debootstrap`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

__all__ = ["Machine", "MachineError", "cache_folder", "debian_tree", "missing_for_machines"]

_SUITE = "bookworm"
_PACKAGES = (
    "systemd,systemd-sysv,dbus,python3,python3-venv,libseccomp2,iproute2,procps,ca-certificates,"
    "tesseract-ocr-eng,tesseract-ocr-osd"
)
_MAKE_SECONDS = 900.0
_BOOT_SECONDS = 30.0
_CGROUPS = Path("/sys/fs/cgroup")
# nspawn's own filter lacks what the sandbox of the workers needs.
_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"


class MachineError(RuntimeError):
    """The machine could not be made or booted, or a command in it failed."""


def missing_for_machines() -> str | None:
    """What this host lacks to run machines, in words; None when nothing."""
    if os.geteuid() != 0:
        return "a machine with a systemd of its own needs root"
    missing = [name for name in ("systemd-nspawn", "debootstrap", "nsenter") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install systemd-container debootstrap"
    unshared = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True, check=False
    )
    if unshared.returncode != 0:  # root within a container
        return f"this root may not make namespaces: {unshared.stderr.strip()}"
    return None


def cache_folder() -> Path:
    """Where trees and packages are kept from one run to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "ingestkit-pdf-test"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def debian_tree(suite: str = _SUITE, packages: str = _PACKAGES) -> Path:
    """A tree of Debian, by default the one that machines boot from; made on first use: minutes.

    Raises:
        MachineError: It cannot be made, and why.
    """
    name = f"{suite}-{hashlib.sha256(packages.encode()).hexdigest()[:12]}"
    tree = cache_folder() / name
    with _locked(cache_folder() / f"{name}.lock"):
        if tree.exists():
            return tree
        partial = tree.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        options = ["--variant=minbase", f"--include={packages}"]
        command = ["debootstrap", *options, suite, str(partial), *_mirror()]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_MAKE_SECONDS)
        except subprocess.CalledProcessError as error:
            tail = f"{error.stdout}{error.stderr}"[-1500:]
            raise MachineError(f"debootstrap failed; the end of what it said:\n{tail}") from error
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"debootstrap took longer than {_MAKE_SECONDS:g} s") from error
        shutil.rmtree(partial / "var/cache/apt", ignore_errors=True)
        partial.rename(tree)
    return tree


def _mirror() -> list[str]:
    """Where this host has its Debian packages from; none for debootstrap's default."""
    if shutil.which("apt-get") is None:
        return []
    options = ["--format", "$(REPO_URI)", "Created-By: Packages"]
    known = subprocess.run(
        ["apt-get", "indextargets", *options], capture_output=True, text=True, check=False
    ).stdout.split()
    return [uri for uri in known if uri.rstrip("/").endswith("/debian")][:1]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Machine:
    """One booted container; a context manager.

    Args:
        tree: The root file system; not changed.
        binds: Host folder to the path at which the machine sees it, read-only.
    """

    def __init__(self, tree: Path, binds: dict[Path, str] | None = None) -> None:
        self._tree = tree
        self._binds = dict(binds or {})
        self._container: subprocess.Popen[bytes] | None = None
        self._console: IO[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Self:
        command = ["systemd-nspawn", "--quiet", f"--directory={self._tree}", "--volatile=overlay"]
        command += ["--register=no", "--keep-unit", "--link-journal=no", "--console=pipe"]
        command += [f"--system-call-filter={_LANDLOCK}"]
        command += [f"--bind-ro={host}:{inside}" for host, inside in self._binds.items()]
        command += ["--boot", "systemd.show_status=0"]
        self._console = tempfile.TemporaryFile()
        self._container = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT
        )
        try:
            self._await_boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(MachineError):
            self.run("systemctl", "poweroff", check=False)
        self._end()

    def run(
        self, *command: str, check: bool = True, timeout: float = 60.0, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine as root.

        Args:
            command: Program and arguments.
            check: Whether a failure raises.
            timeout: Seconds.
            text: Its standard input.

        Raises:
            MachineError: It failed, with what it printed; or took too long.
        """
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "--"]
        # A clean environment: what the tests are run with is not what an operator has.
        clean = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]
        try:
            done = subprocess.run(
                [*enter, *clean, *command],
                input=text or "",
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"{' '.join(command)}: longer than {timeout:g} s") from error
        if check and done.returncode != 0:
            said = f"{done.stdout}{done.stderr}"[-3000:]
            raise MachineError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        return done

    def write(self, path: str, text: str) -> None:
        """Write a file in the machine, with the folders above it."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "sh", path, text=text)

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.run("systemctl", "show", unit, f"--property={','.join(names)}").stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, unit: str) -> str:
        """What the unit, and systemd about it, wrote to the journal."""
        return (
            self.run("journalctl", "--sync", check=False).stdout
            + self.run("journalctl", "--quiet", "--no-pager", "--output=cat", f"--unit={unit}").stdout
        )

    def processes(self) -> Sequence[psutil.Process]:
        """Every process in the machine, as the host sees them."""
        return psutil.Process(self._leader).children(recursive=True)

    def _await_boot(self) -> None:
        assert self._container is not None
        deadline = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < deadline:
            if self._container.poll() is not None:
                raise MachineError(f"the machine did not boot: {self._said()}")
            if (leader := self._find_leader()) is not None:
                self._leader = leader
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in {"running", "degraded"}:
                    self._open_cgroups()
                    return
            time.sleep(0.1)
        raise MachineError(f"the machine was not up within {_BOOT_SECONDS:g} s: {self._said()}")

    def _find_leader(self) -> int | None:
        """The systemd inside: the descendant that is process 1 of its namespace."""
        assert self._container is not None
        for process in psutil.Process(self._container.pid).children(recursive=True):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
                if numbers[-1] == "1" and "Name:\tsystemd\n" in status:
                    return process.pid
        return None

    def _open_cgroups(self) -> None:
        """Where the host has cgroup v1, let the machine's systemd set limits of memory and processes."""
        for name in ("memory", "pids"):
            if (_CGROUPS / name).is_dir():
                self.run("mount", "-o", "remount,bind,rw", f"/sys/fs/cgroup/{name}")
        self.run("systemctl", "daemon-reexec")

    def _said(self) -> str:
        assert self._console is not None
        self._console.seek(0)
        return self._console.read().decode(errors="replace")[-2000:]

    def _end(self) -> None:
        assert self._container is not None
        try:
            self._container.wait(15)
        except subprocess.TimeoutExpired:
            self._container.kill()
            self._container.wait()
        if self._console is not None:
            self._console.close()
        _remove_empty_cgroups()


def _remove_empty_cgroups() -> None:
    """What nspawn leaves behind; a group that is in use cannot be removed, and is not."""
    for payload in _CGROUPS.glob("*/payload"):
        for folder, _, _ in os.walk(payload, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
