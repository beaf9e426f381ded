"""What is done to a cluster every day, and what happens to it, while people work."""

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

from cluster.kube import Namespace, Release, kubectl
from cluster.measured import Measured
from cluster.people import AUTH, TICKETS, Person, bearer, sign_in, token_header
from cluster.traffic import Seen, Traffic
from support.haproxy import HAProxy

_NEXT_TAG: Final = os.environ.get("NEXT_IMAGE_TAG", "next")
_OUTAGE_SECONDS: Final = 30.0
_AFTER_SECONDS: Final = 15.0
_ACTIVATE_SECONDS: Final = 130
"""Longer than a kubelet takes to bring a changed Secret into running pods."""


@dataclass(frozen=True)
class Scene:
    """Where it happens, and to whom."""

    release: Release
    namespace: Namespace
    client: httpx2.Client
    admin: Person
    measured: Measured
    traffic: Callable[..., Traffic]


@pytest.fixture
def scene(
    release: Release,
    client: httpx2.Client,
    admin: Person,
    measured: Measured,
    edge: HAProxy,
    people: list[Person],
) -> Scene:
    tls = edge.certificate.client_context()
    return Scene(
        release, release.namespace, client, admin, measured, partial(Traffic, edge.tls_url, tls, people)
    )


@pytest.fixture(autouse=True)
def whole(release: Release, namespace: Namespace) -> Iterator[None]:
    """Each disruption begins and ends with everything in its place."""
    namespace.rolled_out(*release.deployments)
    yield
    namespace.rolled_out("statefulset/doorward-mariadb", *release.deployments)


def assert_nothing_failed(seen: Seen) -> None:
    assert seen.failures == [], seen.told()
    for kind in ("read", "write", "refresh"):
        assert seen.counted(kind) > 50, f"too little traffic to tell: {kind}"


def assert_nothing_lost(client: httpx2.Client, admin: Person, seen: Seen) -> None:
    """Everything that was acknowledged is there."""
    found: dict[str, str] = {}
    cursor: str | None = None
    wanted = set(seen.created)
    while wanted - set(found):
        query = {"limit": "200", "sort": "-created_at", **({"cursor": cursor} if cursor else {})}
        answer = client.get(TICKETS, params=query, headers=bearer(admin))
        assert answer.status_code == 200, answer.text
        found |= {item["id"]: item["subject"] for item in answer.json()["items"]}
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
    lost = {number: subject for number, subject in seen.created.items() if found.get(number) != subject}
    assert lost == {}, f"{len(lost)} of {len(wanted)} tickets were acknowledged and are not there"


def note_requests(scene: Scene, when: str, seen: Seen) -> None:
    scene.measured.note("requests sent", when, len(seen.outcomes))
    scene.measured.note("requests failed", when, len(seen.failures))


def disrupt(traffic: Traffic, what: Callable[[], object]) -> float:
    """Do it while traffic runs, with some of it before and after; return how many seconds it took."""
    with traffic:
        traffic.settle(4)
        started = time.monotonic()
        what()
        took = time.monotonic() - started
        traffic.settle(_AFTER_SECONDS)
    return took


def test_a_rolling_restart(scene: Scene) -> None:
    def restart() -> None:
        scene.namespace.kubectl(
            "rollout", "restart", *(f"deployment/{name}" for name in scene.release.deployments)
        )
        scene.namespace.rolled_out(*scene.release.deployments)

    took = disrupt(traffic := scene.traffic(), restart)
    scene.measured.note("seconds", "rolling restart of every service", took)
    note_requests(scene, "rolling restart", traffic.seen)
    assert_nothing_failed(traffic.seen)
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)


def test_an_upgrade_to_another_image_and_the_way_back(scene: Scene) -> None:
    took = disrupt(traffic := scene.traffic(), lambda: scene.release.upgrade(f"image.tag={_NEXT_TAG}"))
    scene.measured.note("seconds", "`helm upgrade` to another image", took)
    note_requests(scene, "upgrade", traffic.seen)
    assert_nothing_failed(traffic.seen)
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)
    took = disrupt(traffic := scene.traffic(), scene.release.roll_back)
    scene.measured.note("seconds", "`helm rollback`", took)
    note_requests(scene, "rollback", traffic.seen)
    assert_nothing_failed(traffic.seen)
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)


def kid(person: Person) -> str:
    return token_header(person.access)["kid"]


