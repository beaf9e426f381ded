"""Confines the decoder's process: by limits, and by Landlock where Linux has it.

Without a number for another file descriptor it opens neither files nor connections. Landlock (ABI 1 to 7,
docs.kernel.org/userspace-api/landlock.html) adds what needs no descriptor: deleting and renaming files,
running programs, signals to other processes, and reading their memory.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

MEMORY_BYTES: Final = 256 * 1024 * 1024
"""Address space. Python takes 30 MB of it, the largest accepted image some 200 MB."""

CPU_SECONDS: Final = 10
"""The slowest accepted image takes two."""

_LIMITS: Final[Mapping[int, int]] = {
    resource.RLIMIT_AS: MEMORY_BYTES,
    resource.RLIMIT_CPU: CPU_SECONDS,
    resource.RLIMIT_NOFILE: 0,  # those that are open stay usable
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}

# The same on every architecture that Python runs on.
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_NO_NEW_PRIVILEGES: Final = 38  # prctl

_FILE_ACCESS: Final = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF}
"""All rights that each ABI knows."""

_NET_ACCESS: Final = {4: 0x3}
_SCOPES: Final = {6: 0x3}
"""Abstract sockets and signals."""


class _RulesetAttributes(ctypes.Structure):
    """`struct landlock_ruleset_attr`. A kernel refuses unknown members unless they are zero."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def confine() -> None:
    """Give up all that decoding does not need, after everything is imported."""
    if sys.platform == "linux":
        # An older kernel, or a container that forbids the call.
        with suppress(OSError):
            _restrict_by_landlock()
    for limit, value in _LIMITS.items():
        # Some systems do not have a limit, or have a lower one.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def landlock_version() -> int:
    """Return the ABI of the kernel; raises OSError where there is none."""
    return _require_success(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _restrict_by_landlock() -> None:
    """Handle every right and allow none; raises OSError."""
    libc, version = _libc(), landlock_version()
    attributes = _RulesetAttributes(
        *(_rights_of_version(rights, version) for rights in (_FILE_ACCESS, _NET_ACCESS, _SCOPES))
    )
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    ruleset = _require_success(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))
    _require_success(libc.prctl(_NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0))))
    _require_success(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _rights_of_version(rights: Mapping[int, int], version: int) -> int:
    return max((value for since, value in rights.items() if since <= version), default=0)


def _require_success(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return result
