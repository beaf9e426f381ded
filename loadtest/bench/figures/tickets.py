"""A million tickets: the own list against FastAPI alone, deep pages, and search."""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench import seed_tickets
from bench.closed_loop import cycling
from bench.figures.pages import compare_pages
from bench.http_client import Connection, get
from bench.plan import Plan
from bench.rounds import Bound, Figure, percentile, ratios
from bench.seed_tickets import SeededTickets
from bench.stack import Stack
from bench.throughput import Throughput, compare
from doorward_tickets.tickets.schemas import TicketSort
from support.databases import Database
from support.services import Service, migrate_tickets

_LIST: Final = "/api/v1/tickets"
_CONNECTIONS: Final = 16
_LIST_TARGET: Final = 0.3
_SEARCH_TARGET: Final = 50.0  # milliseconds
_MAX_WORDS: Final = 3


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Store the tickets, then measure."""
    database = stack.machine.new_database("tickets")
    migrate_tickets(database.url)
    seeded = seed_tickets.create(database.url, stack.users, plan.tickets)
    service = stack.tickets(database)
    figures = [_own_list(stack, database, service, plan)]
    admin = stack.users.admin_token
    figures += [
        compare_pages(service.port, f"{_LIST}?sort={sort.value}", admin, plan.ticket_depth, plan)
        for sort in TicketSort
    ]
    figures += _searches(service.port, admin, seeded, plan)
    service.stop()
    return figures


def _own_list(stack: Stack, database: Database, service: Service, plan: Plan) -> Figure:
    """Compare two identical tickets services and the baseline; each author lists 50 tickets."""
    services = {
        "tickets": service,
        "twin": stack.tickets(database),
        "baseline": stack.baseline_app(),
    }
    authors = plan.tickets // seed_tickets.TICKETS_PER_AUTHOR
    requests = stack.users.reads(_LIST)[:authors]
    servers = {
        name: Throughput(service, cycling(service.port, requests, _CONNECTIONS))
        for name, service in services.items()
    }
    for server in servers.values():
        server.load.run_times(len(requests))
    speeds = compare(servers, plan.window, plan.rounds)
    services["twin"].stop()
    services["baseline"].stop()
    return Figure(
        f"GET {_LIST}, the own 50 of {plan.tickets:,}, per CPU-second / FastAPI without a database",
        ratios(speeds["tickets"], speeds["baseline"]),
        ratios(speeds["twin"], speeds["tickets"]),
        Bound.AT_LEAST,
        _LIST_TARGET,
        notes={
            "requests/CPU-s": statistics.mean(speeds["tickets"]),
            "baseline requests/CPU-s": statistics.mean(speeds["baseline"]),
        },
    )


def _searches(port: int, token: str, seeded: SeededTickets, plan: Plan) -> list[Figure]:
    """Search all tickets for one to three words, chosen by frequency and uniformly."""
    chance = random.Random(20_260_104)
    choices: dict[str, Callable[[int], Sequence[str]]] = {
        "words by frequency": lambda count: seeded.words_by_frequency(chance, count),
        "any words": lambda count: chance.sample(seeded.words, count),
    }
    return [
        _search(port, token, f"search of {seeded.count:,} tickets, {name}: p95", choose, plan)
        for name, choose in choices.items()
    ]


def _search(port: int, token: str, name: str, choose: Callable[[int], Sequence[str]], plan: Plan) -> Figure:
    """Time the same searches twice in a round; each round has new searches."""
    connection = Connection(port)
    seconds: list[float] = []
    pages = {"full": 0, "short": 0, "last": 0}
    p95, control = [], []
    for _ in range(plan.page_rounds):
        queries = [choose(1 + number % _MAX_WORDS) for number in range(plan.searches)]
        requests = [get(f"{_LIST}?q={'+'.join(words)}", token) for words in queries]
        first, twin = (_timed_pages(connection, requests) for _ in range(2))
        p95.append(percentile([duration for duration, _ in first], 0.95) * 1000)
        control.append(percentile([duration for duration, _ in twin], 0.95) * 1000 / p95[-1])
        seconds += [duration for duration, _ in [*first, *twin]]
        for _, page in first:
            pages[_kind(page["items"], page["next_cursor"])] += 1
    connection.close()
    return Figure(
        name,
        p95,
        control,
        Bound.AT_MOST,
        _SEARCH_TARGET,
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
