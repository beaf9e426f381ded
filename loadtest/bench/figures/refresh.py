"""Refreshes with rotation against Django REST framework with simplejwt, per CPU-second of the server."""

import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench.closed_loop import ClosedLoop, RefreshClient, json_refresh
from bench.http_client import Connection, ResponseError
from bench.peers import django_rest, drf
from bench.peers.django_rest import DjangoRest
from bench.peers.peer import answers
from bench.plan import Plan
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from bench.throughput import Throughput, compare
from support.processes import Process

CLIENTS: Final = 8
TARGET: Final = 4.0
REFRESH: Final = "/api/v1/auth/refresh-token"
_WARM_UP: Final = 200
_TRIAL_ROUNDS: Final = 3
_COUNTED: Final = 200
_PROFILED: Final = 4_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical auth services and the baseline, all on one database server."""
    baselines = _baselines(stack)
    trial = compare(baselines, plan.window / 2, _TRIAL_ROUNDS)
    worker = max(trial, key=lambda kind: statistics.median(trial[kind]))
    servers = {"auth": _auth(stack), "control": _auth(stack), "drf": baselines.pop(worker)}
    for slower in baselines.values():
        slower.server.stop()
    speeds = compare(servers, plan.window, plan.rounds)
    notes: dict[str, float | str] = {"drf: worker": worker}
    for name in ("auth", "drf"):
        notes[f"{name}: refreshes/CPU-s"] = sum(speeds[name]) / plan.rounds
        notes[f"{name}: refreshes/s"] = servers[name].per_second
        notes[f"{name}: statements per refresh"] = _statements(stack, servers[name])
    for server in servers.values():
        server.server.stop()
    notes.update({f"trial refreshes/CPU-s: {kind}": statistics.median(trial[kind]) for kind in trial})
    return [
        Figure(
            "POST /auth/refresh-token per CPU-second / DRF simplejwt",
            ratios(speeds["auth"], speeds["drf"]),
            ratios(speeds["control"], speeds["auth"]),
            Bound.AT_LEAST,
            TARGET,
            notes=notes,
        )
    ]


def profile(stack: Stack, report: Path) -> None:
    """Profile the auth service."""
    service = stack.profiled("auth", report)
    _sessions(stack, service.port).run_times(_PROFILED)
    service.stop()


def logged_in(port: int, logins: list[bytes], build: Callable[[str], bytes], field: str) -> ClosedLoop:
    """Log in, and return the closed loop that refreshes these sessions; see RefreshClient."""
    connection = Connection(port)
    responses = [json.loads(connection.request(login)) for login in logins]
    connection.close()
    clients = [RefreshClient(build, field, response[field]) for response in responses]
    return ClosedLoop(port, lambda: clients)


def _sessions(stack: Stack, port: int) -> ClosedLoop:
    build = partial(json_refresh, REFRESH, "refresh_token")
    return logged_in(port, stack.users.logins[:CLIENTS], build, "refresh_token")


def _auth(stack: Stack) -> Throughput:
    service = stack.service("auth")
    return _warmed_up(service, _sessions(stack, service.port))


def _baselines(stack: Stack) -> dict[str, Throughput]:
    """Start a server for each kind of worker on one database; all use the same clients in turn."""
    database = stack.machine.new_database("drf")
    django_rest.store_users(database, CLIENTS)
    servers = {
        kind: DjangoRest(stack.machine, database, arguments)
        for kind, arguments in django_rest.WORKERS.items()
    }
    for server in servers.values():
        stack.machine.start(server)
    pairs = answers(servers[django_rest.WORKER].port, django_rest.logins(CLIENTS))
    build = partial(json_refresh, drf.REFRESH, "refresh")
    clients = [RefreshClient(build, "refresh", pair["refresh"]) for pair in pairs]
    used = clients[0].next_request()
    baselines = {
        kind: _warmed_up(server, ClosedLoop(server.port, lambda: clients)) for kind, server in servers.items()
    }
    for server in servers.values():
        _require_rejected(server.port, used)
    return baselines


def _require_rejected(port: int, used: bytes) -> None:
    """Raise ResponseError when the baseline accepts a used token, because it would do less work."""
    connection = Connection(port)
    try:
        response = connection.request(used)
    except ResponseError as error:
        if not str(error).startswith("HTTP/1.1 401 "):
            raise
    else:
        raise ResponseError(f"a used token was accepted: {response!r}")
    finally:
        connection.close()


def _warmed_up(server: Process, loop: ClosedLoop) -> Throughput:
    loop.run_times(_WARM_UP)
    return Throughput(server, loop)


def _statements(stack: Stack, server: Throughput) -> float:
    """Return statements per refresh; this includes a few statements a second of background tasks."""
    before = stack.statements()
    responses = server.load.run_times(_COUNTED)
    return (stack.statements() - before) / responses
