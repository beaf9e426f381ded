"""The results of a run: ratios with goals, tables, and a JSON document."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from bench.peers import django_rest, doorward, keycloak
from bench.peers.measurement import Result, Sample
from bench.peers.peer import TITLES, Kind
from bench.report import figure_document
from bench.rounds import Bound, Figure, ratios

GOALS: Final[Mapping[tuple[Kind, str], float]] = {
    (Kind.REFRESH, django_rest.NAME): 4.0,
    (Kind.REFRESH, keycloak.NAME): 5.0,
    (Kind.PROFILE, keycloak.NAME): 1.1,
    (Kind.TOKEN, keycloak.NAME): 2.0,
    (Kind.AUTHORIZE, keycloak.NAME): 2.0,
    (Kind.EXCHANGE, keycloak.NAME): 2.0,
    (Kind.USERINFO, keycloak.NAME): 2.0,
}
"""How many times a peer's speed is wanted. Of the other pairs, as much as the peer's."""

_COLUMNS: Final = (
    "work",
    "server",
    "requests per CPU-second",
    "rounds",
    "database, CPU-ms",
    "requests a second",
)


def figures(results: Sequence[Result]) -> list[Figure]:
    """Return Doorward's speed over each peer's; the control is the second Doorward's over the first's."""
    found = []
    for result in results:
        if doorward.NAME not in result.samples:
            continue
        own = result.speeds(doorward.NAME)
        control = ratios(result.speeds(doorward.CONTROL), own)
        found += [
            Figure(
                f"{TITLES[result.kind]} / {name}",
                ratios(own, result.speeds(name)),
                control,
                Bound.AT_LEAST,
                GOALS.get((result.kind, name), 1.0),
            )
            for name in result.samples
            if name not in {doorward.NAME, doorward.CONTROL}
        ]
    return found


def table(results: Sequence[Result]) -> str:
    """Return the speeds as a Markdown table."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    for result in results:
        for name in result.samples:
            speeds = result.speeds(name)
            cells = (
                TITLES[result.kind],
                name,
                number(statistics.median(speeds)),
                f"{number(min(speeds))} - {number(max(speeds))}",
                f"{result.database_ms(name):.2f}",
                number(result.per_second(name)),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Format a number with three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Report:
    """All of a run: results, what each server is, why others were not measured, and the circumstances."""

    results: Sequence[Result]
    servers: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, str]
    run: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return it for JSON, with the ratios."""
        return {
            "run": dict(self.run),
            "servers": {name: dict(about) for name, about in self.servers.items()},
            "not measured": dict(self.missing),
            "work": {
                result.kind.value: {
                    "title": TITLES[result.kind],
                    "requests": dict(result.requests),
                    "samples": {
                        name: [asdict(sample) for sample in found] for name, found in result.samples.items()
                    },
                }
                for result in self.results
            },
            "figures": [figure_document(figure) for figure in figures(self.results)],
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what document() returned."""
        measured = [
            Result(
                Kind(kind),
                work["requests"],
                {name: [Sample(**sample) for sample in found] for name, found in work["samples"].items()},
            )
            for kind, work in document["work"].items()
        ]
        return cls(measured, document["servers"], document["not measured"], document["run"])
