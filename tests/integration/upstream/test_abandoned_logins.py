"""A login at the upstream's pages that its client never finishes leaves no valid tokens at the upstream."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.registration.policy import RegistrationClosedError
from doorward_auth.upstream.logins.session_opener import UpstreamSessionOpener
from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.abandoned import AbandonedLogins
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_identity.tables import upstream_authorizations, users
from doorward_kit import cleanup
from doorward_kit.column_types import utc_now
from integration.harness.deployment import wait_until
from integration.harness.problems import assert_problem
from integration.upstream.redirect_client import Client, query_of, redirect_client
from support.scripted_upstream import answer

pytestmark = pytest.mark.databases("sqlite")

ROWS = sa.select(sa.func.count()).select_from(upstream_authorizations)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("abandoned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleanup, "INTERVAL_SECONDS", 3_600)  # the tests end logins themselves
        with redirect_client(folder) as client:
            yield client


@pytest.fixture
def client(running: Client) -> Client:
    running.api.wipe()
    running.provider.revocation = answer(200)
    running.provider.upstream.received.clear()
    return running


def let_codes_expire(client: Client, seconds: int = 1) -> None:
    client.api.execute(upstream_authorizations.update().values(expires_at=utc_now(-seconds)))


def end(client: Client, count: int = 500) -> int:
    abandoned: AbandonedLogins = client.api.auth_app.state.services.upstream.abandoned
    assert client.api.auth.portal is not None
    return client.api.auth.portal.call(partial(abandoned.end, count=count))


def purge(client: Client) -> int:
    with client.api.transaction() as connection:
        return repository.delete_expired(connection, count=10)


def test_the_tokens_of_an_expired_code_are_revoked(client: Client) -> None:
    code = client.code()
    assert end(client) == 0, "the code is valid"
    let_codes_expire(client)
    assert_problem(client.redeem(code), 401, "invalid_authorization_code")
    assert purge(client) == 0, "what has tokens is not only deleted"
    assert (end(client), end(client)) == (1, 0)
    assert client.revoked() == ["refresh-1"]
    assert client.api.execute(ROWS) == [(0,)]


def test_the_background_ends_them(client: Client) -> None:
    abandoned: AbandonedLogins = client.api.auth_app.state.services.upstream.abandoned
    tasks = client.api.auth_app.state.services.upstream.background()
    assert abandoned.run in tasks


def test_a_login_that_never_came_back_is_only_deleted(client: Client) -> None:
    client.begin()
    let_codes_expire(client)
    assert end(client) == 0
    assert purge(client) == 1
    assert client.revoked() == []


def test_without_a_process_that_revokes_they_are_deleted_after_a_day(client: Client) -> None:
    client.code()
    let_codes_expire(client, seconds=86_401)
    assert purge(client) == 1


def test_a_failed_revocation_keeps_the_tokens_in_the_outbox_alone(client: Client) -> None:
    client.provider.revocation = answer(500, "no")
    client.code()
    let_codes_expire(client)
    assert end(client) == 1
    wait_until(lambda: bool(client.revocation_requests()), "tried")
    assert (client.api.execute(ROWS), client.pending_revocations()) == ([(0,)], 1)


def test_they_end_in_batches(client: Client) -> None:
    for _ in range(3):
        client.code()
    let_codes_expire(client)
    assert [end(client, 2), end(client, 2), end(client, 2)] == [2, 1, 0]
    assert client.revoked() == ["refresh-1"] * 3


def test_a_redeemed_code_whose_process_crashed_leaves_no_tokens(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the transaction that uses up the code and the one that stores the tokens."""

    async def crash(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    code = client.code()
    with monkeypatch.context() as patch:
        patch.setattr(UpstreamSessionOpener, "_write", crash)
        with contextlib.suppress(Exception):
            client.redeem(code)
    assert_problem(client.redeem(code), 401, "invalid_authorization_code")
    assert end(client) == 0, "its process may be about to store them"
    let_codes_expire(client)
    assert end(client) == 1
    assert client.revoked() == ["refresh-1"]


def test_a_rejection_whose_process_crashed_leaves_no_tokens(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rejection may be committed, and the tokens are stored in a transaction of their own after that."""

    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    assert client.redeem(client.code()).status_code == 200
    client.api.execute(users.update().values(status="disabled"))
    code = client.code()
    with monkeypatch.context() as patch:
        patch.setattr(UpstreamTokenRevocation, "_revoke", crash)
        with contextlib.suppress(Exception):
            client.redeem(code)
    let_codes_expire(client)
    assert end(client) == 1
    assert "refresh-1" in client.revoked()


@pytest.mark.parametrize("registration", ["open", "closed"])
def test_a_redeemed_code_leaves_no_copy_of_its_tokens(client: Client, registration: str) -> None:
    policy = client.api.auth_app.state.services.upstream.logins._sessions._accounts._policy
    with pytest.MonkeyPatch.context() as patch:
        if registration == "closed":
            patch.setattr(policy, "require_open_to", reject)
        client.redeem(client.code())
    assert client.api.execute(ROWS) == [(0,)]
    assert client.revoked() == ([] if registration == "open" else ["refresh-1"])


def reject(_domain: object) -> None:
    raise RegistrationClosedError


def test_a_live_session_there_keeps_its_tokens(client: Client) -> None:
    """Some upstreams end every token of a user with one."""
    assert client.redeem(client.code()).status_code == 200
    client.code()
    let_codes_expire(client)
    assert end(client) == 1
    assert client.revoked() == []


def test_an_exchange_that_outlasts_its_login_leaves_no_tokens(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = OidcAdapter.exchange

    async def slow(self: OidcAdapter, response: Any) -> Any:
        login = await exchange(self, response)
        client.api.execute(upstream_authorizations.delete())
        return login

    monkeypatch.setattr(OidcAdapter, "exchange", slow)
    assert query_of(client.browse())["error"] == "access_denied"
    assert client.revoked() == ["refresh-1"]
