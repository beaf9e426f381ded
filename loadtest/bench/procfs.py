"""CPU time, memory and threads of processes, from /proc."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields of /proc/PID/stat after the name


def cpu_seconds(group: int) -> float:
    """Return the user and system time of all processes in a process group, with all threads.

    A server and the workers that it forks are one group.
    """
    total = 0.0
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):  # the process ended meanwhile
                if os.getpgid(int(process.name)) == group:
                    total += _cpu(process / "stat")
    return total


def thread_cpu_seconds(pid: int) -> dict[str, float]:
    """Return the CPU time of the event loop and of the executor threads."""
    kinds: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        kind = "event loop" if task.name == str(pid) else "executor threads"
        kinds[kind] = kinds.get(kind, 0.0) + _cpu(task / "stat")
    return kinds


def memory_mib(pid: int, field: str) -> float:
    """Return a field of /proc/PID/status in MiB: VmRSS is resident now, VmHWM the maximum so far."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def stolen_share(before: tuple[int, ...], after: tuple[int, ...]) -> float:
    """Return the share of the machine's time that the host gave to other guests."""
    passed = [later - earlier for earlier, later in zip(before, after, strict=True)]
    return passed[7] / max(1, sum(passed))


def machine_ticks() -> tuple[int, ...]:
    """Return the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    return tuple(int(field) for field in line.split()[1:9])


def _cpu(stat: Path) -> float:
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
