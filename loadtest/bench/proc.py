"""What the kernel knows of a process: CPU time, memory, threads."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields of /proc/PID/stat, counted behind the name


def cpu_seconds(leader: int) -> float:
    """User and system time since their start of all processes in a group, all their threads.

    A server that forks its workers is one group, and so is one that does not.
    """
    found = 0.0
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):  # it ended between the listing and the look
                if os.getpgid(int(process.name)) == leader:
                    found += _cpu(process / "stat")
    return found


def thread_cpu_seconds(pid: int) -> dict[str, float]:
    """The same by kind of thread: the event loop, and each executor by its name."""
    kinds: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        kind = "event loop" if task.name == str(pid) else "executor threads"
        kinds[kind] = kinds.get(kind, 0.0) + _cpu(task / "stat")
    return kinds


def memory_mib(pid: int, field: str) -> float:
    """A field of /proc/PID/status in MiB: VmRSS is what is resident now, VmHWM the most so far."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def stolen_share(before: tuple[int, ...], after: tuple[int, ...]) -> float:
    """Share of the machine's time that went to other guests of its host."""
    passed = [later - earlier for earlier, later in zip(before, after, strict=True)]
    return passed[7] / max(1, sum(passed))


def machine_ticks() -> tuple[int, ...]:
    """Return the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    return tuple(int(field) for field in line.split()[1:9])


def _cpu(stat: Path) -> float:
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
