"""Refreshing with rotation against Django REST framework and simplejwt, per CPU-second of the server."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bench import rival
from bench.chains import Chain, ChainFlood
from bench.client import Connection, LoadError
from bench.plan import Plan
from bench.rounds import Arm, Bound, Figure, in_turns, ratios
from bench.share import Share
from bench.stack import Server, Stack
from support.databases import Database
from support.processes import inherited_environment
from support.services import SECRET_KEY, Service

CHAINS: Final = 8
TARGET: Final = 4.0
_WARM_UP: Final = 200
_TRIAL_ROUNDS: Final = 3
_COUNTED: Final = 200
_PROFILED: Final = 4_000
_REFRESH: Final = "/api/v1/auth/refresh-token"
_ASGI: Final = "django.core.asgi:get_asgi_application()"
_WSGI: Final = "django.core.wsgi:get_wsgi_application()"

WORKERS: Final = {
    "sync": ["--worker-class", "sync", _WSGI],
    "gthread, 1 thread": ["--worker-class", "gthread", "--threads", "1", _WSGI],
    "gthread, 4 threads": ["--worker-class", "gthread", "--threads", "4", _WSGI],
    "gunicorn's asgi": ["--worker-class", "asgi", _ASGI],
    "uvicorn's": ["--worker-class", "uvicorn.workers.UvicornWorker", _ASGI],
}
"""What gunicorn can serve the rival with; the best one is compared with."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical auth services and the rival, all on one database server."""
    rivals = _rivals(stack)
    tried = _measure(rivals, plan.window / 2, _TRIAL_ROUNDS)
    kind = max(tried, key=lambda one: statistics.median(tried[one]))
    shares = {"auth": _auth(stack), "twin": _auth(stack), "rival": rivals.pop(kind)}
    for share in rivals.values():
        share.process.stop()
    found = _measure(shares, plan.window, plan.rounds)
    notes: dict[str, float | str] = {"rival's worker": kind}
    for name in ("auth", "rival"):
        notes[f"{name}: refreshes/CPU-s"] = sum(found[name]) / plan.rounds
        notes[f"{name}: refreshes/s"] = shares[name].rate
        notes[f"{name}: statements a refresh"] = _statements(stack, shares[name])
    for share in shares.values():
        share.process.stop()
    notes.update({f"tried, refreshes/CPU-s: {kind}": statistics.median(tried[kind]) for kind in tried})
    return [
        Figure(
            "POST /auth/refresh-token per CPU-second / DRF simplejwt",
            ratios(found["auth"], found["rival"]),
            ratios(found["twin"], found["auth"]),
            Bound.AT_LEAST,
            TARGET,
            notes=notes,
        )
    ]


def profile(stack: Stack, report: Path) -> None:
    """Profile the auth service."""
    server = stack.profiled("auth", report)
    ChainFlood(server.port, _log_in(stack, server.port)).times(_PROFILED)
    server.stop()


def _measure(shares: Mapping[str, Share], seconds: float, rounds: int) -> dict[str, list[float]]:
    arms: dict[str, Arm] = {name: partial(share.measure, seconds) for name, share in shares.items()}
    return in_turns(arms, rounds)


def _auth(stack: Stack) -> Share:
    server = stack.service("auth")
    return _warm(server, ChainFlood(server.port, _log_in(stack, server.port)))


def _rivals(stack: Stack) -> dict[str, Share]:
    """Start one server a kind of worker, on one database: chains go on from one to the next."""
    database = stack.new_database("rival")
    chains = [Chain(rival.REFRESH, "refresh", token) for token in _rival_tokens(database)]
    used = chains[0].request
    servers = {kind: stack.rival(database, WORKERS[kind]) for kind in WORKERS}
    shares = {kind: _warm(server, ChainFlood(server.port, chains)) for kind, server in servers.items()}
    for server in servers.values():
        _require_refused(server, used)
    return shares


def _require_refused(server: Server, used: bytes) -> None:
    """Raise LoadError when a used token works again: the rival would be doing less than it is here for."""
    connection = Connection(server.port)
    try:
        answer = connection.ask(used)
    except LoadError as error:
        if not str(error).startswith("HTTP/1.1 401 "):
            raise
    else:
        raise LoadError(f"a used token was taken: {answer!r}")
    finally:
        connection.close()


def _warm(server: Service | Server, flood: ChainFlood) -> Share:
    flood.times(_WARM_UP)
    return Share(server, flood)


def _log_in(stack: Stack, port: int) -> list[Chain]:
    """Open as many sessions as there are chains."""
    connection = Connection(port)
    answers = [json.loads(connection.ask(login)) for login in stack.people.logins[:CHAINS]]
    connection.close()
    return [Chain(_REFRESH, "refresh_token", answer["refresh_token"]) for answer in answers]


def _rival_tokens(database: Database) -> list[str]:
    """Make the rival's tables and users, and get a token of each."""
    environment = {"DOORWARD_DATABASE_URL": database.url, "DOORWARD_SECRET_KEY": SECRET_KEY}
    command = [sys.executable, "-m", "bench.rival", str(CHAINS)]
    printed = subprocess.check_output(command, env={**inherited_environment(), **environment}, text=True)
    return printed.splitlines()


def _statements(stack: Stack, share: Share) -> float:
    """Count statements a refresh; the servers' own questions, a few a second, are among them."""
    before = stack.statements()
    answered = share.load.times(_COUNTED)
    return (stack.statements() - before) / answered
