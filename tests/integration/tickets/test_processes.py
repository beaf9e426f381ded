"""Tickets as a separate process: its database, its client id, and the revocation list of auth."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.database import create_engine
from doorward_kit.rate_limiting import repository as rate_limiting
from doorward_tickets.deletions.repository import delete_expired, purge_remains
from doorward_tickets.tables import deleted_tickets, rate_limits
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from support.databases import DatabaseServer


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with new_chain(mariadb_server, tmp_path_factory.mktemp("chain")) as chain, chain.tickets:
        yield chain


def test_tickets_needs_privileges_on_its_own_tables_only(chain: Chain) -> None:
    token, admin = chain.log_in("user@example.com"), chain.log_in("admin@example.com")
    status, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
    assert (status, ticket["author"]["name"]) == (201, "User")
    path = f"{TICKETS}/{ticket['id']}"
    assert chain.ticket("POST", f"{path}/replies", admin, json={"body": "Coming."})[0] == 201
    assert chain.ticket("PATCH", path, admin, json={"priority": "high"})[0] == 200
    assert chain.ticket("PATCH", f"{path}/close", token)[1]["status"] == "closed"
    assert len(chain.ticket("GET", f"{TICKETS}?q=printer", token)[1]["items"]) == 1
    assert chain.ticket("DELETE", path, admin)[0] == 204
    # As the cleanup does, which runs every ten seconds.
    engine = create_engine(chain.tickets.env["DOORWARD_DATABASE_URL"], pool_size=1, timeout=10)
    with engine.connect() as connection:
        purge_remains(connection, count=500)
        delete_expired(connection, days=1, count=500)
        connection.execute(rate_limits.update().values(expires_at=utc_now()))
        rate_limiting.delete_expired(connection, table=rate_limits, count=500)
        assert connection.execute(sa.select(deleted_tickets)).all() == []
        assert connection.execute(sa.select(rate_limits)).all() == []
    engine.dispose()


def test_a_request_has_the_same_id_in_every_service(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "one-id-for-both"}
    before = [(service, service.log_position()) for service in (chain.tickets, chain.users)]
    chain.client.post(chain.tickets.url + TICKETS, headers=headers, json=dict(TICKET))
    for service, start in before:
        service.wait_for_log("one-id-for-both", start=start)


def test_a_logout_is_effective_in_tickets(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    assert chain.ticket("GET", TICKETS, token)[0] == 200
    assert chain.call("POST", f"{AUTH}/logout", token).status == 204
    wait_until(lambda: chain.ticket("GET", TICKETS, token)[0] == 401, "rejected")


def test_tickets_works_without_auth_and_users(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    chain.auth.stop()
    chain.users.stop()
    try:
        status, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
        assert (status, ticket["author"]["name"]) == (201, "User")
        assert chain.ticket("GET", TICKETS, token)[0] == 200
    finally:
        chain.auth.start()
        chain.users.start()


@pytest.mark.parametrize("policy", ["allow", "deny"])
def test_without_the_identity_database_the_stale_policy_applies(
    mariadb_server: DatabaseServer, tmp_path: Path, policy: str
) -> None:
    """Tokens can still be verified; the revocation list becomes stale, and the policy decides."""
    env = {"DOORWARD_REVOCATION_MAX_AGE_SECONDS": "5", "DOORWARD_REVOCATION_STALE_POLICY": policy}
    with new_chain(mariadb_server, tmp_path, more=0, **env) as chain, chain.tickets:
        token = chain.log_in("user@example.com")
        assert chain.ticket("POST", TICKETS, token, json=dict(TICKET))[0] == 201
        mariadb_server.execute(f"DROP DATABASE `{chain.identity.name}`")

        def readiness() -> tuple[int, str]:
            response = chain.client.get(f"{chain.tickets.url}/readyz")
            return response.status_code, response.text

        status = {"allow": 200, "deny": 503}[policy]
        wait_until(lambda: readiness()[0] == status and "revo" in readiness()[1], "aged")
        if policy == "allow":
            status, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
            assert (status, ticket["author"]["name"]) == (201, "User")
            assert len(chain.ticket("GET", TICKETS, token)[1]["items"]) == 2
        else:
            status, problem = chain.ticket("GET", TICKETS, token)
            assert (status, problem["code"]) == (503, "revocations_stale")
