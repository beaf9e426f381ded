"""A page deep in a list, against its first page: of the directory, a hundred thousand people deep."""

import json
import statistics
import time
from typing import Final
from urllib.parse import quote

from bench.client import Connection, get
from bench.plan import Plan
from bench.rounds import Arm, Bound, Figure, in_turns, ratios
from bench.stack import Stack
from doorward_users.directory.schemas import DirectorySort

TARGET: Final = 2.0
_STRIDE: Final = 200


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure the directory's pages in every order."""
    service = stack.service("users")
    listed = "/api/v1/users"
    figures = [
        compare(service.port, f"{listed}?sort={sort.value}", stack.people.tokens[0], plan.depth, plan)
        for sort in DirectorySort
    ]
    service.stop()
    return figures


def compare(port: int, path: str, token: str, depth: int, plan: Plan) -> Figure:
    """Walk to the deep page of a list, then time it and the first one in turns."""
    connection = Connection(port)
    deep = quote(_cursor_at(connection, path, token, depth))
    first_page = get(path, token)
    pages = {
        "deep": get(f"{path}&cursor={deep}", token),
        "first": first_page,
        "first again": first_page,
    }
    arms: dict[str, Arm] = {
        name: lambda page=page: _median_seconds(connection, page, plan.pages)  # type: ignore[misc]
        for name, page in pages.items()
    }
    found = in_turns(arms, plan.page_rounds)
    connection.close()
    return Figure(
        f"{path}: page {depth:,} deep / first page",
        ratios(found["deep"], found["first"]),
        ratios(found["first again"], found["first"]),
        Bound.AT_MOST,
        TARGET,
        notes={
            "first ms": statistics.median(found["first"]) * 1000,
            "deep ms": statistics.median(found["deep"]) * 1000,
        },
    )


def _cursor_at(connection: Connection, path: str, token: str, depth: int) -> str:
    """Follow cursors as a client does until `depth` items lie behind."""
    cursor = ""
    for _ in range(depth // _STRIDE):
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = json.loads(connection.ask(get(f"{path}&limit={_STRIDE}{after}", token)))
        cursor = page["next_cursor"]
    return cursor


def _median_seconds(connection: Connection, request: bytes, times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        connection.ask(request)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
