"""The metrics exist, and their labels contain only the route of a request."""

import uuid
from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People
from integration.harness.routes import ROUTES
from support.services import Service

LABELS = {
    "method",
    "route",
    "status",
    "database",
    "executor",
    "state",
    "code",
    "outcome",
    "batch",
    "reason",
    "le",
    "service",
    "limit",
    "outbox",
    "template",
    "failure",
    "store",
    "build",
}
LABELS_OF_PYTHON = {"generation", "implementation", "major", "minor", "patchlevel", "version"}


def scrape(deployment: Deployment, service: Service) -> dict[str, Metric]:
    text = deployment.client.get(service.url + "/metrics").text
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Metric], sample_name: str, **labels: str) -> float:
    """Return the sum of the samples with these labels."""
    return sum(
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == sample_name and labels.items() <= sample.labels.items()
    )


def labels_of(families: dict[str, Metric]) -> Iterator[tuple[str, str]]:
    for family in families.values():
        for sample in family.samples:
            yield from sample.labels.items()


def test_labels_contain_route_templates_and_no_request_data(deployment: Deployment, people: People) -> None:
    scanned = uuid.uuid4()
    deployment.call("GET", f"{USERS}/{scanned}", people.user.access)
    deployment.call("GET", people.other.path + "?limit=77", people.user.access)
    for path in (f"{USERS}/wp-admin.php", f"/scanned/{scanned}", f"{AUTH}/scanned/{scanned}"):
        deployment.call("GET", path)
    deployment.call("SCAN", USERS)
    deployment.call("POST", f"{AUTH}/token", json={"email": people.user.email, "password": "scanned"})
    templates = {route.path for route in ROUTES} | {"unmatched", "/livez", "/readyz", "/metrics"}
    for service in deployment.services:
        families = scrape(deployment, service)
        for name, label in labels_of(families):
            assert name in LABELS | LABELS_OF_PYTHON
            if name == "route":
                assert label in templates
            for unwanted in (str(scanned), people.other.id, people.user.email, "scanned", "SCAN", "wp-admin"):
                assert unwanted not in label


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("service_name", ["auth", "users"])
def test_the_metrics_for_operators_exist(deployment: Deployment, service_name: str) -> None:
    service: Service = getattr(deployment, service_name)
    families = scrape(deployment, service)
    for executor in ("hash", "database"):
        for name in ("doorward_executor_queue_depth", "doorward_executor_wait_seconds_count"):
            assert any(
                sample.name == name and sample.labels.get("executor") == executor
                for family in families.values()
                for sample in family.samples
            ), f"{name} of {executor}"
    assert value(families, "doorward_database_pool_connections") >= 1
    assert value(families, "doorward_argon2_build_info") == 1
    assert value(families, "process_resident_memory_bytes") > 1_000_000
    assert value(families, "doorward_http_requests_in_progress") == 1, "the scrape itself"


def test_counters_increase_with_requests(deployment: Deployment, people: People) -> None:
    route = f"{AUTH}/token"

    def counts() -> tuple[float, ...]:
        families = scrape(deployment, deployment.auth)
        return (
            value(families, "doorward_http_requests_total", route=route, status="200"),
            value(families, "doorward_http_requests_total", route=route, status="401"),
            value(families, "doorward_http_request_duration_seconds_count", route=route),
            value(families, "doorward_executor_wait_seconds_count", executor="hash"),
            value(families, "doorward_tokens_rejected_total"),
        )

    before = counts()
    for password in (PASSWORD, PASSWORD, "wrong"):
        deployment.call("POST", route, json={"email": people.user.email, "password": password})
    deployment.call("GET", f"{AUTH}/me", "garbage")
    after = counts()
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1, 3, 3, 1]
