"""What a poll costs: nothing, while nothing changes."""

import httpx2

from integration.harness.deployment import wait_until
from integration.harness.forgery import parts
from integration.harness.installation import AUTH
from integration.remote.deployment import CLIENT, RemoteDeployment
from integration.remote.own_service import OwnService
from integration.remote.relay import Exchange, Relay
from integration.remote.statements import StatementLog
from support.requirements import need_private_database
from support.services import Service

POLLS = 200
SMALL = 1_000
"""Bytes."""


def test_a_service_is_told_what_is_new_and_otherwise_that_nothing_is(
    deployment: RemoteDeployment, service: OwnService, relay: Relay
) -> None:
    somebody = deployment.sign_in()
    relay.exchanges.clear()
    wait_until(lambda: len(partial(relay)) >= 3, "asked")
    assert {(one.status, one.bytes) for one in partial(relay)} == {(304, 0)}
    deployment.log_out(somebody)
    service.wait_until_refused(somebody.access)
    [told] = [one for one in partial(relay) if one.status != 304]
    assert told.status == 200
    assert 0 < told.bytes < SMALL


def partial(relay: Relay) -> list[Exchange]:
    """Return the polls but for those that ask for everything, once a minute."""
    return [one for one in list(relay.exchanges) if one.is_poll and not one.is_full]


def poll(
    client: httpx2.Client, url: str, cursor: str | None = None, etag: str | None = None
) -> httpx2.Response:
    """Ask as a verifier does."""
    headers = {} if etag is None else {"If-None-Match": etag}
    parameters = {} if cursor is None else {"after": cursor}
    return client.get(f"{url}{AUTH}/revocations", params=parameters, headers=headers)


def test_polls_ask_the_database_nothing(deployment: RemoteDeployment) -> None:
    need_private_database()  # its log of statements is turned on
    account = deployment.database.account("auth_polled", {"*": "SELECT, INSERT, UPDATE, DELETE"})
    replica = deployment.replica(
        "auth-polled.log",
        DOORWARD_DATABASE_URL=account,
        # It looks for itself once a minute: what else is asked, the polls ask.
        DOORWARD_REVOCATION_POLL_SECONDS="60",
        DOORWARD_REVOCATION_MAX_AGE_SECONDS="120",
        DOORWARD_MAIL_POLL_SECONDS="60",
    )
    with replica, httpx2.Client(auth=CLIENT, trust_env=False, timeout=10.0) as client:
        # After its first look there is nothing that came later, and everything is told once more.
        unchanged = poll(client, replica.url).headers["etag"]
        leave(deployment, replica)
        wait_until(lambda: poll(client, replica.url).headers["etag"] != unchanged, "looked")
        first = poll(client, replica.url)
        cursor, etag = first.json()["cursor"], first.headers["etag"]
        with StatementLog(deployment.database, account) as log:
            for _ in range(POLLS):
                answer = poll(client, replica.url, cursor, etag)
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["doorward-cursor"] >= cursor
            assert poll(client, replica.url).status_code == 200  # nor does the whole list
        assert [one for one in log.statements if "revoked_at" in one] == []
        assert len(log.statements) < POLLS / 4  # its sweeping goes on meanwhile
        with StatementLog(deployment.database, account) as log:
            session = leave(deployment, replica)
            wait_until(lambda: poll(client, replica.url, cursor, etag).status_code == 200, "told")
        assert any("revoked_at" in one for one in log.statements)  # the log would have shown them
        told = poll(client, replica.url, cursor, etag)
        assert session in [one["id"] for one in told.json()["sessions"]]
        assert len(told.content) < SMALL


def leave(deployment: RemoteDeployment, replica: Service) -> str:
    """Let somebody new log out at a replica; return the session that ended."""
    somebody = deployment.sign_in()
    headers = {"Authorization": f"Bearer {somebody.access}"}
    answer = httpx2.post(f"{replica.url}{AUTH}/logout", headers=headers, trust_env=False)
    assert answer.status_code == 204, answer.text
    return str(parts(somebody.access)[1]["sid"])
