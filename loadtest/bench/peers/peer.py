"""A server under comparison: its processes, and the work that it can do."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.closed_loop import ClosedLoop, cycling
from bench.http_client import Connection, get
from support.processes import Process

CONNECTIONS: Final = 8
"""Requests in flight, and users that are signed in."""

PAGE: Final = 50
DEEP: Final = 0.9
"""The share of the users before the deep page."""


class Kind(StrEnum):
    """The kinds of work. A value is the name for `--only`."""

    LOGIN = "login"
    REFRESH = "refresh"
    PROFILE = "profile"
    TOKEN = "token"
    PAGE = "page"
    DEEP_PAGE = "deep-page"
    AUTHORIZE = "authorize"
    EXCHANGE = "exchange"
    USERINFO = "userinfo"


TITLES: Final[Mapping[Kind, str]] = {
    Kind.LOGIN: "login with a password",
    Kind.REFRESH: "refresh with rotation",
    Kind.PROFILE: "own profile",
    Kind.TOKEN: "token alone",
    Kind.PAGE: f"first page of {PAGE} users",
    Kind.DEEP_PAGE: f"page of {PAGE} users behind {DEEP:.0%} of them",
    Kind.AUTHORIZE: "OpenID: authorize with a session",
    Kind.EXCHANGE: "OpenID: exchange a code, with an ID token",
    Kind.USERINFO: "OpenID: userinfo",
}


@dataclass(frozen=True)
class Load:
    """Sends requests for some seconds and returns the number of responses. `prepare` is not measured."""

    run_for: Callable[[float], int]
    prepare: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Work:
    """A request, as a reader knows it. `start` gets new tokens, because these live for minutes."""

    request: str
    start: Callable[[], Load]


@dataclass(frozen=True)
class Peer:
    """A running server. `warm_up` is in windows before each work; `about` says how it is run."""

    name: str
    about: Mapping[str, str]
    processes: Sequence[Process]
    work: Mapping[Kind, Work]
    warm_up: float = 1.0


def repeated(port: int, requests: Sequence[bytes]) -> Load:
    """Send requests in rotation."""
    return Load(cycling(port, requests, CONNECTIONS).run_for)


def reads(port: int, path: str, tokens: Callable[[], Sequence[str]]) -> Callable[[], Load]:
    """Return the start of GETs of a path with new tokens."""
    return lambda: repeated(port, [get(path, token) for token in tokens()])


def answers(port: int, requests: Sequence[bytes]) -> list[dict[str, str]]:
    """Send requests one after the other; return their bodies."""
    connection = Connection(port)
    found = [json.loads(connection.request(request)) for request in requests]
    connection.close()
    return found


def loop_load(loop: ClosedLoop) -> Load:
    return Load(loop.run_for)
