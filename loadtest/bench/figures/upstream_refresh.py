"""A refresh at an upstream through auth, against the same request sent to the upstream directly."""

import json
import statistics
import time
from pathlib import Path
from typing import Any, Final

from bench.http_client import Connection, get, post
from bench.plan import Plan
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.stack import MeasuredService, Stack
from doorward.rotate_vault import make_first_key
from support.databases import Database
from support.example_upstream import ExampleUpstream
from support.services import Service, migrate

TARGET: Final = 2.0
ALLOWANCE: Final = 0.005
"""Seconds that a refresh may take in addition to TARGET times the upstream's own time."""

_REQUESTS: Final = 40
"""In a round; fewer a second than `requests_per_second` allows."""

_UPSTREAM_SECONDS: Final = 0.02
_ACCESS_SECONDS: Final = 36_000
_REFRESH: Final = "/api/token/refresh"
_EMAIL: Final = "ada@example.com"
_PASSWORD: Final = "an unheard-of phrase"
_EXPIRE: Final = "UPDATE upstream_grants SET access_expires_at = last_refreshed_at - INTERVAL 1 SECOND"
_FORGET_READS: Final = "DELETE FROM audit_events"
"""A user reads 600 tokens in ten minutes (TOKEN_READS)."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure one caller at a time. A note says what auth adds to an upstream that answers at once."""
    example = ExampleUpstream(stack.machine.folder, access_seconds=_ACCESS_SECONDS)
    stack.machine.pin(example, one_core=False)
    stack.machine.start(example)
    database = stack.machine.new_database("upstream")
    migrate(database.url)
    auth = _auth(stack, database, example)
    through, direct, control = _Through(auth, database), _Direct(example), _Direct(example)
    through.time()
    direct.time()
    arms = {"through": through.time, "direct": direct.time, "control": control.time}
    at_once = measure_rounds(arms, plan.page_rounds)
    example.will("slow", path=_REFRESH, seconds=_UPSTREAM_SECONDS)
    spent = measure_rounds(arms, plan.page_rounds)
    auth.stop()
    example.stop()
    notes = {f"{name}: ms": 1_000 * statistics.median(spent[name]) for name in ("through", "direct")}
    added = statistics.median(at_once["through"]) - statistics.median(at_once["direct"])
    return [
        Figure(
            f"(refresh through auth - {ALLOWANCE * 1_000:.0f} ms) / the upstream's of"
            f" {_UPSTREAM_SECONDS * 1_000:.0f} ms",
            ratios([max(0.0, one - ALLOWANCE) for one in spent["through"]], spent["direct"]),
            ratios(spent["control"], spent["direct"]),
            Bound.AT_MOST,
            TARGET,
            notes=notes | {"added to an upstream that answers at once: ms": 1_000 * added},
        )
    ]


class _Through:
    """`GET /upstream/theapi/token`, each time with an expired token."""

    def __init__(self, auth: Service, database: Database) -> None:
        self._connection = Connection(auth.port)
        self._database = database
        body = {"email": _EMAIL, "password": _PASSWORD, "name": "Ada"}
        pair = _post(self._connection, "/api/v1/auth/upstream/theapi/register", body)
        self._request = get("/api/v1/auth/upstream/theapi/token", pair["access_token"])
        self._last = ""

    def time(self) -> float:
        """Return the median seconds of a request."""
        return statistics.median(self._once() for _ in range(_REQUESTS))

    def _once(self) -> float:
        self._database.execute(_EXPIRE)
        self._database.execute(_FORGET_READS)
        started = time.perf_counter()
        answer = self._connection.request(self._request)
        spent = time.perf_counter() - started
        token = json.loads(answer)["access_token"]
        assert token != self._last, "nothing was refreshed"
        self._last = token
        return spent


class _Direct:
    """The same exchange with the upstream, by a client of its own."""

    def __init__(self, example: ExampleUpstream) -> None:
        self._port = example.port
        answer = _post(Connection(self._port), "/api/login", {"username": _EMAIL, "password": _PASSWORD})
        self._refresh_token = answer["refresh"]

    def time(self) -> float:
        """Return the median seconds of a request."""
        connection = Connection(self._port)  # the server closes one that is idle for seconds
        try:
            return statistics.median(self._once(connection) for _ in range(_REQUESTS))
        finally:
            connection.close()

    def _once(self, connection: Connection) -> float:
        started = time.perf_counter()
        answer = _post(connection, _REFRESH, {"refresh": self._refresh_token})
        spent = time.perf_counter() - started
        self._refresh_token = answer["refresh"]
        return spent


def _auth(stack: Stack, database: Database, example: ExampleUpstream) -> Service:
    folder = stack.machine.folder
    upstreams, keys = folder / "upstreams.json", folder / "upstream-keys.json"
    upstreams.write_text(json.dumps({"theapi": example.settings()}), encoding="utf-8")
    make_first_key(keys)
    settings = {
        "DOORWARD_UPSTREAMS_FILE": str(upstreams),
        "DOORWARD_VAULT_KEYS_FILE": str(keys),
        "DOORWARD_REGISTRATION": "open",
    }
    log: Path = stack.machine.new_log("auth")
    service = MeasuredService("auth", database_url=database.url, log=log, env=settings)
    stack.machine.pin(service, one_core=True)
    stack.machine.start(service)
    return service


def _post(connection: Connection, path: str, body: dict[str, str]) -> Any:
    return json.loads(connection.request(post(path, json.dumps(body).encode("utf-8"))))
