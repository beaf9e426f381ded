"""The origins of registered public clients may read auth's answers, from a snapshot two seconds old."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from doorward_auth.client_snapshot import service as client_snapshot
from doorward_identity.tables import oauth_clients
from integration.harness.installation import AUTH, USERS, Installation, reconfigured

pytestmark = pytest.mark.databases("sqlite")

ORIGIN = "https://spa.example"
ALLOW_ORIGIN = "access-control-allow-origin"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def register(installation: Installation, kind: str, **columns: object) -> uuid.UUID:
    row_id = uuid.uuid4()
    client = {
        "id": row_id,
        "client_id": f"client-{row_id}",
        "name": "A client",
        "kind": kind,
        "first_party": False,
        "scopes": "openid",
        "audiences": "",
        "allowed_groups": "",
        "id_token_alg": "RS256",
        "id_token_claims": "minimal",
        "require_pkce": True,
        "redirect_uris": f"{ORIGIN}/signed-in",
        "post_logout_redirect_uris": "",
        "origins": "",
        **columns,
        "token_version": 0,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }
    with installation.transaction() as connection:
        connection.execute(oauth_clients.insert(), client)
    return row_id


def take_snapshot(installation: Installation) -> None:
    assert installation.auth.portal is not None
    installation.auth.portal.call(installation.auth_app.state.services.client_snapshot.update)


def allowed(installation: Installation, origin: str, path: str = f"{AUTH}/me") -> str | None:
    return installation.call("GET", path, headers={"Origin": origin}).headers.get(ALLOW_ORIGIN)


@pytest.fixture(autouse=True)
def _no_snapshot_remains(installation: Installation) -> None:
    take_snapshot(installation)


def test_a_public_clients_origin_may_read_answers_of_auth_alone_without_cookies(
    installation: Installation,
) -> None:
    assert allowed(installation, ORIGIN) is None
    register(installation, "public", origins=f"http://localhost:5173 {ORIGIN}")
    take_snapshot(installation)
    assert allowed(installation, ORIGIN) == ORIGIN
    assert allowed(installation, "https://other.example") is None
    assert allowed(installation, ORIGIN, USERS) is None
    rejected = installation.call("POST", f"{AUTH}/token", headers={"Origin": ORIGIN})
    assert rejected.headers[ALLOW_ORIGIN] == ORIGIN
    assert "access-control-allow-credentials" not in rejected.headers
    cookie = {"Origin": ORIGIN, "Doorward-CSRF": "spa", "Sec-Fetch-Site": "same-site"}
    body = {"email": "a@example.com", "password": "x"}
    assert installation.call("POST", f"{AUTH}/token", headers=cookie, json=body).status_code == 403


@pytest.mark.parametrize("kind", ["confidential", "machine"])
def test_other_clients_have_no_pages(installation: Installation, kind: str) -> None:
    register(installation, kind, origins=ORIGIN)
    take_snapshot(installation)
    assert allowed(installation, ORIGIN) is None


def test_a_redirect_uri_is_no_origin(installation: Installation) -> None:
    register(installation, "public", post_logout_redirect_uris=ORIGIN)
    take_snapshot(installation)
    assert allowed(installation, ORIGIN) is None


def test_a_changed_registration_is_noticed_without_a_restart(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_snapshot, "INTERVAL_SECONDS", 0.01)
    with reconfigured(installation) as replica:
        client = register(installation, "public", origins=ORIGIN)
        until_allowed(replica, ORIGIN)
        disabled = sa.update(oauth_clients).where(oauth_clients.c.id == client).values(disabled_at=NOW)
        with installation.transaction() as connection:
            connection.execute(disabled)
        until_allowed(replica, None)


def test_a_failed_read_keeps_the_last_snapshot(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(installation, "public", origins=ORIGIN)
    monkeypatch.setattr(client_snapshot, "INTERVAL_SECONDS", 0.01)
    with reconfigured(installation) as replica:
        until_allowed(replica, ORIGIN)
        reads = []

        def fail(_connection: sa.Connection) -> frozenset[str]:
            reads.append(1)
            raise RuntimeError

        monkeypatch.setattr("doorward_auth.client_snapshot.repository.read_uris", fail)
        until(lambda: len(reads) > 1)
        assert allowed(replica, ORIGIN) == ORIGIN


def until_allowed(installation: Installation, origin: str | None) -> None:
    until(lambda: allowed(installation, ORIGIN) == origin)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_snapshot_is_read_again_within_two_seconds() -> None:
    assert client_snapshot.INTERVAL_SECONDS <= 1.5


def test_verifiers_get_the_resources_of_every_enabled_client(installation: Installation) -> None:
    """A service that verifies a client's tokens for a resource compares its audience with the feed."""
    snapshot = installation.auth_app.state.services.client_snapshot
    register(installation, "machine", audiences="https://reports.example.com https://bills.example.com")
    register(installation, "disabled", audiences="https://gone.example.com", disabled_at=NOW)
    take_snapshot(installation)
    assert snapshot.resources() == {"https://reports.example.com", "https://bills.example.com"}
    assert snapshot.origins() == set()
