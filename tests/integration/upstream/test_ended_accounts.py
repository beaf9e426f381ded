"""Unlinking an upstream and deleting a user leave no valid tokens there. Callers do not wait for that."""

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.revocation_delivery import worker
from doorward_identity.tables import upstream_grants, upstream_revocations
from doorward_kit.column_types import utc_now
from doorward_kit.sealed import KEY_ID_BYTES
from integration.harness.deployment import wait_until
from integration.harness.installation import USERS, Installation
from integration.harness.people import bootstrap, enrol, sign_in
from integration.upstream.installation import UPSTREAM
from integration.upstream.redirect_client import VERIFIER, Client, redirect_client
from support.scripted_upstream import Reply, Then, answer

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "POLL_SECONDS", 0.05)
        with redirect_client(tmp_path_factory.mktemp("ended"), {"timeout_seconds": 1}) as client:
            yield client


@pytest.fixture
def client(running: Client) -> Client:
    running.api.wipe()
    running.provider.revocation = answer(200)
    running.provider.upstream.received.clear()
    bootstrap(running.api, "admin@example.com")
    return running


def linked_user(client: Client) -> tuple[str, str, str]:
    """Return the id and access token of a user with tokens of the upstream, and the administrator's token."""
    admin = sign_in(client.api, "admin@example.com").access
    user = enrol(client.api, sign_in(client.api, "admin@example.com"))
    body = {"code": client.code(), "code_verifier": VERIFIER}
    assert client.api.call("POST", f"{UPSTREAM}/kc/link", user.access, json=body).status_code == 204
    return str(user.id), user.access, admin


def test_the_deletion_of_a_user_revokes_the_tokens(client: Client) -> None:
    user_id, _, admin = linked_user(client)
    assert client.api.call("DELETE", f"{USERS}/{user_id}", admin).status_code == 204
    assert client.api.execute(sa.select(upstream_grants.c.id)) == []
    assert client.revoked() == ["refresh-1"]


def test_unlinking_revokes_the_tokens(client: Client) -> None:
    _, access, _ = linked_user(client)
    assert client.api.call("DELETE", f"{UPSTREAM}/kc", access).status_code == 204
    assert client.revoked() == ["refresh-1"]


def test_a_caller_does_not_wait_for_an_upstream_that_does_not_answer(client: Client) -> None:
    _, access, _ = linked_user(client)
    client.provider.revocation = Reply(then=Then.HANG)
    assert client.api.call("DELETE", f"{UPSTREAM}/kc", access).status_code == 204
    assert client.pending_revocations() == 1
    client.provider.revocation = answer(200)
    wait_until(lambda: bool(client.revocation_requests()), "tried")
    due = upstream_revocations.update().values(due_at=upstream_revocations.c.created_at)

    def delivered() -> bool:
        client.api.execute(due)  # not after the pause that follows the failure
        return not client.pending_revocations()

    wait_until(delivered, "delivered")


def test_without_an_upstream_expired_tokens_of_removed_ones_are_given_up(installation: Installation) -> None:
    services = installation.auth_app.state.services.upstream
    assert services.background() == [services.revocation_cleanup.run]
    long_ago = utc_now(-1)
    values = {"id": uuid.uuid4(), "provider": "removed", "key_id": bytes(KEY_ID_BYTES), "attempts": 0}
    times = {"due_at": long_ago, "created_at": long_ago, "expires_at": long_ago}
    installation.execute(upstream_revocations.insert().values(**values, **times))
    assert installation.auth.portal is not None
    assert installation.auth.portal.call(services.revocation_cleanup.run_once) == 1
    assert installation.execute(sa.select(upstream_revocations.c.id)) == []
