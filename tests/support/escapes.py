"""What a document that has taken over its worker would try: a `process_fn` that tries all of it."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .hostile import result_of

__all__ = ["escape", "read_document"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_OFF_X86_64 = {"io_uring_setup": 425, "bpf": 321, "keyctl": 250, "perf_event_open": 298}


def read_document(file_path: str, config: dict[str, Any]) -> Any:
    """Read the document that was handed over, as the pipeline does."""
    with os.fdopen(os.dup(int(Path(file_path).name)), "rb") as file:
        return result_of(file_path, markdown=file.read().decode())


def escape(file_path: str, config: dict[str, Any]) -> Any:
    """Try everything of `config["tries"]` (by default all) and tell what came of it, by name."""
    tries = _tries(file_path, config)
    found = {name: _outcome(tries[name]) for name in config.get("tries", tries)}
    return result_of(file_path, markdown=json.dumps(found))


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        return f"done: {attempt()!r}"
    except AssertionError as error:
        return f"done: {error}"
    except Exception as error:  # noqa: BLE001 - however it was refused
        return f"refused: {error}"


def _tries(file_path: str, config: dict[str, Any]) -> dict[str, Callable[[], object]]:
    secret = Path(config["secret"])
    parent = os.getppid()
    return {
        "read a file": secret.read_text,
        "read a file of the system": Path("/etc/passwd").read_text,
        "read the memory of its parent": lambda: Path(f"/proc/{parent}/mem").open("rb"),
        "read the environment of its parent": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "list a folder": lambda: list(secret.parent.iterdir()),
        "open the document again, for writing": lambda: os.open(file_path, os.O_RDWR),
        "see a variable of the daemon": lambda: os.environ["INGESTKIT_PDFD_AMQP_URL"],
        "write a file": lambda: (secret.parent / "new").write_text("x"),
        "remove a file": secret.unlink,
        "rename a file": lambda: secret.rename(secret.with_suffix(".x")),
        "change rights": lambda: secret.chmod(0o777),
        "make a link": lambda: (secret.parent / "link").symlink_to("/etc"),
        "make a folder": (secret.parent / "folder").mkdir,
        "connect": lambda: socket.create_connection(("127.0.0.1", config["port"]), 5),
        "connect to a socket in the file system": lambda: _connect(socket.AF_UNIX, config["socket"]),
        "connect to an abstract socket": lambda: _connect(socket.AF_UNIX, "\0" + config["abstract"]),
        "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "make a pair of sockets": socket.socketpair,
        "start a program": lambda: subprocess.run(["/bin/true"], check=True),
        "start a program by posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "become a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": os.fork,
        "start a thread": threading.Thread(target=int).start,
        "signal its parent": lambda: os.kill(parent, 0),
        "signal through a descriptor": lambda: os.pidfd_open(parent),
        "trace its parent": lambda: _call("ptrace", 16, parent, 0, 0),
        "read from its parent": lambda: _call("process_vm_readv", parent, 0, 0, 0, 0, 0),
        "mount": lambda: _call("mount", b"none", b"/mnt", b"tmpfs", 0, 0),
        "enter a namespace": lambda: _call("unshare", 0x10000000),
        "raise its memory limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
        "change a limit of its parent": lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1)),
        **{name: _raw(number) for name, number in _OFF_X86_64.items() if os.uname().machine == "x86_64"},
    }


def _connect(family: int, address: str) -> str:
    with socket.socket(family) as end:
        end.connect(address)
        return "connected"


def _raw(number: int) -> Callable[[], object]:
    return lambda: _call("syscall", number, 0, 0, 0, 0, 0)


def _call(name: str, *arguments: object) -> int:
    result = int(getattr(_LIBC, name)(*arguments))
    if result < 0:
        code = ctypes.get_errno()
        # Only "not permitted" is the sandbox; anything else would be luck.
        if code != 1:
            raise AssertionError(f"{name} got through to errno {code}")
        raise OSError(code, os.strerror(code))
    return result
