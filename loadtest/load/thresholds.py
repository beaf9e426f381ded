"""Thresholds of a run by route, and which of them the run violated."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from load.http_client import EDGE_LIMIT
from load.user_session import LOGIN

MIN_REQUESTS: Final = 20
"""A route's p95 is evaluated from this many requests on: of fewer it would be the maximum."""

_REJECTED: Final = "rejected: "
_EXPIRED: Final = "expired"
_ROW: Final = re.compile(rf"(?P<template>\S+)(?: \((?P<outcome>{_EXPIRED}|{_REJECTED}\S*)\))?")
_RULE: Final = re.compile(r"(?:(?P<route>[A-Z]+ /\S*)\s+)?(?P<limits>\w+=\S+(?:\s+\w+=\S+)*)")
_FORM: Final = (
    "a threshold looks like `p95=800` or `GET /api/v1/users p95=500 errors=0.01 rejected=0`,"
    " in milliseconds and shares of 1"
)
_EDGE_LIMITED: Final = (
    "all routes: HAProxy's limit per source was measured, not the services; for a load test raise"
    " DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S"
)


class ThresholdError(ValueError):
    """A rule cannot be parsed; the message shows the form."""


@dataclass(frozen=True)
class Limits:
    """The maximum allowed: milliseconds, and shares of 1."""

    p95: float
    errors: float
    rejected: float


DEFAULT: Final = Limits(p95=1_000, errors=0.01, rejected=0.0)
ROUTES: Final[Mapping[str, Limits]] = {
    # Password hashes are slow on purpose, and concurrent logins queue for the cores.
    LOGIN: Limits(p95=2_500, errors=0.01, rejected=0.05),
}


@dataclass(frozen=True)
class StatsRow:
    """One row of locust's statistics; `row_name` makes its name. p95 is in milliseconds."""

    method: str
    name: str
    requests: int
    failures: int
    p95: float


@dataclass(frozen=True)
class RouteStats:
    """Statistics of one route. `requests` excludes rejections and expired tokens."""

    route: str
    requests: int = 0
    failures: int = 0
    p95: float = 0.0
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Number of rejections by error code."""
    expired: int = 0

    @property
    def rejected_share(self) -> float:
        rejected = sum(self.rejected.values())
        return rejected / (rejected + self.requests) if rejected else 0.0


@dataclass(frozen=True)
class Thresholds:
    """The limits of every route."""

    default: Limits = DEFAULT
    routes: Mapping[str, Limits] = field(default_factory=lambda: dict(ROUTES))
    named: frozenset[tuple[str, str]] = frozenset()
    """Routes and limits from the caller's rules: if one cannot be evaluated, it is violated."""

    def with_rules(self, rules: Iterable[str]) -> Self:
        """Apply rules in order: `p95=800`, or `GET /api/v1/users p95=500 errors=0`.

        A rule without a route changes every route, including routes with limits of their own. Raises
        ThresholdError.
        """
        changed = self
        for rule in rules:
            changed = changed._with(rule)
        return changed

    def limits(self, route: str) -> Limits:
        return self.routes.get(route, self.default)

    def violations(self, stats: Sequence[RouteStats]) -> list[str]:
        """Return a line for each limit that the run violated."""
        lines = [line for route in stats for line in _violations(route, self.limits(route.route))]
        requests = sum(route.requests for route in stats)
        failures = sum(route.failures for route in stats)
        if requests and failures / requests > self.default.errors:
            lines.append(
                f"all routes: {_share(failures, requests)} errors, allowed {self.default.errors:.2%}"
            )
        if requests == failures:
            lines.append("all routes: no request succeeded, so nothing was measured")
        if any(EDGE_LIMIT in route.rejected for route in stats):
            lines.append(_EDGE_LIMITED)
        return lines + self._not_evaluated(stats)

    def _not_evaluated(self, stats: Sequence[RouteStats]) -> list[str]:
        requests = {route.route: route.requests for route in stats}
        missing = {route for route, _ in self.named} - requests.keys()
        rare = [
            route
            for route, limit in sorted(self.named)
            if limit == "p95" and requests.get(route, MIN_REQUESTS) < MIN_REQUESTS
        ]
        return [
            *(f"{route}: has a threshold, but no request was sent" for route in sorted(missing)),
            *(f"{route}: {requests[route]} requests, p95 needs {MIN_REQUESTS}" for route in rare),
        ]

    def _with(self, rule: str) -> Self:
        match = _RULE.fullmatch(rule.strip())
        if match is None:
            raise ThresholdError(f"{rule!r}: {_FORM}")
        values = dict(_parse_limit(pair) for pair in match["limits"].split())
        route = match["route"]
        if route is None:
            routes = {name: replace(limits, **values) for name, limits in self.routes.items()}
            return replace(self, default=replace(self.default, **values), routes=routes)
        routes = {**self.routes, route: replace(self.limits(route), **values)}
        return replace(self, routes=routes, named=self.named | {(route, limit) for limit in values})


def routes_without_p95(stats: Iterable[RouteStats]) -> list[str]:
    """Return the routes with too few requests to evaluate their p95."""
    return [route.route for route in stats if route.requests < MIN_REQUESTS]


def row_name(template: str, *, rejected: str | None = None, expired: bool = False) -> str:
    """Return the row in which locust counts a response; rejections and expired tokens have their own."""
    if rejected is not None:
        return f"{template} ({_REJECTED}{rejected})"
    return f"{template} ({_EXPIRED})" if expired else template


def route_stats(rows: Iterable[StatsRow]) -> list[RouteStats]:
    """Combine the rows of each route, sorted by path."""
    stats: dict[str, RouteStats] = {}
    for row in rows:
        match = _ROW.fullmatch(row.name)
        if match is None:
            raise ValueError(f"not a route: {row.name}")
        route = f"{row.method} {match['template']}"
        known, outcome = stats.get(route, RouteStats(route)), match["outcome"]
        if outcome is None:
            known = replace(known, requests=row.requests, failures=row.failures, p95=row.p95)
        elif outcome == _EXPIRED:
            known = replace(known, expired=row.requests)
        else:
            code = outcome.removeprefix(_REJECTED)
            known = replace(known, rejected={**known.rejected, code: row.requests})
        stats[route] = known
    return sorted(stats.values(), key=lambda known: known.route.split(" ")[::-1])


def _violations(stats: RouteStats, limits: Limits) -> Iterable[str]:
    if stats.requests and stats.failures / stats.requests > limits.errors:
        yield f"{stats.route}: {_share(stats.failures, stats.requests)} errors, allowed {limits.errors:.2%}"
    if stats.requests >= MIN_REQUESTS and stats.p95 > limits.p95:
        yield f"{stats.route}: p95 {stats.p95:g} ms, allowed {limits.p95:g} ms"
    if stats.rejected_share > limits.rejected:
        codes = ", ".join(f"{count} {code}" for code, count in sorted(stats.rejected.items()))
        yield f"{stats.route}: {stats.rejected_share:.2%} rejected ({codes}), allowed {limits.rejected:.2%}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.2%})"


def _parse_limit(pair: str) -> tuple[str, float]:
    name, _, text = pair.partition("=")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    maximum = math.inf if name == "p95" else 1.0
    if name not in {"p95", "errors", "rejected"} or not 0 <= value <= maximum:
        raise ThresholdError(f"{pair!r}: {_FORM}")
    return name, value
