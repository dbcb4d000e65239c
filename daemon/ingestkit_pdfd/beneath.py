"""Opening a file that a stranger has named, beneath the folders that the operator allows.

The path is resolved first and then opened step by step from the root's own descriptor, following no symbolic
link: what was resolved before somebody swapped a folder for a link to elsewhere does not open. That is what
`openat2` with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS does in one call, here on every kernel and beneath every
seccomp filter; there is no ".." left in a resolved path.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ingestkit_pdf.execution.failure import FailureReason, SourceError

__all__ = ["open_beneath"]

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_KERNEL_FILE_SYSTEMS = frozenset(
    {
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0xCAFE4A11,  # bpf
    }
)
"""Where a regular file is a question to the kernel: /proc/self/environ is one. Values of statfs(2)."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class _StatFs(ctypes.Structure):
    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_char * 512))


def open_beneath(path: str, roots: Sequence[Path]) -> int:
    """Open a regular file that lies beneath one of `roots` once symbolic links are resolved, to read it.

    Links may lead anywhere beneath any of the roots. Nothing but the regular file itself is opened: no
    device, no FIFO, nothing of /proc.

    Returns:
        A descriptor, for the caller to close.

    Raises:
        SourceError: `SOURCE_FORBIDDEN` when it lies elsewhere, is not a regular file, or there are no
            roots; `SOURCE_UNAVAILABLE` when it is not there or cannot be read (yet).
    """
    if not roots:
        raise _forbidden("this daemon takes inline documents only: no allowed_roots are configured")
    if not path.startswith("/") or "\0" in path:
        raise _forbidden("the document's path is not absolute")
    try:
        real = os.path.realpath(path)
        root = next((root for root in map(os.path.realpath, roots) if Path(real).is_relative_to(root)), None)
        # The answer for a path outside must not tell what exists there, so the roots come first.
        if root is None:
            raise _forbidden("the document's path lies outside the allowed roots")
        return _open(root, Path(real).relative_to(root).parts)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "open failed"
        raise SourceError(FailureReason.SOURCE_UNAVAILABLE, f"cannot open the document: {reason}") from error


def _open(root: str, steps: Sequence[str]) -> int:
    handle = os.open(root, _STEP | os.O_DIRECTORY)
    try:
        for step in steps:
            handle, left = os.open(step, _STEP, dir_fd=handle), handle
            os.close(left)
        if not stat.S_ISREG(os.fstat(handle).st_mode) or _file_system(handle) in _KERNEL_FILE_SYSTEMS:
            raise _forbidden("the document is not a regular file")
        # The very file that was looked at; a descriptor made with O_PATH cannot be read.
        return os.open(f"/proc/self/fd/{handle}", _READ)
    finally:
        os.close(handle)


def _file_system(handle: int) -> int:
    """The type of the file system, as statfs(2) numbers them."""
    found = _StatFs()
    if _LIBC.fstatfs(handle, ctypes.byref(found)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(found.f_type) & 0xFFFFFFFF


def _forbidden(message: str) -> SourceError:
    return SourceError(FailureReason.SOURCE_FORBIDDEN, message)
