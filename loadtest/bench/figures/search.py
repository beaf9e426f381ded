"""Search of a million tickets, of Latin words and of Chinese text without spaces."""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

from bench import seed_tickets
from bench.http_client import Connection, get
from bench.plan import Plan
from bench.rounds import Bound, Figure, percentile
from bench.seed_tickets import SeededTickets
from bench.stack import Stack
from support.services import migrate_tickets

_LIST: Final = "/api/v1/tickets"
_TARGET: Final = 50.0  # milliseconds
_MAX_WORDS: Final = 3

Choose = Callable[[int], str]
"""Returns a query of some words."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Store tickets of either kind in a database of their own, then search them."""
    figures: list[Figure] = []
    for script, is_spaced in (("Latin", True), ("Chinese", False)):
        database = stack.machine.new_database(f"search_{script.lower()}")
        migrate_tickets(database.url)
        seeded = seed_tickets.create(database.url, stack.users, plan.tickets, is_spaced=is_spaced)
        service = stack.tickets(database)
        for name, choose in _queries(seeded, is_spaced=is_spaced).items():
            title = f"search of {seeded.count:,} tickets, {script}, {name}: p95"
            figures.append(measure_queries(service.port, stack.users.admin_token, title, choose, plan, _LIST))
        service.stop()
        database.drop()
    return figures


def _queries(seeded: SeededTickets, *, is_spaced: bool) -> dict[str, Choose]:
    """Return queries of words chosen by frequency, of any words, and of the first letters of words."""
    chance = random.Random(20_260_104)
    space, start = (" ", 2) if is_spaced else ("", 1)
    return {
        "words by frequency": lambda count: space.join(seeded.words_by_frequency(chance, count)),
        "any words": lambda count: space.join(chance.sample(seeded.words, count)),
        "first letters": lambda count: " ".join(
            word[:start] for word in seeded.words_by_frequency(chance, count)
        ),
    }


def measure_queries(port: int, token: str, name: str, choose: Choose, plan: Plan, path: str) -> Figure:
    """Time the same searches twice in a round; each round has new searches."""
    connection = Connection(port)
    seconds: list[float] = []
    pages = {"full": 0, "short": 0, "last": 0}
    p95, control = [], []
    for _ in range(plan.page_rounds):
        queries = [choose(1 + number % _MAX_WORDS) for number in range(plan.searches)]
        requests = [get(f"{path}?q={quote(query)}", token) for query in queries]
        first, repeated = (_timed_pages(connection, requests) for _ in range(2))
        p95.append(percentile([duration for duration, _ in first], 0.95) * 1000)
        control.append(percentile([duration for duration, _ in repeated], 0.95) * 1000 / p95[-1])
        seconds += [duration for duration, _ in [*first, *repeated]]
        for _, page in first:
            pages[_kind(page["items"], page["next_cursor"])] += 1
    connection.close()
    return Figure(
        name,
        p95,
        control,
        Bound.AT_MOST,
        _TARGET,
        unit="ms",
        notes={
            "median ms": statistics.median(seconds) * 1000,
            "longest ms": max(seconds) * 1000,
            **{f"{kind} pages": share / sum(pages.values()) for kind, share in pages.items()},
        },
    )


def _timed_pages(connection: Connection, requests: Sequence[bytes]) -> list[tuple[float, dict[str, Any]]]:
    """Return the seconds and the page of each request."""
    timed = []
    for request in requests:
        started = time.perf_counter()
        page = json.loads(connection.request(request))
        timed.append((time.perf_counter() - started, page))
    return timed


def _kind(items: Sequence[object], next_cursor: str | None) -> str:
    if next_cursor is None:
        return "last"
    return "full" if len(items) == 50 else "short"
