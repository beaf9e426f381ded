"""A user who signs in to clients all the time, and a client that revokes all the time, meet a limit.

Otherwise each would fill the audit log, and the list of revocations that every verifier reads.
"""

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.authorization.codes import LIFETIME_SECONDS, LIMIT
from doorward_auth.rate_limiting.limits import MACHINE_REVOCATIONS
from doorward_identity.tables import authorization_codes, rate_limits
from doorward_kit.column_types import first_id_of, utc_now
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import REDIRECT, SECRET, Client, answer_of, assert_page, register
from integration.oidc.test_machines import ask, machine


def store_codes(client: Client, row_id: uuid.UUID, user_id: str, count: int, *, age: timedelta) -> None:
    """Store codes that a user got in that time before now."""
    assert client.token is not None
    row: dict[str, Any] = {
        "oauth_client_id": row_id,
        "user_id": uuid.UUID(user_id),
        "browser_session_id": client.token.id,
        "redirect_uri": REDIRECT,
        "scope": "openid",
        "auth_time": datetime.now(UTC),
        "acr": "aal1",
        "amr": "pwd",
        "token_version": 0,
        "auth_version": 0,
        "attempts": 0,
        "expires_at": datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS) - age,
    }
    first = first_id_of(datetime.now(UTC) - age).int
    ids = [
        {"id": uuid.UUID(int=first + number), "secret_hash": secrets.token_bytes(32)}
        for number in range(1, count + 1)
    ]
    with client.installation.transaction() as connection:
        connection.execute(authorization_codes.insert(), [{**row, **one} for one in ids])


def test_codes_of_a_user_have_a_limit(idp: Installation, people: People) -> None:
    row_id = register(idp)
    mine, other = Client(idp), Client(idp)
    mine.sign_in(people.user)
    other.sign_in(people.other)
    store_codes(mine, row_id, people.user.id, LIMIT.most, age=LIMIT.window + timedelta(minutes=1))
    store_codes(mine, row_id, people.user.id, LIMIT.most - 1, age=LIMIT.window / 2)
    mine.code()
    rejected = mine.authorize()
    assert_page(rejected, 429, "Too many attempts")
    assert LIMIT.window / 4 < timedelta(seconds=int(rejected.headers["retry-after"])) <= LIMIT.window / 2
    silent = answer_of(mine.authorize(prompt="none"))
    assert (silent["error"], silent["state"]) == ("temporarily_unavailable", "xyz")
    other.code()
    register(idp, "another")
    assert "code" in answer_of(mine.authorize(client_id="another")), "other clients are not affected"
    assert idp.execute(sa.select(sa.func.count()).select_from(authorization_codes)) == [(2 * LIMIT.most + 2,)]


@pytest.mark.databases("sqlite")
def test_tokens_of_machines_that_a_client_revokes_have_a_limit(idp: Installation) -> None:
    machine(idp)

    def revoke() -> Any:
        form = {"token": ask(idp).json()["access_token"], "client_id": "nightly", "client_secret": SECRET}
        return idp.call("POST", f"{AUTH}/revoke", data=form)

    assert revoke().status_code == 200
    limit = rate_limits.c.key_hash == LimitKey.of(MACHINE_REVOCATIONS, "nightly").hash
    assert idp.execute(sa.select(rate_limits.c.count).where(limit)) == [(1,)]
    idp.execute(rate_limits.update().where(limit).values(blocked_until=utc_now(600)))
    assert_oauth_error(revoke(), 429, "too_many_attempts")
