"""A login that is rejected here leaves no valid tokens at the upstream."""

from collections.abc import Iterator

import httpx2
import pytest

from doorward_auth.upstream.revocation_delivery import worker
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH
from integration.harness.people import bootstrap, disable, enrol, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM
from integration.upstream.redirect_client import VERIFIER, Client, redirect_client
from support.scripted_upstream import Reply, Then, answer

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("rejected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "POLL_SECONDS", 3_600)  # a rejection wakes the worker
        with redirect_client(folder, registration="closed") as client:
            yield client


@pytest.fixture
def client(running: Client) -> Client:
    running.api.wipe()
    running.provider.claims = {}
    running.provider.revocation = answer(200)
    running.provider.upstream.received.clear()
    bootstrap(running.api, "admin@example.com")
    return running


def link(client: Client, access: str) -> httpx2.Response:
    body = {"code": client.code(), "code_verifier": VERIFIER}
    return client.api.call("POST", f"{UPSTREAM}/kc/link", access, json=body)


@pytest.mark.parametrize(
    ("verifier", "status", "code"),
    [(VERIFIER, 403, "registration_closed"), ("w" * 43, 401, "invalid_authorization_code")],
    ids=["registration is closed", "code of another client"],
)
def test_of_an_unknown_account(client: Client, verifier: str, status: int, code: str) -> None:
    assert_problem(client.redeem(client.code(), verifier), status, code)
    assert "refresh-1" in client.revoked()


def test_of_a_disabled_account(client: Client) -> None:
    admin = sign_in(client.api, "admin@example.com")
    user = enrol(client.api, admin)
    assert link(client, user.access).status_code == 204
    disable(client.api, admin, user)
    assert_problem(client.redeem(client.code()), 403, "account_disabled")
    assert "refresh-1" in client.revoked()


def test_of_an_account_that_is_linked_to_another_user(client: Client) -> None:
    admin = sign_in(client.api, "admin@example.com")
    user = enrol(client.api, admin)
    assert link(client, user.access).status_code == 204
    assert_problem(link(client, admin.access), 409, "upstream_already_linked")
    assert client.revoked() == [], "the upstream may end the live session of the other user with it"
    assert client.api.call("POST", f"{AUTH}/logout", user.access).status_code == 204
    assert_problem(link(client, admin.access), 409, "upstream_already_linked")
    assert "refresh-1" in client.revoked()


@pytest.mark.parametrize(
    ("failure", "is_kept"),
    [(answer(500, "no"), True), (Reply(then=Then.CLOSE), True), (answer(200, "?"), False)],
)
def test_a_failed_revocation_hides_no_rejection(client: Client, failure: Reply, *, is_kept: bool) -> None:
    client.provider.revocation = failure
    assert_problem(client.redeem(client.code()), 403, "registration_closed")
    wait_until(lambda: bool(client.revocation_requests()), "tried")
    wait_until(lambda: client.pending_revocations() == is_kept, "kept after a failure alone")


def test_a_defect_of_the_revocation_hides_no_rejection(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    async def revoke(*arguments: object) -> None:
        calls.append(arguments)
        raise RuntimeError

    monkeypatch.setattr(OidcAdapter, "revoke", revoke)
    assert_problem(client.redeem(client.code()), 403, "registration_closed")
    # Not in the next test, which would take it for its own.
    wait_until(lambda: bool(calls), "tried")


def test_tokens_that_are_stored_stay_valid(client: Client) -> None:
    admin = sign_in(client.api, "admin@example.com")
    assert link(client, admin.access).status_code == 204
    assert client.redeem(client.code()).status_code == 200
    assert client.revoked() == []
