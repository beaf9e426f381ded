"""Unlinking an upstream: the account there opens nothing any more, and its user is not locked out."""

import pytest
import sqlalchemy as sa

from doorward_auth.account_repository import AccountChangedError
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.upstream import identities
from doorward_auth.upstream.accounts import UpstreamAccounts
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_identity.tables import upstream_identities, users
from doorward_kit.column_types import utc_now
from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH, USERS, auth_settings
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.installation import ADA, SECRET, UPSTREAM, UpstreamSetup

NEW_PASSWORD = "another unheard-of phrase"


@pytest.fixture
def setup(running_setup: UpstreamSetup) -> UpstreamSetup:
    running_setup.api.wipe()
    running_setup.register(ADA)
    running_setup.api.wipe()  # the account stays at the upstream
    return running_setup


def unlink(setup: UpstreamSetup, token: str) -> int:
    return setup.api.call("DELETE", f"{UPSTREAM}/theapi", token).status_code


@pytest.mark.databases("sqlite")
def test_sessions_of_the_upstream_end_and_the_others_stay(setup: UpstreamSetup) -> None:
    """A user unlinks an upstream because someone else has the account there, and perhaps a session here."""
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    other = sign_in(setup.api, "admin@example.com")
    body = {"email": ADA, "password": SECRET}
    assert setup.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body).status_code == 204
    stolen = setup.log_in().json()
    assert unlink(setup, other.access) == 204
    assert setup.api.call("GET", f"{AUTH}/me", stolen["access_token"]).status_code == 401
    assert setup.api.refresh(stolen["refresh_token"]).status_code == 401
    for mine in (admin, other):
        assert setup.api.call("GET", f"{AUTH}/me", mine.access).status_code == 200
    ended = "SELECT details FROM audit_events WHERE action = 'auth:session:ended'"
    assert ["upstream_ended" in details for (details,) in setup.api.execute(ended)] == [True]


def set_first_password(setup: UpstreamSetup, *, prove_address: bool) -> None:
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    [(user_id,)] = setup.api.execute(sa.select(users.c.id).where(users.c.email == ADA))
    body = {"password": NEW_PASSWORD}
    answer = setup.api.call("PATCH", f"{USERS}/{user_id}", admin.access, json=body)
    assert answer.status_code == 200, answer.text
    if prove_address:
        with setup.api.transaction() as connection:
            proven = {"email_key": ADA, "email_verified_at": utc_now()}
            connection.execute(users.update().where(users.c.id == user_id).values(proven))


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(("is_proven", "status"), [(False, 409), (True, 204)])
def test_a_password_is_a_way_in_with_a_proven_address_alone(
    setup: UpstreamSetup,
    *,
    is_proven: bool,
    status: int,
) -> None:
    """Without one, no address finds the account, and its user would be locked out."""
    setup.log_in()
    set_first_password(setup, prove_address=is_proven)
    logged_in = setup.api.call("POST", f"{AUTH}/token", json={"email": ADA, "password": NEW_PASSWORD})
    assert (logged_in.status_code == 200) == is_proven
    own = setup.log_in().json()["access_token"]
    assert unlink(setup, own) == status
    assert setup.api.call("GET", f"{AUTH}/me", own).status_code == 200, "the session of the caller stays"


@pytest.mark.databases("sqlite")
def test_an_upstream_that_was_removed_is_no_way_in(setup: UpstreamSetup) -> None:
    pair = setup.log_in().json()
    [(user_id,)] = setup.api.execute(sa.select(upstream_identities.c.user_id))
    with setup.api.transaction() as connection:
        identities.link(connection, user_id, "removed", "1", None)
    rejected = setup.api.call("DELETE", f"{UPSTREAM}/theapi", pair["access_token"])
    assert_problem(rejected, 409, "only_sign_in")


@pytest.mark.databases("mariadb")
def test_a_login_that_has_begun_opens_nothing_after_the_unlinking(grant_setup: GrantSetup) -> None:
    """SQLite has one writer at a time."""
    [ada] = enrol(grant_setup.url, 1)
    with grant_setup.transaction() as connection:
        identities.link(connection, ada.id, "theapi", "1", None)
    accounts = UpstreamAccounts(AddressPolicy(auth_settings(grant_setup.url)))
    with grant_setup.transaction() as login:
        found = accounts.find(login, "theapi", UpstreamUser("1"))
        assert found is not None
        assert found.id == ada.id
    with grant_setup.transaction() as login:

        @sa.event.listens_for(login, "after_execute", once=True)
        def unlink_meanwhile(*_: object) -> None:
            with grant_setup.transaction() as connection:
                assert identities.unlink(connection, ada.id, "theapi")

        with pytest.raises(AccountChangedError):
            accounts.find(login, "theapi", UpstreamUser("1"))
