"""A service of your own: on an image of the release, deployed by the chart, called through the ingress."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from cluster.kube import Release
from cluster.people import Person, bearer, make_person

BOOKMARKS = "/api/v1/bookmarks"
_ROUTED_SECONDS = 120


@pytest.fixture(scope="module")
def bookmarks(release: Release, image: dict[str, str]) -> Iterator[str]:
    """docs/examples/bookmarks as `extraServices`; the name of its Deployment."""
    # SQLite in the pod, so one pod. A service to keep has a database of its own.
    release.upgrade(
        f"extraServices.bookmarks.image={image['registry']}/doorward/bookmarks:{image['tag']}",
        f"extraServices.bookmarks.path={BOOKMARKS}",
        "extraServices.bookmarks.replicaCount=1",
        "extraServices.bookmarks.env[0].name=DOORWARD_DATABASE_URL",
        "extraServices.bookmarks.env[0].value=sqlite:////tmp/bookmarks.db",
    )
    deployment = f"{release.name}-bookmarks"
    release.namespace.rolled_out(deployment)
    yield deployment
    release.roll_back()


@pytest.fixture
def routed(bookmarks: str, client: httpx2.Client) -> str:
    """The path, once the ingress controller has it."""
    deadline = time.monotonic() + _ROUTED_SECONDS
    while client.get(BOOKMARKS).status_code != 401:
        assert time.monotonic() < deadline, f"{bookmarks} is not routed"
        time.sleep(1)
    return BOOKMARKS


def test_a_user_calls_it_through_the_load_balancer(routed: str, client: httpx2.Client, admin: Person) -> None:
    user, other = make_person(client, admin), make_person(client, admin)
    added = client.post(routed, headers=bearer(user), json={"url": "https://example.com/"})
    assert added.status_code == 201, added.text
    assert client.get(routed, headers=bearer(user)).json() == [added.json()]
    assert client.get(routed, headers=bearer(other)).json() == []


def test_it_rejects_revoked_tokens(routed: str, client: httpx2.Client, admin: Person) -> None:
    """The service reads the revocation list with the client secret that the chart generated for it."""
    user = make_person(client, admin)
    assert client.get(routed, headers=bearer(user)).status_code == 200
    assert client.post("/api/v1/auth/logout", headers=bearer(user)).status_code == 204
    deadline = time.monotonic() + _ROUTED_SECONDS
    while client.get(routed, headers=bearer(user)).status_code != 401:
        assert time.monotonic() < deadline, "the token stays valid"


def test_only_the_api_of_it_is_reachable(routed: str, client: httpx2.Client) -> None:
    for path in (f"{routed}X", "/metrics", "/readyz"):
        assert client.get(path).status_code == 404, path
