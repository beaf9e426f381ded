"""`python -m bench.manifest SPEC`: seed databases, and print how to run and load this checkout's services.

A comparison runs this in each checkout with that checkout's Python. SPEC and the output are JSON, and the
only interface between two checkouts, because modules, settings and tables may differ.
"""

import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypedDict

from bench import seed_tickets, seed_users
from bench.figures.refresh import REFRESH
from bench.http_client import get
from bench.seed_tickets import SeededTickets
from bench.seed_users import SeededUsers
from bench.stack import auth_settings, tickets_settings
from support.services import Service, ServiceName, migrate, migrate_tickets

_SEARCHES: Final = 200
_MAX_WORDS: Final = 3


class Spec(TypedDict):
    """What a comparison asks for. Without tickets there is no tickets service."""

    accounts_url: str
    tickets_url: str
    users: int
    tickets: int


class ServiceProcess(TypedDict):
    """How to start a service, which then listens on this port of 127.0.0.1."""

    command: list[str]
    env: dict[str, str]
    port: int


class LoadSpec(TypedDict):
    """Requests to a service, sent in rotation over some connections."""

    service: str
    connections: int
    requests: list[str]


class Manifest(TypedDict):
    """The services of a checkout, and requests to them; tickets needs a running auth."""

    services: dict[str, ServiceProcess]
    loads: dict[str, LoadSpec]
    refresh: dict[str, str]
    """The path, and the token's field in requests and responses."""
    verifier: list[str]
    """Arguments of Python; the duration in seconds follows. See verifier.py for the output."""


def create(spec: Spec) -> Manifest:
    """Migrate and seed the databases."""
    migrate(spec["accounts_url"])
    users = seed_users.create(spec["accounts_url"], spec["users"])
    auth = _service("auth", spec["accounts_url"], auth_settings())
    manifest: Manifest = {
        "services": {
            "auth": _process(auth),
            "users": _process(_service("users", spec["accounts_url"], auth_settings())),
        },
        "loads": {
            "login": _load("auth", users.logins, connections=4),
            "auth/me": _load("auth", users.reads("/api/v1/auth/me")),
            "auth/verify": _load("auth", users.reads("/api/v1/auth/verify")),
            "users/me": _load("users", users.profile_reads),
            "list users": _load("users", users.reads("/api/v1/users")),
        },
        "refresh": {"path": REFRESH, "field": "refresh_token"},
        "verifier": ["-m", "bench.verifier"],
    }
    if spec["tickets"]:
        migrate_tickets(spec["tickets_url"])
        seeded = seed_tickets.create(spec["tickets_url"], users, spec["tickets"])
        service = _service("tickets", spec["tickets_url"], tickets_settings(auth.url))
        authors = seeded.count // seed_tickets.TICKETS_PER_AUTHOR
        manifest["services"]["tickets"] = _process(service)
        manifest["loads"]["list own tickets"] = _load("tickets", users.reads("/api/v1/tickets")[:authors])
        manifest["loads"]["search tickets"] = _load("tickets", _searches(users, seeded), connections=4)
    return manifest


def _service(name: ServiceName, database_url: str, settings: dict[str, str]) -> Service:
    return Service(name, database_url=database_url, log=Path(os.devnull), env=settings)


def _process(service: Service) -> ServiceProcess:
    return {"command": service.command, "env": service.env, "port": service.port}


def _load(service: str, requests: Sequence[bytes], *, connections: int = 16) -> LoadSpec:
    return {
        "service": service,
        "connections": connections,
        "requests": [request.decode("ascii") for request in requests],
    }


def _searches(users: SeededUsers, seeded: SeededTickets) -> list[bytes]:
    chance = random.Random(20_260_104)
    queries = [seeded.words_by_frequency(chance, 1 + number % _MAX_WORDS) for number in range(_SEARCHES)]
    return [get(f"/api/v1/tickets?q={'+'.join(words)}", users.admin_token) for words in queries]


def main(argument: str) -> int:
    spec: Any = json.loads(argument)
    print(json.dumps(create(spec)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
