"""Routine operations and failures, each while requests arrive; on one installation, in this order."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
import pytest

from cluster.kube import EVERY_SERVICE, Namespace, Release, kubectl
from cluster.measured import Measured
from cluster.people import AUTH, TICKETS, Person, bearer, sign_in, token_header
from cluster.traffic import Outcomes, Traffic
from support.haproxy import HAProxy

_NEXT_TAG: Final = os.environ.get("NEXT_IMAGE_TAG", "next")
_OUTAGE_SECONDS: Final = 30.0
_BEFORE_SECONDS: Final = 4.0
_AFTER_SECONDS: Final = 15.0
"""Longer than a terminating pod keeps serving (shutdownDelaySeconds)."""
_ACTIVATE_SECONDS: Final = 15


@dataclass(frozen=True)
class ClusterSetup:
    """The installation, and those who use it."""

    release: Release
    namespace: Namespace
    client: httpx2.Client
    admin: Person
    measured: Measured
    traffic: Callable[..., Traffic]

    def do(self, what: str, action: Callable[[], object], traffic: Traffic) -> None:
        """Do something while traffic runs, and note what became of the requests meanwhile."""
        started = time.monotonic()
        action()
        self.measured.note("seconds", what, time.monotonic() - started)
        self.note_requests(what, traffic.outcomes.since(started))

    def note_requests(self, what: str, outcomes: Outcomes) -> None:
        self.measured.note("requests sent", what, len(outcomes.all))
        self.measured.note("requests failed", what, len(outcomes.failures))


@pytest.fixture
def setup(
    release: Release,
    client: httpx2.Client,
    admin: Person,
    measured: Measured,
    edge: HAProxy,
    people: list[Person],
) -> ClusterSetup:
    tls = edge.certificate.client_context()
    return ClusterSetup(
        release, release.namespace, client, admin, measured, partial(Traffic, edge.tls_url, tls, people)
    )


@pytest.fixture(autouse=True)
def complete(release: Release, namespace: Namespace) -> Iterator[None]:
    """Wait until every pod is ready, before and after each disruption."""
    namespace.rolled_out(*release.deployments)
    yield
    namespace.rolled_out("statefulset/doorward-mariadb", *release.deployments)


def assert_nothing_failed(outcomes: Outcomes) -> None:
    assert outcomes.failures == [], outcomes.summary()
    for kind in ("read", "write", "refresh"):
        assert outcomes.count(kind) > 50, f"too few requests to judge by: {kind}"


def assert_nothing_lost(client: httpx2.Client, admin: Person, outcomes: Outcomes) -> None:
    """Check that every acknowledged ticket exists."""
    found: dict[str, str] = {}
    cursor: str | None = None
    expected = set(outcomes.created)
    while expected - set(found):
        query = {"limit": "200", "sort": "-created_at", **({"cursor": cursor} if cursor else {})}
        response = client.get(TICKETS, params=query, headers=bearer(admin))
        assert response.status_code == 200, response.text
        found |= {item["id"]: item["subject"] for item in response.json()["items"]}
        cursor = response.json()["next_cursor"]
        if cursor is None:
            break
    lost = {number: subject for number, subject in outcomes.created.items() if found.get(number) != subject}
    assert lost == {}, f"{len(lost)} of {len(expected)} acknowledged tickets are missing"


def kid(person: Person) -> str:
    return token_header(person.access)["kid"]


def rotated_keys(namespace: Namespace, folder: Path) -> str:
    """Return the key set of the installation with an additional key."""
    path = folder / "keys.json"
    path.write_text(namespace.secret("doorward-keys", "keys.json"), encoding="utf-8")
    command = ["rotate-key", "--file", str(path), "--activate-in", str(_ACTIVATE_SECONDS)]
    subprocess.run([sys.executable, "-m", "doorward", *command], check=True, capture_output=True, timeout=60)
    return path.read_text(encoding="utf-8")


def test_a_changed_key_is_used_without_a_restart(setup: ClusterSetup, tmp_path: Path) -> None:
    before = kid(setup.admin)
    pods = {pod["metadata"]["uid"] for pod in setup.namespace.objects("pods")}

    def rotate() -> None:
        encoded = base64.b64encode(rotated_keys(setup.namespace, tmp_path).encode()).decode()
        patch = json.dumps({"data": {"keys.json": encoded}})
        setup.namespace.kubectl("patch", "secret", "doorward-keys", "--patch", patch)
        # A kubelet updates mounted Secrets when it syncs a pod: within two minutes, at once after a change.
        setup.namespace.kubectl(
            "annotate", "pods", "--selector", EVERY_SERVICE, f"example.com/sync={time.time()}"
        )
        deadline = time.monotonic() + 120
        while kid(sign_in(setup.client, setup.admin.email, setup.admin.password)) == before:
            assert time.monotonic() < deadline, "the new key does not sign"
            time.sleep(1)

    with setup.traffic() as traffic:
        traffic.run_for(_BEFORE_SECONDS)
        setup.do("changed key", rotate, traffic)
        traffic.run_for(_BEFORE_SECONDS)
    assert_nothing_failed(traffic.outcomes)
    response = setup.client.get(f"{AUTH}/me", headers=bearer(setup.admin))
    assert response.status_code == 200, "a token of the previous key"
    assert pods >= {pod["metadata"]["uid"] for pod in setup.namespace.objects("pods", EVERY_SERVICE)}, (
        "no pod was replaced"
    )


def test_a_restart_an_upgrade_and_a_rollback_fail_no_request(setup: ClusterSetup) -> None:
    def restart() -> None:
        names = [f"deployment/{name}" for name in setup.release.deployments]
        setup.namespace.kubectl("rollout", "restart", *names)
        setup.namespace.rolled_out(*setup.release.deployments)

    rotated = kid(setup.admin)
    with setup.traffic() as traffic:
        traffic.run_for(_BEFORE_SECONDS)
        setup.do("rolling restart", restart, traffic)
        setup.do(
            "`helm upgrade` to another image",
            partial(setup.release.upgrade, f"image.tag={_NEXT_TAG}"),
            traffic,
        )
        setup.do("`helm rollback`", setup.release.roll_back, traffic)
        traffic.run_for(_AFTER_SECONDS)
    assert_nothing_failed(traffic.outcomes)
    assert_nothing_lost(setup.client, setup.admin, traffic.outcomes)
    after = kid(sign_in(setup.client, setup.admin.email, setup.admin.password))
    assert after == rotated, "an upgrade keeps the key set"


def test_the_traffic_survives_a_killed_pod(setup: ClusterSetup) -> None:
    (victim, *_) = setup.namespace.objects("pods", "app.kubernetes.io/component=tickets")
    with setup.traffic() as traffic:
        traffic.run_for(_BEFORE_SECONDS)
        started = time.monotonic()
        setup.namespace.kubectl("delete", "pod", victim["metadata"]["name"], "--grace-period=0", "--force")
        traffic.run_until_recovered(quiet_seconds=8, limit=_OUTAGE_SECONDS)
    outcomes = traffic.outcomes
    setup.note_requests("killed pod", outcomes.since(started))
    setup.measured.note("seconds", "outage after a pod was killed", outcomes.outage())
    assert outcomes.outage() < _OUTAGE_SECONDS, outcomes.summary()
    assert_nothing_lost(setup.client, setup.admin, outcomes)


def test_the_traffic_survives_a_killed_database(setup: ClusterSetup) -> None:
    with setup.traffic() as traffic:
        traffic.run_for(_BEFORE_SECONDS)
        started = time.monotonic()
        setup.namespace.kubectl("delete", "pod", "doorward-mariadb-0", "--grace-period=0", "--force")
        setup.namespace.rolled_out("statefulset/doorward-mariadb")
        traffic.run_until_recovered(quiet_seconds=8, limit=_OUTAGE_SECONDS)
    outcomes = traffic.outcomes
    setup.note_requests("killed database", outcomes.since(started))
    setup.measured.note("seconds", "503 after the database was killed", outcomes.outage())
    assert {failure.status for failure in outcomes.failures} <= {503}, outcomes.summary()
    assert outcomes.failures, "control: requests were affected"
    assert outcomes.outage() < _OUTAGE_SECONDS, outcomes.summary()
    assert_nothing_lost(setup.client, setup.admin, outcomes)


def test_the_traffic_survives_a_drained_node(setup: ClusterSetup) -> None:
    (database,) = setup.namespace.objects("pods", "app.kubernetes.io/component=mariadb")
    nodes = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    node = next(name for one in nodes if (name := one["metadata"]["name"]) != database["spec"]["nodeName"])

    def drain() -> None:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        setup.namespace.rolled_out(*setup.release.deployments)

    try:
        with setup.traffic() as traffic:
            traffic.run_for(_BEFORE_SECONDS)
            setup.do("drain of a node", drain, traffic)
            traffic.run_for(_AFTER_SECONDS)
    finally:
        kubectl("uncordon", node)
    assert_nothing_failed(traffic.outcomes)
    assert_nothing_lost(setup.client, setup.admin, traffic.outcomes)


def test_more_load_brings_more_pods(setup: ClusterSetup) -> None:
    def scaled() -> bool:
        setup.namespace.rolled_out(f"{setup.release.name}-users")
        return len(setup.namespace.objects("pods", "app.kubernetes.io/component=users")) > 2

    setup.release.upgrade(
        "users.autoscaling.enabled=true",
        "users.autoscaling.maxReplicas=3",
        "users.autoscaling.targetCPUUtilizationPercentage=20",
    )
    with setup.traffic(pause=0.0) as traffic:
        started = time.monotonic()
        while not scaled():
            assert time.monotonic() - started < 240, setup.namespace.kubectl("describe", "hpa")
            time.sleep(2)
        setup.measured.note("seconds", "until the autoscaler added a pod", time.monotonic() - started)
        setup.measured.note_usage("under load", setup.namespace.usage())
    assert traffic.outcomes.failures == [], traffic.outcomes.summary()
