"""Refreshes with rotation against Django REST framework with simplejwt, per CPU-second of the server."""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import drf_baseline
from bench.closed_loop import ClosedLoop, RefreshClient
from bench.http_client import Connection, ResponseError
from bench.plan import Plan
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from bench.throughput import Throughput, compare
from support.databases import Database
from support.processes import inherited_environment
from support.services import SECRET_KEY, Service

CLIENTS: Final = 8
TARGET: Final = 4.0
REFRESH: Final = "/api/v1/auth/refresh-token"
_WARM_UP: Final = 200
_TRIAL_ROUNDS: Final = 3
_COUNTED: Final = 200
_PROFILED: Final = 4_000
_ASGI: Final = "django.core.asgi:get_asgi_application()"
_WSGI: Final = "django.core.wsgi:get_wsgi_application()"

WORKERS: Final = {
    "sync": ["--worker-class=sync", _WSGI],
    "gthread, 1 thread": ["--worker-class=gthread", "--threads=1", _WSGI],
    "gthread, 4 threads": ["--worker-class=gthread", "--threads=4", _WSGI],
    "gunicorn's asgi": ["--worker-class=asgi", _ASGI],
    "uvicorn's": ["--worker-class=uvicorn.workers.UvicornWorker", _ASGI],
}
"""Kinds of gunicorn workers for the baseline; the fastest is compared."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical auth services and the baseline, all on one database server."""
    baselines = _baselines(stack)
    trial = compare(baselines, plan.window / 2, _TRIAL_ROUNDS)
    worker = max(trial, key=lambda kind: statistics.median(trial[kind]))
    servers = {"auth": _auth(stack), "twin": _auth(stack), "drf": baselines.pop(worker)}
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
            ratios(speeds["twin"], speeds["auth"]),
            Bound.AT_LEAST,
            TARGET,
            notes=notes,
        )
    ]


def profile(stack: Stack, report: Path) -> None:
    """Profile the auth service."""
    service = stack.profiled("auth", report)
    logged_in(service.port, stack.users.logins[:CLIENTS], REFRESH, "refresh_token").run_times(_PROFILED)
    service.stop()


def logged_in(port: int, logins: list[bytes], path: str, field: str) -> ClosedLoop:
    """Log in, and return the closed loop that refreshes these sessions; see RefreshClient."""
    connection = Connection(port)
    responses = [json.loads(connection.request(login)) for login in logins]
    connection.close()
    clients = [RefreshClient(path, field, response[field]) for response in responses]
    return ClosedLoop(port, lambda: clients)


def _auth(stack: Stack) -> Throughput:
    service = stack.service("auth")
    loop = logged_in(service.port, stack.users.logins[:CLIENTS], REFRESH, "refresh_token")
    return _warmed_up(service, loop)


def _baselines(stack: Stack) -> dict[str, Throughput]:
    """Start a server for each kind of worker on one database; all use the same clients in turn."""
    database = stack.machine.new_database("drf")
    clients = [RefreshClient(drf_baseline.REFRESH, "refresh", token) for token in _drf_tokens(database)]
    used = clients[0].next_request()
    services = {kind: stack.drf_baseline(database, arguments) for kind, arguments in WORKERS.items()}
    baselines = {
        kind: _warmed_up(service, ClosedLoop(service.port, lambda: clients))
        for kind, service in services.items()
    }
    for service in services.values():
        _require_rejected(service, used)
    return baselines


def _require_rejected(service: Service, used: bytes) -> None:
    """Raise ResponseError when the baseline accepts a used token, because it would do less work."""
    connection = Connection(service.port)
    try:
        response = connection.request(used)
    except ResponseError as error:
        if not str(error).startswith("HTTP/1.1 401 "):
            raise
    else:
        raise ResponseError(f"a used token was accepted: {response!r}")
    finally:
        connection.close()


def _warmed_up(service: Service, loop: ClosedLoop) -> Throughput:
    loop.run_times(_WARM_UP)
    return Throughput(service, loop)


def _drf_tokens(database: Database) -> list[str]:
    """Create the baseline's tables and users; return a refresh token for each user."""
    environment = {"DOORWARD_DATABASE_URL": database.url, "DOORWARD_SECRET_KEY": SECRET_KEY}
    command = [sys.executable, "-m", "bench.drf_baseline", str(CLIENTS)]
    output = subprocess.check_output(command, env={**inherited_environment(), **environment}, text=True)
    return output.splitlines()


def _statements(stack: Stack, server: Throughput) -> float:
    """Return statements per refresh; this includes a few statements a second of background tasks."""
    before = stack.statements()
    responses = server.load.run_times(_COUNTED)
    return (stack.statements() - before) / responses
