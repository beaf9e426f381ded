"""Memory and CPU time of a process with 2,000 open event streams."""

import contextlib
import socket
import time
from typing import Final

from bench.closed_loop import cycling
from bench.http_client import TIMEOUT, ResponseError, get
from bench.plan import Plan
from bench.procfs import cpu_seconds, memory_mib
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from support.services import Service

STREAMS: Final = 2_000
MEMORY_TARGET: Final = 60.0
CPU_TARGET: Final = 5.0
_WARM_UP: Final = 2_000
_READY: Final = b"\n\n\r\n"


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure two processes; the second is the control."""
    memory, cpu, without = [], [], []
    for _ in range(2):
        service = stack.service("auth")
        cycling(service.port, stack.users.reads("/api/v1/auth/me"), 16).run_times(_WARM_UP)
        without.append(_cpu_percent(service, plan.stream_window))
        before = memory_mib(service.pid, "VmRSS")
        with contextlib.ExitStack() as open_streams:
            for token in stack.users.tokens[:STREAMS]:
                open_streams.enter_context(_opened(service.port, get("/api/v1/auth/events", token)))
            cpu.append(_cpu_percent(service, plan.stream_window))
            memory.append(memory_mib(service.pid, "VmRSS") - before)
        service.stop()
    return [
        Figure(
            f"auth: resident memory of {STREAMS:,} open event streams",
            memory,
            ratios(memory[1:], memory[:1]),
            Bound.AT_MOST,
            MEMORY_TARGET,
            "MiB",
            {"KiB a stream": max(memory) * 1024 / STREAMS},
        ),
        Figure(
            f"auth: CPU time with {STREAMS:,} silent event streams",
            cpu,
            ratios(cpu[1:], cpu[:1]),
            Bound.AT_MOST,
            CPU_TARGET,
            "% of a core",
            {"without streams %": max(without)},
        ),
    ]


def _opened(port: int, request: bytes) -> socket.socket:
    """Open a stream and wait for its first event; raises ResponseError."""
    stream = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    stream.sendall(request)
    received = b""
    while not received.endswith(_READY):
        received += (chunk := stream.recv(4_096))
        if not chunk or not received.startswith(b"HTTP/1.1 200"):
            raise ResponseError(received[:600].decode("utf-8", "replace"))
    return stream


def _cpu_percent(service: Service, seconds: float) -> float:
    used, started = cpu_seconds(service.pid), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu_seconds(service.pid) - used) / (time.perf_counter() - started)
