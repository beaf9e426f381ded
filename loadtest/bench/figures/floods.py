"""Logins of users while others flood the same core with logins."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from bench import seed_users
from bench.background_load import BackgroundLoad, ClosedLoopLoad
from bench.http_client import TIMEOUT
from bench.open_loop import OpenLoop
from bench.plan import Plan
from bench.rounds import Bound, Figure, measure_rounds, percentile, ratios
from bench.stack import Stack
from support.services import Service

TARGET: Final = 3.0
RATE: Final = 1.0
"""Logins a second, each of another user from another source: a fortieth of the core's capacity."""

CONNECTIONS: Final = 24
GUESSING_CONNECTIONS: Final = 48
SOURCES: Final = 200
_LOGIN_STATUSES: Final = (b"2", b"429", b"503")
_GUESS_STATUSES: Final = (*_LOGIN_STATUSES, b"401")
"""Statuses that floods may get; the measured logins have the right password, so 401 is not theirs."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare logins alone with those during four floods, and with those of an identical process."""
    return _Floods(stack, plan).figures()


def _from(source: int, request: bytes) -> bytes:
    """Return the request as a trusted proxy would pass it on from a source."""
    address = f"10.{source >> 16}.{source >> 8 & 255}.{source & 255}"
    return request.replace(b"\r\n", f"\r\nX-Forwarded-For: {address}\r\n".encode("ascii"), 1)


def _from_each(sources: Iterable[int], requests: Sequence[bytes]) -> list[bytes]:
    return [_from(source, requests[number % len(requests)]) for number, source in enumerate(sources)]


class _Floods:
    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._plan = plan
        self._server, self._control = stack.service("auth"), stack.service("auth")
        logins = stack.users.logins
        attackers, victims = logins[: len(logins) // 2], logins[len(logins) // 2 :]
        self._of_one_source = [_from(1, login) for login in attackers]
        pending = seed_users.pending_logins(stack.database_url, CONNECTIONS)
        self._of_registrations = [_from(2, login) for login in pending]
        self._guesses = [_from(3, seed_users.with_wrong_password(login)) for login in attackers]
        self._of_many_sources = _from_each(range(100, 100 + SOURCES), attackers)
        self._victims = _from_each(range(10_000, 10_000 + len(victims)), victims)
        self._latencies: dict[str, list[float]] = {}

    def figures(self) -> list[Figure]:
        arms = {
            "alone": partial(self._arm, "alone", self._server, BackgroundLoad),
            "one source": partial(self._arm, "one source", self._server, self._one_source),
            "many sources": partial(self._arm, "many sources", self._server, self._many_sources),
            "registrations": partial(self._arm, "registrations", self._server, self._registrations),
            "guesses": partial(self._arm, "guesses", self._server, self._guessing),
            "control": partial(self._arm, "control", self._control, BackgroundLoad),
        }
        p95 = measure_rounds(arms, self._plan.latency_rounds)
        self._server.stop()
        self._control.stop()
        return [
            self._figure(f"while one source logs in on {CONNECTIONS} connections", "one source", p95),
            self._figure(f"while {SOURCES} sources log in on two connections each", "many sources", p95),
            self._figure(
                f"while {CONNECTIONS} connections log in to unverified registrations",
                "registrations",
                p95,
            ),
            self._figure(f"while {GUESSING_CONNECTIONS} connections guess passwords", "guesses", p95),
        ]

    def _one_source(self) -> BackgroundLoad:
        return ClosedLoopLoad(self._server.port, self._of_one_source, CONNECTIONS, accepts=_LOGIN_STATUSES)

    def _many_sources(self) -> BackgroundLoad:
        return ClosedLoopLoad(self._server.port, self._of_many_sources, 2 * SOURCES, accepts=_LOGIN_STATUSES)

    def _registrations(self) -> BackgroundLoad:
        return ClosedLoopLoad(self._server.port, self._of_registrations, CONNECTIONS, accepts=_GUESS_STATUSES)

    def _guessing(self) -> BackgroundLoad:
        return ClosedLoopLoad(self._server.port, self._guesses, GUESSING_CONNECTIONS, accepts=_GUESS_STATUSES)

    def _arm(self, name: str, service: Service, background: Callable[[], BackgroundLoad]) -> float:
        """Return the p95, where a rejected login counts as one that took half a minute."""
        loop = OpenLoop(service.port, self._victims, RATE, accepts=_LOGIN_STATUSES)
        # The next arm's users are others: one who logs in again within a minute is no newcomer.
        count = int(self._plan.latency_window * RATE)
        self._victims = self._victims[count:] + self._victims[:count]
        latencies = loop.latencies(self._plan.latency_window, background())
        self._latencies.setdefault(name, []).extend(latencies)
        return percentile(latencies, 0.95)

    def _figure(self, title: str, name: str, p95: dict[str, list[float]]) -> Figure:
        rejected = sum(latency >= TIMEOUT for latency in self._latencies[name])
        notes: dict[str, float | str] = {"logins": len(self._latencies[name]), "of them rejected": rejected}
        for arm in ("alone", name):
            notes[f"p95 {arm} ms"] = percentile(self._latencies[arm], 0.95) * 1000
        return Figure(
            f"p95 of logins {title} / alone",
            ratios(p95[name], p95["alone"]),
            ratios(p95["control"], p95["alone"]),
            Bound.AT_MOST,
            TARGET,
            notes=notes,
        )
