"""Takes from a worker every right that reading one document does not need.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) leaves it the Python code that it
consists of, to read; seccomp leaves it the system calls of a process that computes. The document
comes as an open file, so no path but those need ever be opened. Both are calls that any process may
make on itself, and that it cannot take back.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import resource
import sysconfig
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

from ingestkit_pdf._tessdata import tessdata_folder

__all__ = ["Sandbox", "SandboxError", "clean_environment", "code_folders", "confine", "lacking"]

_T = TypeVar("_T")

_PACKAGE = Path(__file__).parents[1]
_LIBSECCOMP = "libseccomp.so.2"
_SLACK_BYTES = 256 * 2**20
"""So much may a worker raise its own memory limit, to answer once it has run into it."""

# Numbers of system calls that are the same on every architecture of Python's.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3  # LANDLOCK_ACCESS_FS_…
_READ = _READ_FILE | _READ_DIR
_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""Everything that each version of Landlock can forbid with files, as a mask."""
_NET_RIGHTS = 0b11  # bind and connect TCP, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6

_ACT_ALLOW = 0x7FFF0000
_ACT_REFUSE = 0x00050000 | errno.EPERM  # the call fails: what Python or MuPDF only tries must not end it
_CMP_EQ = 4

_CALLS = """
    brk mmap munmap mremap mprotect madvise membarrier
    read readv pread64 preadv write writev lseek close dup
    open openat fstat newfstatat stat lstat statx access faccessat faccessat2 readlink readlinkat getcwd
    getdents64 poll ppoll select pselect6
    recvfrom recvmsg sendto
    futex set_robust_list rseq rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    getpid gettid getppid getuid geteuid getgid getegid getrusage times uname sysinfo
    getrlimit setrlimit sched_getaffinity sched_yield getcpu
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom
    exit exit_group
"""
"""No socket is made or named, no process begun, signalled or looked into, no file written by name."""

# What Python's files and sockets ask of them; not to whom a signal goes (F_SETOWN), nor to type (TIOCSTI).
_IOCTLS = (0x5401, 0x5450, 0x5451)  # TCGETS, FIONCLEX, FIOCLEX
_FCNTLS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC

_KEPT_VARIABLES = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|PYTHON\w*|LD_LIBRARY_PATH|TESSDATA_PREFIX")


class Sandbox(StrEnum):
    """Whether workers are confined."""

    AUTO = "auto"
    """As far as this host can."""
    REQUIRED = "required"
    """Entirely, or no worker starts."""
    OFF = "off"


class SandboxError(Exception):
    """A worker that has to be confined cannot be; `str()` says why."""


def confine(sandbox: Sandbox, memory_bytes: int | None = None) -> list[str]:
    """Confine this process for good. Needs to be its only thread; what it will run is imported before.

    Args:
        sandbox: `off` does nothing.
        memory_bytes: The address space it is given.

    Returns:
        What this host cannot do, a line for each; empty when the process is confined entirely.

    Raises:
        SandboxError: It is required, and something is missing.
    """
    if sandbox is Sandbox.OFF:
        return []
    if memory_bytes is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (soft, memory_bytes + _SLACK_BYTES))
    # Both are made before either counts: what they need is not there any more afterwards.
    steps, problems = _tried({"landlock": _prepare_landlock, "seccomp": _prepare_seccomp})
    _drop_capabilities()
    problems += _tried(steps)[1]
    if problems and sandbox is Sandbox.REQUIRED:
        raise SandboxError(f"the worker cannot be confined, and sandbox is required: {'; '.join(problems)}")
    return problems


def lacking() -> list[str]:
    """What this host lacks to confine workers, a line for each; changes nothing."""
    return _tried({"landlock": _landlock_version, "seccomp": _load_libseccomp})[1]


def code_folders() -> set[Path]:
    """Where Python and this package are: what a worker may read, for what is imported late."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return {Path(sysconfig.get_path(name)) for name in names} | {_PACKAGE}


def _data_folders() -> set[Path]:
    """Where the language data of OCR are: a worker reads those that a document needs, when it needs them."""
    folder = tessdata_folder()
    # Where the files are links, a rule for the folder they are in does not hold for what they point at.
    return {folder, *(file.resolve().parent for file in folder.rglob("*.traineddata"))} if folder else set()


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a worker needs: a password, or the way to one, is not among them."""
    return {name: value for name, value in environ.items() if _KEPT_VARIABLES.fullmatch(name)}


def _tried(steps: Mapping[str, Callable[[], _T]]) -> tuple[dict[str, _T], list[str]]:
    """What each step returned, and a line for each that this host refused."""
    done, problems = {}, []
    for name, step in steps.items():
        try:
            done[name] = step()
        except OSError as error:
            problems.append(f"{name}: {error.strerror or error}")
    return done, problems


def _prepare_landlock() -> Callable[[], None]:
    version = _landlock_version()
    rights = _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]
    fields = [rights, _NET_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0]
    fields = fields[: 1 if version < 4 else 2 if version < 6 else 3]  # older kernels know a shorter structure
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    for folder in code_folders() | _data_folders():
        with contextlib.suppress(FileNotFoundError):
            _allow_files(ruleset, folder, _READ)
    # Where libraries send what nobody reads; Tesseract crashes where it cannot open it.
    with contextlib.suppress(FileNotFoundError):
        _allow_files(ruleset, Path(os.devnull), _READ_FILE | _WRITE_FILE)
    return partial(_enter_landlock, ruleset)


def _enter_landlock(ruleset: int) -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _allow_files(ruleset: int, path: Path, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, handle)
        _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(handle)


def _landlock_version() -> int:
    return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)


def _prepare_seccomp() -> Callable[[], None]:
    library = _load_libseccomp()
    filters = ctypes.c_void_p(library.seccomp_init(_ACT_REFUSE))
    for name in _CALLS.split():
        _allow(library, filters, name)
    for command in _IOCTLS:
        _allow(library, filters, "ioctl", (1, command))
    for command in _FCNTLS:
        _allow(library, filters, "fcntl", (1, command))
    own = os.getpid()
    _allow(library, filters, "tgkill", (0, own))  # how a process ends itself: abort()
    for pid in (0, own):
        _allow(library, filters, "prlimit64", (0, pid))
    return lambda: _check(library.seccomp_load(filters))


def _drop_capabilities() -> None:
    """What a worker of root's could do beyond its limits."""
    version_3, myself = 0x20080522, 0
    header, none = (ctypes.c_uint32 * 2)(version_3, myself), (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capset(header, none)  # giving up is always allowed


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("unused", ctypes.c_uint64),
    )


def _allow(library: ctypes.CDLL, filters: ctypes.c_void_p, name: str, *equal: tuple[int, int]) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number < 0:  # this architecture has no such call, and so no way to make it
        return
    comparisons = (_Comparison * len(equal))(*(_Comparison(arg, _CMP_EQ, value, 0) for arg, value in equal))
    _check(library.seccomp_rule_add_array(filters, _ACT_ALLOW, number, len(equal), comparisons))


def _load_libseccomp() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBSECCOMP)
    except OSError as error:
        raise OSError(errno.ENOENT, f"{_LIBSECCOMP} is not installed (package libseccomp2)") from error
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    ]
    return library


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def _syscall(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        reason = {errno.ENOSYS: "this kernel does not have it", errno.EOPNOTSUPP: "it is off in this kernel"}
        raise OSError(code, reason.get(code, os.strerror(code)))
    return result


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
