"""Logins at an upstream's pages that are sealed with a key of the vault that this process does not have."""

import uuid
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import SecretStr
from structlog.testing import capture_logs

from doorward import vault_rotation
from doorward.vault_rotation import VaultRotation
from doorward_auth.pkce import challenge_of
from doorward_auth.upstream.errors import UpstreamUnavailableError
from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.abandoned import AbandonedLogins
from doorward_auth.upstream.redirects.codes import LoginCodes, UpstreamLoginCode
from doorward_auth.upstream.redirects.errors import InvalidAuthorizationCodeError
from doorward_auth.upstream.redirects.repository import NewAuthorization
from doorward_auth.upstream.redirects.schemas import UpstreamCodeRequest
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import UpstreamLogin, UpstreamUser
from doorward_auth.vault.keys import VaultKeySet
from doorward_auth.vault.rotation import new_key
from doorward_identity.tables import upstream_authorizations
from doorward_kit.column_types import utc_now
from doorward_kit.key_rotation import write_key_set
from doorward_kit.unit_of_work import Database
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from integration.upstream.redirect_client import Client, query_of
from integration.upstream.rotating_upstream import RotatingUpstream
from integration.upstream.vault_keys import kids

VERIFIER = "v" * 43
ROWS = sa.select(upstream_authorizations.c.id)
DAY = 86_401


class Logins:
    """Logins under way in a process whose file of keys can be replaced."""

    def __init__(self, grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path) -> None:
        grants = grant_setup.grants
        self.setup = grant_setup
        self.upstream = upstream
        self._keys = keys
        database = grant_setup.resources.database
        sealing = AuthorizationSealing(grants.vault)
        requests = UpstreamRequests(grants.providers, grants.metrics)
        revocation = UpstreamTokenRevocation(database, requests, grants.outbox)
        self._sealing = sealing
        self.abandoned = AbandonedLogins(database, sealing, revocation)
        self.codes = LoginCodes(database, sealing, revocation)

    def store(self, *, seconds: int) -> UpstreamLoginCode:
        """Store a login whose code is valid for `seconds`; return the code."""
        row_id = uuid7s.uuid7()
        code = UpstreamLoginCode.issue(row_id)
        login = UpstreamLogin(UpstreamUser("7"), self.upstream.issue())
        row = NewAuthorization(
            row_id,
            PROVIDER,
            uuid.uuid4().bytes * 2,
            self._sealing.seal_secrets(row_id, PROVIDER, {}),
            "https://app.example.com/callback",
            None,
            challenge_of(VERIFIER),
        )
        sealed = self._sealing.seal_login(row_id, PROVIDER, login)
        with self.setup.transaction() as connection:
            repository.insert(connection, row, seconds=seconds)
            assert repository.store_login(connection, row_id, sealed, code.hash(), seconds=seconds)
        return code

    def use_another_key(self) -> bytes:
        """Replace the file by one with another key; return what was in it."""
        earlier = self._keys.read_bytes()
        self.use(orjson.dumps({"keys": [new_key()]}))
        return earlier

    def use(self, text: bytes) -> None:
        write_key_set(self._keys, orjson.loads(text))
        self.setup.grants.keys.check()

    async def redeem(self, code: UpstreamLoginCode, verifier: str = VERIFIER) -> None:
        request = UpstreamCodeRequest(code=SecretStr(str(code)), code_verifier=SecretStr(verifier))
        await self.codes.redeem(PROVIDER, request)

    def count(self) -> int:
        return len(self.setup.execute(ROWS))


@pytest.fixture
def logins(grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path) -> Logins:
    return Logins(grant_setup, upstream, keys)


async def test_an_abandoned_one_waits_for_a_process_that_has_the_key(logins: Logins) -> None:
    for _ in range(3):
        logins.store(seconds=-1)
    first = logins.use_another_key()
    logins.store(seconds=-1)
    # With room for one: those that wait must not keep it from what it can end.
    assert [await logins.abandoned.end(count=1) for _ in range(2)] == [1, 0]
    await logins.setup.deliver()
    assert (len(logins.upstream.revoked), logins.count()) == (1, 3)
    logins.use(first)
    assert await logins.abandoned.end(count=10) == 3
    await logins.setup.deliver()
    assert (len(logins.upstream.revoked), logins.count()) == (4, 0)


async def test_an_abandoned_one_whose_key_no_process_has_is_given_up_after_a_day(logins: Logins) -> None:
    logins.store(seconds=-DAY)
    logins.use_another_key()
    with capture_logs() as lines, logins.setup.transaction() as connection:
        assert repository.delete_expired(connection, count=10) == 1
    told = [(line["event"], line["provider"], line["reason"]) for line in lines]
    assert told == [("upstream.revocation_given_up", PROVIDER, "abandoned_login")]


async def test_a_code_stays_valid_until_it_meets_a_process_that_has_the_key(logins: Logins) -> None:
    code = logins.store(seconds=1_000)
    right = logins.use_another_key()
    for _ in range(2):
        with pytest.raises(UpstreamUnavailableError):
            await logins.redeem(code)
    logins.use(right)
    await logins.redeem(code)
    with pytest.raises(InvalidAuthorizationCodeError):
        await logins.redeem(code)


async def test_a_wrong_verifier_uses_the_code_up_and_the_tokens_are_revoked_later(logins: Logins) -> None:
    code = logins.store(seconds=1_000)
    right = logins.use_another_key()
    with pytest.raises(InvalidAuthorizationCodeError):
        await logins.redeem(code, "w" * 43)
    logins.use(right)
    with pytest.raises(InvalidAuthorizationCodeError):
        await logins.redeem(code)
    logins.setup.execute(upstream_authorizations.update().values(expires_at=utc_now(-1)))
    assert await logins.abandoned.end(count=10) == 1
    await logins.setup.deliver()
    assert len(logins.upstream.revoked) == 1


def test_a_key_that_a_login_under_way_needs_is_not_dropped(
    logins: Logins, database: Database, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_rotation, "DROP_AFTER_SECONDS", 0)
    logins.store(seconds=60)
    [old] = kids(keys)
    rotation = VaultRotation(keys, database)
    rotation.add_key(0)
    assert not rotation.has_others, "a login is not sealed again"
    assert (rotation.reseal().resealed, rotation.drop_unused()) == (0, [old])
    logins.setup.execute(upstream_authorizations.delete())
    assert rotation.drop_unused() == []
    assert old not in kids(keys)


@pytest.mark.databases("sqlite")
def test_a_browser_that_returns_to_a_process_without_the_key_leads_back_to_the_client(
    running_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    running_client.api.wipe()
    store = running_client.api.auth_app.state.services.upstream.stored.keys
    begin = running_client.begin

    def begin_elsewhere(**changes: str) -> object:
        begun = begin(**changes)
        monkeypatch.setattr(store, "_keys", VaultKeySet.parse(orjson.dumps({"keys": [new_key()]})))
        return begun

    monkeypatch.setattr(running_client, "begin", begin_elsewhere)
    told: Mapping[str, str] = query_of(running_client.browse())
    assert told == {
        "error": "temporarily_unavailable",
        "error_description": "upstream_unavailable",
        "state": "mine",
    }
