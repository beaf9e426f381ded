"""One code at once on three auth processes over a MariaDB; during a logout, and during its client's end."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import uuid_utils.compat as uuid7s

from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.client_secrets import hash_secret
from doorward_identity.tables import browser_sessions, oauth_client_secrets, oauth_clients
from integration.harness.bulk_users import Member, enrol
from integration.harness.databases import transaction_at
from integration.harness.installation import AUTH
from integration.harness.races import Request, in_line, together, until_in_line
from integration.harness.replicas import Replicas, replicas_on
from integration.oidc.provider import (
    COOKIE,
    KEYS,
    ORIGIN,
    REDIRECT,
    SECRET,
    VERIFIER,
    answer_of,
    challenge_of,
    client_row,
)
from integration.sessions.conftest import OFTEN
from support.databases import DatabaseServer

AT_ONCE = 20
PROCESSES = 3
LOCK_BROWSER = "SELECT id FROM browser_sessions WHERE id = %s FOR UPDATE"
LOCK_CLIENT = "SELECT id FROM oauth_clients WHERE id = %s FOR UPDATE"


@pytest.fixture(scope="module")
def shared_replicas(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("codes")
    keys = folder / "oidc.json"
    keys.write_text(json.dumps(KEYS))
    on = {"DOORWARD_PUBLIC_URL": ORIGIN, "DOORWARD_OIDC_JWKS_FILE": str(keys)}
    with replicas_on(mariadb_server, "codes", folder, PROCESSES, **OFTEN, **on) as replicas:
        yield replicas


@pytest.fixture
async def replicas(shared_replicas: Replicas) -> AsyncIterator[Replicas]:
    yield shared_replicas
    await shared_replicas.close()


@dataclass
class Round:
    """A client, and a browser that is signed in as a new user."""

    replicas: Replicas
    http: httpx2.AsyncClient
    client_id: str
    row_id: uuid.UUID
    member: Member
    browser: BrowserSessionToken

    def url(self, at: int, path: str) -> str:
        return f"http://127.0.0.1:{self.replicas.auths[at].service.port}{AUTH}{path}"

    async def code(self) -> str:
        query = {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        where = f"{self.url(0, '/authorize')}?{urlencode(query)}"
        response = await self.http.get(where, headers={"cookie": f"{COOKIE}={self.browser}"})
        return answer_of(response)["code"]

    async def exchange(self, code: str, at: int) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "client_id": self.client_id,
            "client_secret": SECRET,
        }
        response: httpx2.Response = await self.http.post(self.url(at, "/token"), data=form)
        return response

    async def refresh(self, token: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        authentication = {"client_id": self.client_id, "client_secret": SECRET}
        response: httpx2.Response = await self.http.post(
            self.url(1, "/token"), data={**form, **authentication}
        )
        return response

    async def userinfo(self, token: str, at: int) -> int:
        headers = {"authorization": f"Bearer {token}"}
        response = await self.http.get(self.url(at, "/userinfo"), headers=headers)
        return int(response.status_code)

    def live_sessions(self) -> int:
        [(count,)] = self.replicas.database.execute(
            "SELECT COUNT(*) FROM sessions WHERE browser_session_id = %s AND ended_at IS NULL",
            self.browser.id.bytes,
        )
        return int(count)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=30, follow_redirects=False) as client:
        yield client


def begin(replicas: Replicas, http: httpx2.AsyncClient) -> Round:
    """Register a client, and open a browser session of a new user."""
    [member] = enrol(replicas.database.url, 1)
    token, now, later = BrowserSessionToken.issue(uuid7s.uuid7()), datetime.now(UTC), timedelta(hours=1)
    session: dict[str, Any] = {
        "id": token.id,
        "user_id": member.id,
        "secret_hash": token.hash(),
        "token_version": 0,
        "auth_version": 0,
        "auth_time": now,
        "acr": "aal1",
        "amr": "pwd",
        "created_at": now,
        "last_used_at": now,
        "idle_expires_at": now + later,
        "absolute_expires_at": now + later,
        "is_remembered": False,
        "user_agent": "",
        "ip_address": "",
    }
    client_id = f"app-{uuid.uuid4().hex[:8]}"
    client = client_row(client_id)
    secret = {
        "id": uuid7s.uuid7(),
        "oauth_client_id": client["id"],
        "secret_hash": hash_secret(SECRET),
        "created_at": now,
    }
    with transaction_at(replicas.database.url) as connection:
        connection.execute(browser_sessions.insert().values(session))
        connection.execute(oauth_clients.insert().values(client))
        connection.execute(oauth_client_secrets.insert().values(secret))
    return Round(replicas, http, client_id, client["id"], member, token)


async def test_of_twenty_uses_at_once_one_gets_tokens_and_then_they_are_ended(
    replicas: Replicas, http: httpx2.AsyncClient
) -> None:
    current = begin(replicas, http)
    for _ in range(3):
        code = await current.code()

        async def exchange(number: int, code: str = code) -> httpx2.Response:
            return await current.exchange(code, number % PROCESSES)

        responses = await together(AT_ONCE, exchange, at_once=AT_ONCE)
        [winner] = [response for response in responses if response.status_code == 200]
        assert {
            (response.status_code, response.json()["error"])
            for response in responses
            if response is not winner
        } == {(400, "invalid_grant")}
        tokens = winner.json()
        rejected = [await current.userinfo(tokens["access_token"], at) for at in range(PROCESSES)]
        assert rejected == [401] * PROCESSES
        assert (await current.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        assert current.live_sessions() == 0
    [(opened,)] = replicas.database.execute(
        "SELECT COUNT(*) FROM sessions WHERE browser_session_id = %s", current.browser.id.bytes
    )
    assert opened == 3


@dataclass
class Raced:
    """How an exchange and another request ended that waited for the same row, one behind the other."""

    current: Round
    exchanged: int
    other: int


async def race(
    begun: Callable[[], Round],
    row: Callable[[Round], tuple[str, uuid.UUID]],
    prepare: Callable[[Round], Awaitable[Request[int]]],
    *,
    is_exchange_first: bool,
) -> Raced:
    async def attempt() -> Raced | None:
        current = begun()
        code, other = await current.code(), await prepare(current)

        async def exchange() -> int:
            return (await current.exchange(code, 1)).status_code

        lock, key = row(current)
        order = (exchange(), other) if is_exchange_first else (other, exchange())
        done = await in_line(current.replicas.database, lock, key.bytes, *order)
        if done is None:
            return None
        return Raced(current, *(done if is_exchange_first else reversed(done)))

    return await until_in_line(attempt)


async def test_a_session_does_not_outlive_a_logout_during_its_exchange(
    replicas: Replicas, http: httpx2.AsyncClient
) -> None:
    async def prepare(current: Round) -> Request[int]:
        tokens = await replicas.log_in(current.member)

        async def log_out() -> int:
            where = current.url(0, f"/sessions/{current.browser.id}")
            headers = {"authorization": f"Bearer {tokens.access}"}
            return int((await http.delete(where, headers=headers)).status_code)

        return log_out()

    for is_exchange_first, exchanged in ((True, 200), (False, 400)):
        raced = await race(
            lambda: begin(replicas, http),
            lambda current: (LOCK_BROWSER, current.browser.id),
            prepare,
            is_exchange_first=is_exchange_first,
        )
        assert (raced.exchanged, raced.other) == (exchanged, 204)
        assert raced.current.live_sessions() == 0


async def test_a_session_does_not_outlive_a_client_that_is_disabled_during_its_exchange(
    replicas: Replicas, http: httpx2.AsyncClient
) -> None:
    [admin] = enrol(replicas.database.url, 1, role="admin")
    headers = {"authorization": f"Bearer {(await replicas.log_in(admin)).access}"}

    async def prepare(current: Round) -> Request[int]:
        async def disable() -> int:
            where = current.url(0, f"/clients/{current.row_id}")
            return int((await http.patch(where, headers=headers, json={"disabled": True})).status_code)

        return disable()

    for is_exchange_first, exchanged in ((True, 200), (False, 400)):
        raced = await race(
            lambda: begin(replicas, http),
            lambda current: (LOCK_CLIENT, current.row_id),
            prepare,
            is_exchange_first=is_exchange_first,
        )
        assert (raced.exchanged, raced.other) == (exchanged, 200)
        assert raced.current.live_sessions() == 0
