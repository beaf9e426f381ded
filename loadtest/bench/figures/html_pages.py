"""The HTML pages of auth: the time of each, and the memory that auth needs for them."""

import statistics
import time
from collections.abc import Mapping
from typing import Final

from bench.closed_loop import cycling
from bench.http_client import Connection, get, request
from bench.plan import Plan
from bench.procfs import memory_mib
from bench.rounds import Bound, Figure, measure_rounds, percentile, ratios
from bench.stack import Stack

TARGET_MS: Final = 50.0
MEMORY_TARGET: Final = 6.0
PATHS: Final = ("login", "verify-email", "accept-invitation", "forgot", "reset", "signed-out")

_PUBLIC_URL: Final[Mapping[str, str]] = {"DOORWARD_PUBLIC_URL": "https://doorward.example"}


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure the slowest page, and auth with and without pages."""
    return [_times(stack, plan), _memory(stack, plan)]


def _times(stack: Stack, plan: Plan) -> Figure:
    """Time each page on its own; the slowest of them counts, by its 95th percentile."""
    service = stack.service("auth", settings=_PUBLIC_URL)
    connection = Connection(service.port)
    pages = {path: _page(path) for path in PATHS}
    sizes = {path: len(connection.request(page)) for path, page in pages.items()}

    def slowest() -> float:
        return max(_milliseconds(connection, page, plan.pages) for page in pages.values())

    found = measure_rounds({"pages": slowest, "control": slowest}, plan.page_rounds)
    connection.close()
    service.stop()
    return Figure(
        f"the slowest of {len(PATHS)} HTML pages, p95",
        found["pages"],
        ratios(found["control"], found["pages"]),
        Bound.AT_MOST,
        TARGET_MS,
        "ms",
        {"largest page, KB without its style sheet": max(sizes.values()) / 1000},
    )


def _memory(stack: Stack, plan: Plan) -> Figure:
    """Compare auth after many pages with auth that has none, after as many requests of its API."""
    pages = [_page(path) for path in PATHS]
    api = [get("/api/v1/auth/me", stack.users.tokens[0])]

    def resident(settings: Mapping[str, str], requests: list[bytes]) -> float:
        service = stack.service("auth", one_core=False, settings=settings)
        cycling(service.port, stack.users.logins, 8).run_times(plan.memory_requests // 20)
        cycling(service.port, requests, 16).run_times(plan.memory_requests)
        found = memory_mib(service.pid, "VmRSS")
        service.stop()
        return found

    found = measure_rounds(
        {
            "pages": lambda: resident(_PUBLIC_URL, pages),
            "none": lambda: resident({}, api),
            "control": lambda: resident({}, api),
        },
        plan.starts // 2,
    )
    return Figure(
        "auth: memory with the pages, in addition",
        [more - less for more, less in zip(found["pages"], found["none"], strict=True)],
        ratios(found["control"], found["none"]),
        Bound.AT_MOST,
        MEMORY_TARGET,
        "MiB",
        {"MiB without": statistics.median(found["none"]), "MiB with": statistics.median(found["pages"])},
    )


def _page(path: str) -> bytes:
    return request("GET", f"/auth/{path}", {"Accept": "text/html", "X-Forwarded-Proto": "https"})


def _milliseconds(connection: Connection, page: bytes, times: int) -> float:
    """Return the 95th percentile of a page's time."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        connection.request(page)
        seconds.append(time.perf_counter() - started)
    return percentile(seconds, 0.95) * 1000
