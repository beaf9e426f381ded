"""Alerts and the dashboard use existing metrics and labels, and every alert has a runbook."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from chart.alerts import alerts
from chart.haproxy_metrics import LABELS as OF_HAPROXY
from chart.queries import Read, reads
from chart.render import CHART
from chart.tools import ROOT
from doorward_auth.main import create_app as create_auth
from doorward_auth.settings import AuthSettings
from doorward_auth.upstream.grants.metrics import UpstreamMetrics
from doorward_tickets.main import create_app as create_tickets
from doorward_tickets.settings import TicketsSettings
from doorward_users.main import create_app as create_users
from doorward_users.settings import UsersSettings

OF_OTHERS: Final = {"up", "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"}
"""Metrics of Prometheus and the kubelet."""

OF_THE_TARGET: Final = {"namespace", "service", "pod", "container"}
"""Labels that a ServiceMonitor gives to every metric."""

SUFFIXES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
BASE: Final = {
    "database_url": SecretStr("sqlite://"),
    "secret_key": SecretStr("only to build the applications, never to sign"),
}
MAIL: Final = {"smtp_host": "smtp.example.com", "mail_from": "doorward@example.com"}
CAPTCHA: Final = {
    "captcha_verify_url": "https://captcha.example.com/siteverify",
    "captcha_secret": SecretStr("only to build the application"),
}
ELSEWHERE: Final = {
    "auth_url": "http://auth:8000/api/v1/auth",
    "users_url": "http://users:8000/api/v1/users",
    "client_id": "tickets",
    "client_secret": SecretStr("only to build the applications, never to ask"),
}


@dataclass(frozen=True)
class Query:
    """An expression, its alert or panel, and the labels in its legend."""

    owner: str
    text: str
    shown: frozenset[str] = frozenset()


def applications() -> Iterator[FastAPI]:
    yield create_auth(AuthSettings.model_validate(BASE | MAIL | CAPTCHA))
    yield create_users(UsersSettings.model_validate(BASE))
    yield create_tickets(TicketsSettings.model_validate(BASE | MAIL | ELSEWHERE))


def registries() -> Iterator[CollectorRegistry]:
    for application in applications():
        registry: CollectorRegistry = application.state.metrics.registry
        yield registry
    of_upstreams = CollectorRegistry()
    UpstreamMetrics(of_upstreams, ["theapi"])
    yield of_upstreams


@cache
def exposed() -> dict[str, frozenset[str]]:
    """Return the labels of the services' metrics, with every feature enabled, by scraped name."""
    found: dict[str, frozenset[str]] = {}
    for registry in registries():
        for family in registry.collect():
            if family.name.startswith("doorward_"):
                # There is no public way to read the labels of a metric without samples.
                collector: Any = registry._names_to_collectors[family.name]
                labels = frozenset(collector._labelnames)
                for suffix in SUFFIXES[family.type]:
                    found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found | OF_HAPROXY


@cache
def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
    return document


def panels() -> Iterator[dict[str, Any]]:
    """Yield the panels; those of a row that is collapsed are in the row."""
    for panel in dashboard()["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries() -> list[Query]:
    of_panels = [
        Query(panel["title"], target["expr"], frozenset(re.findall(r"{{(\w+)}}", target["legendFormat"])))
        for panel in panels()
        for target in panel.get("targets", [])
    ]
    return [*(Query(rule["alert"], rule["expr"]) for rule in alerts()), *of_panels]


ALL: Final = [pytest.param(query, id=query.owner) for query in queries()]


def our_metrics(query: Query) -> list[Read]:
    found = reads(query.text)
    assert found, query.text
    return [expression for expression in found if expression.metric not in OF_OTHERS]


def test_alerts_and_metrics_are_found() -> None:
    assert len(alerts()) > 10
    assert len(ALL) > len(alerts()) + 10
    assert exposed()["doorward_http_request_duration_seconds_bucket"] >= {"route", "le"}


@pytest.mark.parametrize("query", ALL)
def test_every_metric_exists(query: Query) -> None:
    assert {our.metric for our in our_metrics(query)} <= exposed().keys()


@pytest.mark.parametrize("query", ALL)
def test_every_label_exists(query: Query) -> None:
    for our in our_metrics(query):
        labels = exposed()[our.metric]
        # Prometheus would rename the metric's label to `exported_...`.
        assert not labels & OF_THE_TARGET, our.metric
        assert our.matched | our.grouped <= labels | OF_THE_TARGET, our
        assert "namespace" in our.matched, f"{our.metric} of every installation in the cluster"


@pytest.mark.parametrize("query", ALL)
def test_a_legend_uses_labels_that_its_query_groups_by(query: Query) -> None:
    for read in reads(query.text):
        assert query.shown <= read.grouped


def test_the_dashboard_places_each_panel_once() -> None:
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    taken = [
        (panel["gridPos"]["x"], y)
        for panel in panels()
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)


def test_every_metric_of_upstreams_is_on_the_dashboard_or_has_an_alert() -> None:
    registry = CollectorRegistry()
    UpstreamMetrics(registry, [])
    used = {read.metric for query in queries() for read in reads(query.text)}
    unused = [
        family.name
        for family in registry.collect()
        if not used & {family.name + suffix for suffix in SUFFIXES[family.type]}
    ]
    assert unused == []


def test_the_dashboard_selects_a_namespace() -> None:
    (chosen,) = [one["query"] for one in dashboard()["templating"]["list"] if one["type"] == "query"]
    named = re.fullmatch(r"label_values\((\w+), (\w+)\)", chosen)
    assert named is not None
    assert named[1] in exposed()
    assert named[2] in OF_THE_TARGET


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in alerts()]
    assert sorted(re.findall(r"^### (Doorward\w+)$", text, re.MULTILINE)) == sorted(names)


def test_the_runbook_lists_the_critical_alerts() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    introduction = text.split("\n## Alerts\n")[1].split("\n### ")[0]
    critical = [rule["alert"] for rule in alerts() if rule["labels"]["severity"] == "critical"]
    assert sorted(re.findall(r"`(Doorward\w+)`", introduction)) == sorted(critical)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_has_a_severity_a_summary_and_a_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
