"""A poll without changes runs no query and returns no body."""

import httpx2

from integration.harness.deployment import wait_until
from integration.harness.forgery import parts
from integration.harness.installation import AUTH
from integration.remote.deployment import CLIENT, RemoteDeployment
from integration.remote.own_service import OwnService
from integration.remote.relay import Relay
from integration.remote.statements import StatementLog
from support.requirements import need_private_database
from support.services import Service

POLLS = 200


def test_a_poll_returns_the_list_after_a_change_and_304_otherwise(
    deployment: RemoteDeployment, service: OwnService, relay: Relay
) -> None:
    user = deployment.sign_in()

    def unchanged() -> bool:
        """Whether the last three polls were 304; before, entries of earlier tests may still expire."""
        return [(one.status, one.bytes) for one in relay.polls()[-3:]] == [(304, 0)] * 3

    wait_until(unchanged, "unchanged")
    relay.exchanges.clear()
    deployment.log_out(user)
    service.wait_until_rejected(user.access)
    changed = [one for one in relay.polls() if one.status != 304]
    assert changed
    assert {one.has_list for one in changed} == {True}


def poll(client: httpx2.Client, url: str, etag: str | None = None) -> httpx2.Response:
    """Poll as a verifier does."""
    headers = {} if etag is None else {"If-None-Match": etag}
    return client.get(f"{url}{AUTH}/revocations", headers=headers)


def test_polls_run_no_database_query(deployment: RemoteDeployment) -> None:
    need_private_database()  # this test turns its statement log on
    account = deployment.database.account("auth_polled", {"*": "SELECT, INSERT, UPDATE, DELETE"})
    replica = deployment.replica(
        "auth-polled.log",
        DOORWARD_DATABASE_URL=account,
        # It polls the database once a minute, so all other queries are caused by its callers.
        DOORWARD_REVOCATION_POLL_SECONDS="60",
        DOORWARD_REVOCATION_MAX_AGE_SECONDS="120",
        DOORWARD_MAIL_POLL_SECONDS="60",
    )
    with replica, httpx2.Client(auth=CLIENT, trust_env=False, timeout=10.0) as client:
        unchanged = poll(client, replica.url).headers["etag"]
        leave(deployment, replica)
        wait_until(lambda: poll(client, replica.url).headers["etag"] != unchanged, "polled")
        first = poll(client, replica.url)
        etag = first.headers["etag"]
        assert (first.json()["issuer"], first.json()["audience"]) == ("doorward", ["doorward"])
        with StatementLog(deployment.database, account) as log:
            for _ in range(POLLS):
                answer = poll(client, replica.url, etag)
                assert (answer.status_code, answer.content) == (304, b"")
            assert poll(client, replica.url).status_code == 200  # the whole list runs no query either
        assert [statement for statement in log.statements if "revoked_at" in statement] == []
        assert len(log.statements) < POLLS / 4  # its clean-up goes on meanwhile
        with StatementLog(deployment.database, account) as log:
            session = leave(deployment, replica)
            wait_until(lambda: poll(client, replica.url, etag).status_code == 200, "changed")
        assert any("revoked_at" in statement for statement in log.statements)  # the log would have shown them
        changed = poll(client, replica.url, etag)
        assert session in [item["id"] for item in changed.json()["items"]]


def leave(deployment: RemoteDeployment, replica: Service) -> str:
    """Log a new user out at a replica; return the id of the ended session."""
    user = deployment.sign_in()
    headers = {"Authorization": f"Bearer {user.access}"}
    answer = httpx2.post(f"{replica.url}{AUTH}/logout", headers=headers, trust_env=False)
    assert answer.status_code == 204, answer.text
    return str(parts(user.access)[1]["sid"])
