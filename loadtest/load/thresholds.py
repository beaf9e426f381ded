"""What a run has to hold, by route, and whether it did."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from load.session import LOGIN
from load.wire import EDGE_LIMIT

FEWEST: Final = 20
"""Requests from which on a route's p95 is judged: of fewer it would be the slowest of all."""

_REFUSED: Final = "refused: "
_EXPIRED: Final = "expired"
_ROW: Final = re.compile(rf"(?P<template>\S+)(?: \((?P<what>{_EXPIRED}|{_REFUSED}\S*)\))?")
_RULE: Final = re.compile(r"(?:(?P<route>[A-Z]+ /\S*)\s+)?(?P<limits>\w+=\S+(?:\s+\w+=\S+)*)")
_EDGE_MEASURED: Final = (
    "all routes: HAProxy's limit for one source was measured, not what is behind it; for a load test raise"
    " DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S there"
)


class ThresholdError(ValueError):
    """A threshold cannot be read; the message says what one looks like."""


@dataclass(frozen=True)
class Limits:
    """The most that is allowed: milliseconds, and shares of 1."""

    p95: float
    errors: float
    refused: float


DEFAULT: Final = Limits(p95=1_000, errors=0.01, refused=0.0)
ROUTES: Final[Mapping[str, Limits]] = {
    # A password's hash is slow on purpose, and a few who come at once wait for each other.
    LOGIN: Limits(p95=2_500, errors=0.01, refused=0.05),
}


@dataclass(frozen=True)
class Row:
    """One row of the statistics: `name` is what `row_name` made."""

    method: str
    name: str
    requests: int
    failures: int
    p95: float


@dataclass(frozen=True)
class Figures:
    """One route of a run. Refusals and tokens whose time was over are counted apart from `requests`."""

    route: str
    requests: int = 0
    failures: int = 0
    p95: float = 0.0
    refused: Mapping[str, int] = field(default_factory=dict)
    """How many by code."""
    expired: int = 0

    @property
    def refused_share(self) -> float:
        """Refusals as a share of everything that was asked."""
        refused = sum(self.refused.values())
        return refused / (refused + self.requests) if refused else 0.0


@dataclass(frozen=True)
class Thresholds:
    """The limits of every route."""

    default: Limits = DEFAULT
    routes: Mapping[str, Limits] = field(default_factory=lambda: dict(ROUTES))
    named: frozenset[tuple[str, str]] = frozenset()
    """Routes and limits that whoever runs has named: one that cannot be judged has not been held."""

    def changed(self, rules: Iterable[str]) -> Self:
        """Return these with rules applied in order: `p95=800`, or `GET /api/v1/users p95=500 errors=0`.

        A rule without a route changes every route, also those that have limits of their own. Raises
        ThresholdError.
        """
        changed = self
        for rule in rules:
            changed = changed._with(rule)
        return changed

    def limits(self, route: str) -> Limits:
        """Return the limits of a route."""
        return self.routes.get(route, self.default)

    def broken(self, figures: Sequence[Figures]) -> list[str]:
        """Judge a run; return a line for each limit that did not hold."""
        lines = [line for one in figures for line in _broken(one, self.limits(one.route))]
        asked = sum(one.requests for one in figures)
        failed = sum(one.failures for one in figures)
        if asked and failed / asked > self.default.errors:
            lines.append(f"all routes: {_share(failed, asked)} errors, allowed {self.default.errors:.2%}")
        if not any(one.requests - one.failures for one in figures):
            lines.append("all routes: nothing was answered, so nothing was measured")
        if any(EDGE_LIMIT in one.refused for one in figures):
            lines.append(_EDGE_MEASURED)
        return lines + self._unheld(figures)

    def unjudged(self, figures: Sequence[Figures]) -> list[str]:
        """Return the routes whose p95 was not judged."""
        return [one.route for one in figures if one.requests < FEWEST]

    def _unheld(self, figures: Sequence[Figures]) -> list[str]:
        asked = {one.route: one.requests for one in figures}
        unseen = {route for route, _ in self.named} - asked.keys()
        rare = [
            route
            for route, limit in sorted(self.named)
            if limit == "p95" and asked.get(route, FEWEST) < FEWEST
        ]
        return [
            *(f"{route}: has a threshold, and nobody asked for it" for route in sorted(unseen)),
            *(f"{route}: {asked[route]} requests, p95 is judged from {FEWEST} on" for route in rare),
        ]

    def _with(self, rule: str) -> Self:
        found = _RULE.fullmatch(rule.strip())
        if found is None:
            raise ThresholdError(f"{rule!r}: {_FORM}")
        values = dict(_value(pair) for pair in found["limits"].split())
        route = found["route"]
        if route is None:
            routes = {name: replace(limits, **values) for name, limits in self.routes.items()}
            return replace(self, default=replace(self.default, **values), routes=routes)
        routes = {**self.routes, route: replace(self.limits(route), **values)}
        return replace(self, routes=routes, named=self.named | {(route, limit) for limit in values})


_FORM: Final = (
    "a threshold looks like `p95=800` or `GET /api/v1/users p95=500 errors=0.01 refused=0`,"
    " in milliseconds and shares of 1"
)


def row_name(template: str, *, refused: str | None = None, expired: bool = False) -> str:
    """Return the name under which an answer is counted: what is no success and no error has its own row."""
    if refused is not None:
        return f"{template} ({_REFUSED}{refused})"
    return f"{template} ({_EXPIRED})" if expired else template


def figures_of(rows: Iterable[Row]) -> list[Figures]:
    """Put the rows of each route together, in the order of routes."""
    figures: dict[str, Figures] = {}
    for row in rows:
        found = _ROW.fullmatch(row.name)
        if found is None:
            raise ValueError(f"not a route: {row.name}")
        route = f"{row.method} {found['template']}"
        one, what = figures.get(route, Figures(route)), found["what"]
        if what is None:
            one = replace(one, requests=row.requests, failures=row.failures, p95=row.p95)
        elif what == _EXPIRED:
            one = replace(one, expired=row.requests)
        else:
            one = replace(one, refused={**one.refused, what.removeprefix(_REFUSED): row.requests})
        figures[route] = one
    return sorted(figures.values(), key=lambda one: one.route.split(" ")[::-1])


def _broken(one: Figures, limits: Limits) -> Iterable[str]:
    if one.requests and one.failures / one.requests > limits.errors:
        yield f"{one.route}: {_share(one.failures, one.requests)} errors, allowed {limits.errors:.2%}"
    if one.requests >= FEWEST and one.p95 > limits.p95:
        yield f"{one.route}: p95 {one.p95:g} ms, allowed {limits.p95:g} ms"
    if one.refused_share > limits.refused:
        refused = ", ".join(f"{count} {code}" for code, count in sorted(one.refused.items()))
        yield f"{one.route}: {one.refused_share:.2%} refused ({refused}), allowed {limits.refused:.2%}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.2%})"


def _value(pair: str) -> tuple[str, float]:
    name, _, text = pair.partition("=")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    longest = math.inf if name == "p95" else 1.0
    if name not in {"p95", "errors", "refused"} or not 0 <= value <= longest:
        raise ThresholdError(f"{pair!r}: {_FORM}")
    return name, value
