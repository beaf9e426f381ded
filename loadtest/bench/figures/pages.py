"""A page of the directory a hundred thousand people deep, against the first page."""

import json
import statistics
import time
from typing import Final
from urllib.parse import quote

from bench.client import Connection, get
from bench.plan import Plan
from bench.rounds import Arm, Bound, Figure, in_turns, ratios
from bench.stack import Stack
from doorward_users.accounts.schemas import Sort

TARGET: Final = 2.0
_LIST: Final = "/api/v1/users"
_STRIDE: Final = 200


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Walk to the deep page in every order, then time it and the first one in turns."""
    service = stack.service("users")
    connection = Connection(service.port)
    token = stack.people.tokens[0]
    figures = []
    for sort in Sort:
        deep = quote(_cursor_at(connection, token, sort, plan.depth))
        first_page = get(f"{_LIST}?sort={sort.value}", token)
        pages = {
            "deep": get(f"{_LIST}?sort={sort.value}&cursor={deep}", token),
            "first": first_page,
            "first again": first_page,
        }
        arms: dict[str, Arm] = {
            name: lambda page=page: _median_seconds(connection, page, plan.pages)  # type: ignore[misc]
            for name, page in pages.items()
        }
        found = in_turns(arms, plan.page_rounds)
        figures.append(
            Figure(
                f"list page {plan.depth:,} deep / first page, sort={sort.value}",
                ratios(found["deep"], found["first"]),
                ratios(found["first again"], found["first"]),
                Bound.AT_MOST,
                TARGET,
                notes={
                    "first ms": statistics.median(found["first"]) * 1000,
                    "deep ms": statistics.median(found["deep"]) * 1000,
                },
            )
        )
    connection.close()
    service.stop()
    return figures


def _cursor_at(connection: Connection, token: str, sort: Sort, depth: int) -> str:
    """Follow cursors as a client does until `depth` people lie behind."""
    cursor = ""
    for _ in range(depth // _STRIDE):
        after = f"&cursor={quote(cursor)}" if cursor else ""
        page = json.loads(connection.ask(get(f"{_LIST}?sort={sort.value}&limit={_STRIDE}{after}", token)))
        cursor = page["next_cursor"]
    return cursor


def _median_seconds(connection: Connection, request: bytes, times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        connection.ask(request)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