def next_keys(namespace: Namespace, folder: Path) -> str:
    """Return the installation's key set with one more key, made by the command that operators use."""
    path = folder / "keys.json"
    path.write_text(namespace.secret("doorward-keys", "keys.json"), encoding="utf-8")
    command = ["rotate-key", "--file", str(path), "--activate-in", str(_ACTIVATE_SECONDS)]
    subprocess.run([sys.executable, "-m", "doorward", *command], check=True, capture_output=True, timeout=60)
    return path.read_text(encoding="utf-8")


def test_a_changed_key(scene: Scene, tmp_path: Path) -> None:
    before = kid(scene.admin)

    def rotate() -> None:
        encoded = base64.b64encode(next_keys(scene.namespace, tmp_path).encode()).decode()
        patch = json.dumps({"data": {"keys.json": encoded}})
        scene.namespace.kubectl("patch", "secret", "doorward-keys", "--patch", patch)
        scene.release.upgrade("logLevel=warning")
        deadline = time.monotonic() + _ACTIVATE_SECONDS + 60
        while kid(sign_in(scene.client, scene.admin.email, scene.admin.password)) == before:
            assert time.monotonic() < deadline, "the new key does not sign"
            time.sleep(3)

    disrupt(traffic := scene.traffic(), rotate)
    note_requests(scene, "changed key, with `helm upgrade`", traffic.seen)
    assert_nothing_failed(traffic.seen)
    assert scene.client.get(f"{AUTH}/me", headers=bearer(scene.admin)).status_code == 200, (
        "a token of the old key"
    )


def test_a_node_is_drained(scene: Scene) -> None:
    (database,) = scene.namespace.objects("pods", "app.kubernetes.io/component=mariadb")
    nodes = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    node = next(name for one in nodes if (name := one["metadata"]["name"]) != database["spec"]["nodeName"])

    def drain() -> None:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        scene.namespace.rolled_out(*scene.release.deployments)

    try:
        took = disrupt(traffic := scene.traffic(), drain)
    finally:
        kubectl("uncordon", node)
    scene.measured.note("seconds", "drain of a node", took)
    note_requests(scene, "drain", traffic.seen)
    assert_nothing_failed(traffic.seen)
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)
    # Back on both nodes for what follows.
    scene.namespace.kubectl(
        "rollout", "restart", *(f"deployment/{name}" for name in scene.release.deployments)
    )
    scene.namespace.rolled_out(*scene.release.deployments)


def test_a_pod_is_killed(scene: Scene) -> None:
    (victim, *_) = scene.namespace.objects("pods", "app.kubernetes.io/component=tickets")

    def kill() -> None:
        name = victim["metadata"]["name"]
        scene.namespace.kubectl("delete", "pod", name, "--grace-period=0", "--force")

    disrupt(traffic := scene.traffic(), kill)
    scene.measured.note("seconds", "answers that failed after a pod was killed", traffic.seen.outage())
    note_requests(scene, "killed pod", traffic.seen)
    assert traffic.seen.outage() < _OUTAGE_SECONDS, traffic.seen.told()
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)


def test_the_database_is_killed(scene: Scene) -> None:
    def kill() -> None:
        scene.namespace.kubectl("delete", "pod", "doorward-mariadb-0", "--grace-period=0", "--force")
        scene.namespace.rolled_out("statefulset/doorward-mariadb")

    traffic = scene.traffic()
    with traffic:
        traffic.settle(4)
        kill()
        traffic.settle(_OUTAGE_SECONDS)
    scene.measured.note("seconds", "503 after the database was killed", traffic.seen.outage())
    note_requests(scene, "killed database", traffic.seen)
    assert {one.status for one in traffic.seen.failures} <= {503}, traffic.seen.told()
    assert traffic.seen.failures, "the control: it was noticed"
    assert traffic.seen.outage() < _OUTAGE_SECONDS, traffic.seen.told()
    assert_nothing_lost(scene.client, scene.admin, traffic.seen)


def test_more_load_brings_more_pods(scene: Scene) -> None:
    def scaled() -> bool:
        scene.namespace.rolled_out(f"{scene.release.name}-users")
        return len(scene.namespace.objects("pods", "app.kubernetes.io/component=users")) > 2

    scene.release.upgrade(
        "users.autoscaling.enabled=true",
        "users.autoscaling.maxReplicas=3",
        "users.autoscaling.targetCPUUtilizationPercentage=20",
    )
    traffic = scene.traffic(pause=0.0)
    with traffic:
        started = time.monotonic()
        while not scaled():
            assert time.monotonic() - started < 240, scene.namespace.kubectl("describe", "hpa")
            time.sleep(2)
        scene.measured.note("seconds", "until more load had brought another pod", time.monotonic() - started)
        scene.measured.note_usage("under load", scene.namespace.usage())
    assert traffic.seen.failures == [], traffic.seen.told()
