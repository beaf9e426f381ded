"""A page deep in a list against its first page: the directory, 100,000 users deep."""

import json
import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from bench.http_client import Connection, get
from bench.plan import Plan
from bench.rounds import Figure, compared
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
    deep = quote(cursor_at(connection, path, token, depth))
    first_page = get(path, token)
    pages = {
        "deep": get(f"{path}&cursor={deep}", token),
        "first": first_page,
        "control": first_page,
    }
    figure = compared(
        f"{path}: page {depth:,} deep / first page",
        {name: partial(median_seconds, connection, [page], plan.pages) for name, page in pages.items()},
        plan.page_rounds,
        arm="deep",
        base="first",
        target=TARGET,
    )
    connection.close()
    return figure


def cursor_at(connection: Connection, path: str, token: str, depth: int) -> str:
    """Follow the cursors of large pages and return the cursor behind `depth` items."""
    cursor = ""
    for _ in range(depth // _STRIDE):
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = json.loads(connection.request(get(f"{path}&limit={_STRIDE}{after}", token)))
        cursor = page["next_cursor"]
    return cursor


def median_seconds(connection: Connection, requests: Sequence[bytes], times: int) -> float:
    """Send requests in turn; return the median time of one."""
    seconds = []
    for number in range(times):
        started = time.perf_counter()
        connection.request(requests[number % len(requests)])
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
