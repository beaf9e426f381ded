"""The results as a page with a chart, and as the section of docs/performance.md."""

import re
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from bench import report
from bench.peers import doorward
from bench.peers.measurement import Result
from bench.peers.peer import TITLES
from bench.peers.results import Report, figures, number, table
from bench.peers.svg import Bar, Group, bar_chart

_DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "performance.md"
_IMAGE: Final = "images/peers.svg"
_BLOCK: Final = re.compile(r"(<!-- peers -->\n).*?(<!-- /peers -->)", re.DOTALL)
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    ":root{color-scheme:light dark}svg{max-width:100%;height:auto}pre{overflow:auto}"
)
_HEAD: Final = (
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Doorward and its peers</title>'
    f"<style>{_STYLE}</style>"
)


def chart(measured: Sequence[Result]) -> str:
    """Draw the requests per CPU-second of every peer; the control is left out."""
    return bar_chart([Group(TITLES[result.kind], _bars(result)) for result in measured])


def html(found: Report) -> str:
    """Return the page, which needs no other file."""
    return "\n".join(
        [
            _HEAD,
            f"<h1>Doorward and its peers</h1>\n<p>{escape(circumstances(found.run))}</p>",
            *(f"<p><strong>{escape(line)}</strong></p>" for line in not_measured(found.missing)),
            "<h2>Requests per CPU-second of the server</h2>",
            "<p>The lines are the least and the most of the rounds.</p>",
            chart(found.results),
            f"<h2>Ratios</h2>\n<pre>{escape(report.table(figures(found.results)))}</pre>",
            f"<h2>Speeds</h2>\n<pre>{escape(table(found.results))}</pre>",
            f"<h2>Servers</h2>\n<pre>{escape(servers(found.servers))}</pre>",
            f"<h2>Requests</h2>\n<pre>{escape(requests(found.results))}</pre>\n</html>\n",
        ]
    )


def record(found: Report) -> None:
    """Write the chart and the section into docs/."""
    parts = [
        circumstances(found.run),
        *not_measured(found.missing),
        report.table(figures(found.results)),
        f"![Requests per CPU-second of each server]({_IMAGE})",
        table(found.results),
        servers(found.servers),
        requests(found.results),
    ]
    text = _DOCUMENT.read_text(encoding="utf-8")
    section = "\n\n".join(parts)
    _DOCUMENT.write_text(
        _BLOCK.sub(lambda block: f"{block[1]}\n{section}\n\n{block[2]}", text), encoding="utf-8"
    )
    (_DOCUMENT.parent / _IMAGE).write_text(chart(found.results), encoding="utf-8")


def circumstances(run: Mapping[str, Any]) -> str:
    """Say when and where a run was, and how busy the machine was."""
    kind = "A quick run, whose figures say little," if run["quick"] else "A run"
    return (
        f"{kind} of {run['date']}: {run['users']:,} users, {run['rounds']} rounds of {run['window']:g} s, "
        f"{run['seconds']:,} s in all. Machine: {run['cores']} cores, {run['processor']}, "
        f"Python {run['python']}, {run['database']}, {run['java']}. "
        f"Load average before and after: {run['load_before']:.1f} and {run['load_after']:.1f}; "
        "the run itself makes about 2."
    )


def not_measured(missing: Mapping[str, str]) -> list[str]:
    """Name the peers that could not be measured, with the reason."""
    return [f"NOT measured: {name}. {reason}" for name, reason in missing.items()]


def servers(about: Mapping[str, Mapping[str, str]]) -> str:
    """Return the versions, hashes and commands of the servers as a Markdown table."""
    names = list(dict.fromkeys(name for one in about.values() for name in one))
    lines = ["| server | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    lines += [
        f"| {server} | " + " | ".join(one.get(name, "") for name in names) + " |"
        for server, one in about.items()
        if server != doorward.CONTROL
    ]
    return "\n".join(lines)


def requests(measured: Sequence[Result]) -> str:
    """Return which request each server got, as a Markdown table."""
    lines = ["| work | server | request |", "|---|---|---|"]
    for result in measured:
        lines += [
            f"| {TITLES[result.kind]} | {name} | {request} |"
            for name, request in result.requests.items()
            if name != doorward.CONTROL
        ]
    return "\n".join(lines)


def _bars(result: Result) -> list[Bar]:
    bars = []
    for name in result.samples:
        if name != doorward.CONTROL:
            speeds = result.speeds(name)
            median = statistics.median(speeds)
            is_own = name == doorward.NAME
            bars.append(Bar(name, median, min(speeds), max(speeds), number(median), is_own=is_own))
    return bars
