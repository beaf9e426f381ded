"""A page deep in a list against its first page: the directory, 100,000 users deep."""

import json
import statistics
import time
from functools import partial
from typing import Final
from urllib.parse import quote

from bench.http_client import Connection, get
from bench.plan import Plan
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.stack import Stack
from doorward_users.directory.schemas import DirectorySort

TARGET: Final = 2.0
_STRIDE: Final = 200


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure the directory in every order."""
    service = stack.service("users")
    token = stack.users.tokens[0]
    figures = [
        compare_pages(service.port, f"/api/v1/users?sort={sort.value}", token, plan.depth, plan)
        for sort in DirectorySort
    ]
    service.stop()
    return figures


def compare_pages(port: int, path: str, token: str, depth: int, plan: Plan) -> Figure:
    """Follow the cursors to the deep page of a list, then time that page and the first."""
    connection = Connection(port)
    deep = quote(_cursor_at(connection, path, token, depth))
    first_page = get(path, token)
    pages = {
        "deep": get(f"{path}&cursor={deep}", token),
        "first": first_page,
        "twin": first_page,
    }
    seconds = measure_rounds(
        {name: partial(_median_seconds, connection, page, plan.pages) for name, page in pages.items()},
        plan.page_rounds,
    )
    connection.close()
    return Figure(
        f"{path}: page {depth:,} deep / first page",
        ratios(seconds["deep"], seconds["first"]),
        ratios(seconds["twin"], seconds["first"]),
        Bound.AT_MOST,
        TARGET,
        notes={
            "first ms": statistics.median(seconds["first"]) * 1000,
            "deep ms": statistics.median(seconds["deep"]) * 1000,
        },
    )


def _cursor_at(connection: Connection, path: str, token: str, depth: int) -> str:
    """Follow the cursors of large pages and return the cursor behind `depth` items."""
    cursor = ""
    for _ in range(depth // _STRIDE):
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = json.loads(connection.request(get(f"{path}&limit={_STRIDE}{after}", token)))
        cursor = page["next_cursor"]
    return cursor


def _median_seconds(connection: Connection, request: bytes, times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        connection.request(request)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
