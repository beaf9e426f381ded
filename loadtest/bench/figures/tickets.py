"""A million tickets: one's own list against FastAPI alone, deep pages, and search."""

import itertools
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from bench import ticketing
from bench.client import Connection, Flood, get
from bench.figures.pages import compare
from bench.plan import Plan
from bench.rounds import Arm, Bound, Figure, in_turns, percentile, ratios
from bench.share import Share
from bench.stack import Server, Stack
from bench.ticketing import Tickets
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from doorward_tickets.schema import PACKAGE
from doorward_tickets.tickets.schemas import TicketSort
from support.databases import Database
from support.services import Service

_LIST: Final = "/api/v1/tickets"
_CONNECTIONS: Final = 16
_LIST_TARGET: Final = 0.3
_SEARCH_TARGET: Final = 50.0  # milliseconds
_MOST_WORDS: Final = 3


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Make the tickets, then measure the three."""
    database = stack.new_database("tickets")
    engine = create_engine(database.url, pool_size=1, timeout=60)
    migrate(engine, PACKAGE)
    engine.dispose()
    made = ticketing.create(database.url, stack.people, plan.tickets)
    service = stack.tickets(database)
    figures = [_own_list(stack, database, service, plan)]
    admin = stack.people.admin_token
    figures += [
        compare(service.port, f"{_LIST}?sort={sort.value}", admin, plan.ticket_depth, plan)
        for sort in TicketSort
    ]
    figures += _searches(service.port, admin, made, plan)
    service.stop()
    return figures


def _own_list(stack: Stack, database: Database, service: Service, plan: Plan) -> Figure:
    """Compare two identical tickets services and the floor: authors, each with their own page of 50."""
    servers: dict[str, Service | Server] = {
        "tickets": service,
        "twin": stack.tickets(database),
        "floor": stack.floor(),
    }
    requests = [get(_LIST, token) for token in stack.people.tokens[: plan.tickets // ticketing.EACH]]
    shares = {
        name: Share(server, Flood(server.port, requests, _CONNECTIONS)) for name, server in servers.items()
    }
    for share in shares.values():
        share.load.times(len(requests))
    arms: dict[str, Arm] = {name: partial(share.measure, plan.window) for name, share in shares.items()}
    found = in_turns(arms, plan.rounds)
    servers["twin"].stop()
    servers["floor"].stop()
    return Figure(
        f"GET {_LIST}, one's own 50 of {plan.tickets:,}, per CPU-second / FastAPI without a database",
        ratios(found["tickets"], found["floor"]),
        ratios(found["twin"], found["tickets"]),
        Bound.AT_LEAST,
        _LIST_TARGET,
        notes={
            "requests/CPU-s": statistics.mean(found["tickets"]),
            "floor requests/CPU-s": statistics.mean(found["floor"]),
        },
    )


def _searches(port: int, token: str, made: Tickets, plan: Plan) -> list[Figure]:
    """Search everybody's tickets for one to three words, chosen in two ways."""
    chance = random.Random(20_260_104)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(made.words) + 1)))
    ways: dict[str, Callable[[int], list[str]]] = {
        "words as often as they are written": lambda count: chance.choices(
            made.words, cum_weights=weights, k=count
        ),
        "any words": lambda count: chance.sample(made.words, count),
    }
    return [
        _search(port, token, f"search of {made.count:,} tickets, {name}: p95", choose, plan)
        for name, choose in ways.items()
    ]


def _search(port: int, token: str, name: str, choose: Callable[[int], Sequence[str]], plan: Plan) -> Figure:
    """Time the same searches twice a round, others in each."""
    connection = Connection(port)
    seconds: list[float] = []
    pages = {"full": 0, "short": 0, "last": 0}
    p95, control = [], []
    for _ in range(plan.page_rounds):
        queries = [choose(1 + number % _MOST_WORDS) for number in range(plan.searches)]
        requests = [get(f"{_LIST}?q={'+'.join(words)}", token) for words in queries]
        rounds = []
        for again in range(2):
            taken = []
            for request in requests:
                started = time.perf_counter()
                page = json.loads(connection.ask(request))
                taken.append(time.perf_counter() - started)
                if not again:
                    pages[_kind(page["items"], page["next_cursor"])] += 1
            rounds.append(percentile(taken, 0.95) * 1000)
            seconds += taken
        p95.append(rounds[0])
        control.append(rounds[1] / rounds[0])
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


def _kind(items: Sequence[object], next_cursor: str | None) -> str:
    if next_cursor is None:
        return "last"
    return "full" if len(items) == 50 else "short"
