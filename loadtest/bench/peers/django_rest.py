"""Django REST framework with simplejwt under gunicorn: the peer, and the base of `make bench`'s refreshes."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bench.closed_loop import ClosedLoop, RefreshClient, json_refresh
from bench.http_client import Connection, get, post
from bench.peers import drf, python_server
from bench.peers.peer import (
    CONNECTIONS,
    DEEP,
    PAGE,
    Kind,
    Load,
    Peer,
    Work,
    answers,
    loop_load,
    reads,
    repeated,
)
from bench.peers.people import PASSWORD, WITH_PASSWORD, email_of
from bench.peers.python_server import PythonServer
from bench.stack import Machine
from support.databases import Database

NAME: Final = "Django REST framework"
_PACKAGE: Final = "drf"
_ASGI: Final = "django.core.asgi:get_asgi_application()"
_WSGI: Final = "django.core.wsgi:get_wsgi_application()"

WORKERS: Final[Mapping[str, Sequence[str]]] = {
    "sync": ["--worker-class=sync", _WSGI],
    "gthread, 1 thread": ["--worker-class=gthread", "--threads=1", _WSGI],
    "gthread, 4 threads": ["--worker-class=gthread", "--threads=4", _WSGI],
    "gunicorn's asgi": ["--worker-class=asgi", _ASGI],
    "uvicorn's": ["--worker-class=uvicorn.workers.UvicornWorker", _ASGI],
}
"""Kinds of gunicorn workers; `make bench` finds the fastest."""

WORKER: Final = "gthread, 4 threads"
"""The peer's, which keeps connections open."""
_LARGE_PAGE: Final = 200


class DjangoRest(PythonServer):
    """The project under gunicorn."""

    def __init__(self, machine: Machine, database: Database, arguments: Sequence[str]) -> None:
        command = [
            *("gunicorn", "--no-control-socket", "--log-level=warning", "--keep-alive=75"),
            *("--bind=127.0.0.1:{port}", f"--env=DJANGO_SETTINGS_MODULE={drf.SETTINGS}"),
        ]
        super().__init__(machine, _PACKAGE, database, [*command, *arguments])


def store_users(database: Database, count: int) -> None:
    python_server.store_users(_PACKAGE, database, count, min(count, WITH_PASSWORD))


def logins(count: int) -> list[bytes]:
    """Return the logins of the first users."""
    bodies = ({"username": email_of(number), "password": PASSWORD} for number in range(count))
    return [post(drf.LOGIN, json.dumps(body).encode("ascii")) for body in bodies]


def start(machine: Machine, users: int) -> Peer:
    """Store users and start the server; raises UnavailableError."""
    database = machine.new_database("drf")
    store_users(database, users)
    server = DjangoRest(machine, database, WORKERS[WORKER])
    machine.start(server)
    found = python_server.versions(
        _PACKAGE, "Django", "djangorestframework", "djangorestframework-simplejwt", "gunicorn"
    )
    return Peer(
        NAME,
        {
            "version": ", ".join(f"{name} {version}" for name, version in found.items()),
            "password hash": "PBKDF2-SHA256, Django's default (1,000,000 iterations in 5.2)",
            "run as": f"gunicorn, one worker ({WORKER}), PyMySQL, MariaDB",
        },
        [server],
        _work(server.port, users),
    )


def _work(port: int, users: int) -> dict[Kind, Work]:
    def tokens() -> list[str]:
        return [pair["access"] for pair in answers(port, logins(CONNECTIONS))]

    def refreshes() -> Load:
        build = partial(json_refresh, drf.REFRESH, "refresh")
        clients = [
            RefreshClient(build, "refresh", pair["refresh"]) for pair in answers(port, logins(CONNECTIONS))
        ]
        return loop_load(ClosedLoop(port, lambda: clients))

    def deep_page() -> Load:
        token, *others = tokens()
        path = _path_at(port, token, int(users * DEEP))
        return repeated(port, [get(path, one) for one in (token, *others)])

    page = f"{drf.USERS}?limit={PAGE}"
    return {
        Kind.LOGIN: Work(f"POST {drf.LOGIN}", lambda: repeated(port, logins(WITH_PASSWORD))),
        Kind.REFRESH: Work(f"POST {drf.REFRESH}, with the blacklist", refreshes),
        Kind.PROFILE: Work("a view of the own user, JWTAuthentication", reads(port, drf.PROFILE, tokens)),
        Kind.TOKEN: Work(
            "a view of the claims, JWTStatelessUserAuthentication", reads(port, drf.CLAIMS, tokens)
        ),
        Kind.PAGE: Work("ListAPIView, CursorPagination", reads(port, page, tokens)),
        Kind.DEEP_PAGE: Work("the same, followed by its cursors", deep_page),
    }


def _path_at(port: int, token: str, depth: int) -> str:
    """Follow the cursors of large pages; return the path of the page behind `depth` users."""
    connection = Connection(port)
    path = f"{drf.USERS}?limit={_LARGE_PAGE}"
    for _ in range(depth // _LARGE_PAGE):
        following = urlsplit(json.loads(connection.request(get(path, token)))["next"])
        path = f"{following.path}?{following.query}"
    connection.close()
    return path.replace(f"limit={_LARGE_PAGE}", f"limit={PAGE}")
