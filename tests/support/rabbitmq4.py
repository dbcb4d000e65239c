"""RabbitMQ 4 from a tree of Debian 13, as the commands that a private broker runs.

The tree is made once with debootstrap and kept in the user's cache. Its commands see the host's processes,
devices, network and temporary files, and else only what is in the tree. Needs root and `debootstrap`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from demo.node import Program
from support.machine import debian_tree

__all__ = ["RABBITMQ_VARIABLE", "missing_for_rabbitmq4", "rabbitmq4_or_skip", "rabbitmq4_program"]

RABBITMQ_VARIABLE = "INGESTKIT_TEST_RABBITMQ"
"""With the value 4, tests run on RabbitMQ 4 instead of the one that is installed."""

_SUITE = "trixie"
_PACKAGES = "rabbitmq-server"

# Each step replaces the one before it, so that the process id stays that of what runs in the end.
_SCRIPT = """#!/bin/sh
exec unshare --mount --propagation private sh -c '
mount -t proc proc {tree}/proc && mount --rbind /dev {tree}/dev && mount --rbind /sys {tree}/sys &&
mount --rbind {temporary} {tree}/tmp && cd / && exec chroot {tree} "$0" "$@"' {command} "$@"
"""


def missing_for_rabbitmq4() -> str | None:
    """What this host lacks to run RabbitMQ 4, in words; None when nothing."""
    if os.geteuid() != 0:
        return "RabbitMQ 4 in a tree of its own needs root"
    missing = [name for name in ("debootstrap", "unshare", "chroot") if shutil.which(name) is None]
    return f"{', '.join(missing)} not found: apt-get install debootstrap" if missing else None


def rabbitmq4_program(folder: Path) -> Program:
    """Write the commands into `folder`; they run the broker of the tree, which is made on first use.

    Raises:
        MachineError: The tree cannot be made, and why.
    """
    tree = debian_tree(_SUITE, _PACKAGES)

    def script(name: str, command: str) -> Path:
        path = folder / name
        path.write_text(_SCRIPT.format(tree=tree, temporary=tempfile.gettempdir(), command=command))
        path.chmod(0o755)
        return path

    return Program(
        server=script("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server"),
        ctl=script("rabbitmqctl", "/usr/lib/rabbitmq/bin/rabbitmqctl"),
        epmd=script("epmd", "/usr/bin/epmd"),
    )


def rabbitmq4_or_skip(folder: Path) -> Program:
    """The same; a test that asks for it is skipped where it cannot be had."""
    if (lack := missing_for_rabbitmq4()) is not None:
        pytest.skip(lack)
    return rabbitmq4_program(folder)
