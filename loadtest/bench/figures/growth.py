"""What requests cost with a million people and tickets, against ten thousand: the median time of each."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

from bench import seed_directory, seed_tickets
from bench.figures.pages import cursor_at, median_seconds
from bench.http_client import Connection, get
from bench.plan import Plan
from bench.rounds import Figure, compared
from bench.stack import Stack
from support.databases import Database
from support.services import Service, migrate_tickets

BASE_SIZE: Final = 10_000
TARGET: Final = 2.0

_WITH_TOKEN: Final = 3_000
"""Users of the stack, in addition to the people: some of them have tokens and passwords."""

_DEEP: Final = 0.9
"""The share of a list that is before its deep page."""

Paths = Mapping[str, Callable[[Connection], bytes]]


class _Size(NamedTuple):
    """Services on databases of one size, and the requests of each kind."""

    stack: Stack
    tickets: Database
    users_requests: Paths
    tickets_requests: Paths
    logins: list[bytes]


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Store both sizes, and time each request on both; a second service on the small one is the control."""
    few, many = _stored(stack, BASE_SIZE), _stored(stack, plan.people)
    figures: list[Figure] = []
    services = [one.stack.service("users") for one in (few, many, few)]
    for name in few.users_requests:
        requests = [one.users_requests[name] for one in (few, many, few)]
        figures.append(_compare(name, services, requests, plan))
    services += [one.stack.tickets(one.tickets) for one in (few, many, few)]
    for name in few.tickets_requests:
        requests = [one.tickets_requests[name] for one in (few, many, few)]
        figures.append(_compare(name, services[3:], requests, plan))
    for service in services:
        service.stop()
    figures.append(_compare_logins(few, many, plan))
    return figures


def _stored(stack: Stack, count: int) -> _Size:
    sized = Stack(stack.machine, _WITH_TOKEN)
    people = seed_directory.create(sized.database_url, count)
    tickets = stack.machine.new_database("tickets")
    migrate_tickets(tickets.url)
    words = seed_tickets.create(tickets.url, sized.users, count).words
    token, admin = sized.users.tokens[0], sized.users.admin_token
    users_list, tickets_list = "/api/v1/users?sort=created_at", "/api/v1/tickets?sort=-created_at"
    name = people.last_names[len(people.last_names) // 2]
    return _Size(
        sized,
        tickets,
        {
            "own profile": lambda _: get("/api/v1/users/me", token),
            "first page of users": lambda _: get(users_list, token),
            "deep page of users": partial(_deep, users_list, token, count),
            "search of users": lambda _: get(f"{users_list}&q={quote(name)}", admin),
        },
        {
            "own tickets": lambda _: get(tickets_list, token),
            "first page of tickets": lambda _: get(tickets_list, admin),
            "deep page of tickets": partial(_deep, tickets_list, admin, count),
            "search of tickets": lambda _: get(f"{tickets_list}&q={quote(words[len(words) // 2])}", admin),
        },
        sized.users.logins,
    )


def _deep(path: str, token: str, count: int, connection: Connection) -> bytes:
    cursor = cursor_at(connection, path, token, int(count * _DEEP))
    return get(f"{path}&cursor={quote(cursor)}", token)


def _compare(
    name: str, services: list[Service], requests: list[Callable[[Connection], bytes]], plan: Plan
) -> Figure:
    connections = [Connection(service.port) for service in services]
    built = [build(connection) for build, connection in zip(requests, connections, strict=True)]
    arms = {
        arm: partial(median_seconds, connection, [request], plan.pages)
        for arm, connection, request in zip(("few", "many", "control"), connections, built, strict=True)
    }
    return _figure(name, arms, plan)


def _compare_logins(few: _Size, many: _Size, plan: Plan) -> Figure:
    sizes = {"few": few, "many": many, "control": few}
    services = {arm: size.stack.service("auth") for arm, size in sizes.items()}
    arms = {
        arm: partial(median_seconds, Connection(services[arm].port), size.logins, plan.pages)
        for arm, size in sizes.items()
    }
    figure = _figure("login", arms, plan)
    for service in services.values():
        service.stop()
    return figure


def _figure(name: str, arms: Mapping[str, Callable[[], float]], plan: Plan) -> Figure:
    return compared(
        f"{name}: with {plan.people:,} people and tickets / with {BASE_SIZE:,}",
        arms,
        plan.page_rounds,
        arm="many",
        base="few",
        target=TARGET,
    )
