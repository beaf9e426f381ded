"""A million tickets: the own list against FastAPI alone, and deep pages. For searches see search.py."""

import statistics
from typing import Final

from bench import seed_tickets
from bench.closed_loop import cycling
from bench.figures.pages import compare_pages
from bench.plan import Plan
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from bench.throughput import Throughput, compare
from doorward_tickets.tickets.schemas import TicketSort
from support.databases import Database
from support.services import Service, migrate_tickets

_LIST: Final = "/api/v1/tickets"
_CONNECTIONS: Final = 16
_LIST_TARGET: Final = 0.3


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Store the tickets, then measure."""
    database = stack.machine.new_database("tickets")
    migrate_tickets(database.url)
    seed_tickets.create(database.url, stack.users, plan.tickets)
    service = stack.tickets(database)
    figures = [_own_list(stack, database, service, plan)]
    admin = stack.users.admin_token
    figures += [
        compare_pages(service.port, f"{_LIST}?sort={sort.value}", admin, plan.ticket_depth, plan)
        for sort in TicketSort
    ]
    service.stop()
    return figures


def _own_list(stack: Stack, database: Database, service: Service, plan: Plan) -> Figure:
    """Compare two identical tickets services and the baseline; each author lists 50 tickets."""
    services = {
        "tickets": service,
        "control": stack.tickets(database),
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
    services["control"].stop()
    services["baseline"].stop()
    return Figure(
        f"GET {_LIST}, the own 50 of {plan.tickets:,}, per CPU-second / FastAPI without a database",
        ratios(speeds["tickets"], speeds["baseline"]),
        ratios(speeds["control"], speeds["tickets"]),
        Bound.AT_LEAST,
        _LIST_TARGET,
        notes={
            "requests/CPU-s": statistics.mean(speeds["tickets"]),
            "baseline requests/CPU-s": statistics.mean(speeds["baseline"]),
        },
    )
