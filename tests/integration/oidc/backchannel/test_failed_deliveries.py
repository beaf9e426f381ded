"""Logout tokens that do not arrive: repeated a number of times, by one process, and counted."""

import asyncio
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from doorward_auth.oidc.backchannel.deleted_users import DELETED_USERS
from doorward_auth.oidc.backchannel.ended_sessions import ENDED_SESSIONS
from doorward_auth.oidc.backchannel.metrics import LogoutMetrics
from doorward_auth.oidc.backchannel.sender import LogoutSender
from doorward_auth.oidc.backchannel.service import BackchannelLogout
from doorward_identity.logout_deliveries import MAX_ATTEMPTS
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.oidc.backchannel.deliveries import counted, deliver, make_due, open_deliveries
from integration.oidc.logout_receiver import Receiver
from integration.oidc.provider import Client, claims_of


def test_a_failed_notification_of_a_deleted_user_is_repeated(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    app.sign_in(people.user)
    app.tokens()
    installation.call("DELETE", people.user.path, people.admin.access)
    receiver.statuses = [500] * 10
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert (deliver(idp), len(receiver.tokens)) == (1, attempt)
        assert deliver(idp) == 0, "not before its time"
        make_due(idp)
    assert (deliver(idp), open_deliveries(idp)) == (0, 0)


@pytest.mark.parametrize("attempt", range(1, MAX_ATTEMPTS + 1))
def test_a_client_is_notified_of_a_deletion_during_a_failing_attempt(
    app: Client,
    installation: Installation,
    idp: Installation,
    people: People,
    receiver: Receiver,
    attempt: int,
) -> None:
    """Whichever attempt it is to tell the end of a session, which the deletion takes away."""
    app.sign_in(people.user)
    app.tokens()
    installation.call("DELETE", f"{AUTH}/sessions", people.user.access)
    receiver.statuses = [500] * attempt
    for _ in range(attempt - 1):
        assert deliver(idp) == 1
        make_due(idp)

    def delete_user() -> None:
        assert installation.call("DELETE", people.user.path, people.admin.access).status_code == 204

    receiver.meanwhile = delete_user
    assert deliver(idp) >= 1
    while deliver(idp):
        pass
    told = claims_of(idp, receiver.tokens[-1], "app")
    assert told["sub"] == people.user.id
    assert "sid" not in told
    assert (len(receiver.tokens), open_deliveries(idp)) == (attempt + 1, 0)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("path", "damage", "given_up"),
    [
        (f"{USERS}/{{id}}", "UPDATE logout_deliveries SET attempts = 3", 1),
        (f"{AUTH}/users/{{id}}/sessions", "UPDATE sessions SET logout_attempts = 3", 1),
        (f"{USERS}/{{id}}", "UPDATE oauth_clients SET backchannel_logout_uri = NULL", 0),
        (f"{AUTH}/users/{{id}}/sessions", "UPDATE oauth_clients SET backchannel_logout_uri = NULL", 0),
    ],
)
def test_what_cannot_be_delivered_is_over(
    app: Client,
    installation: Installation,
    idp: Installation,
    people: People,
    receiver: Receiver,
    *,
    path: str,
    damage: str,
    given_up: int,
) -> None:
    """After the crash of the process that had the last attempt, which counts; or without an endpoint."""
    app.sign_in(people.user)
    app.tokens()
    before = counted(idp)
    installation.call("DELETE", path.format(id=people.user.id), people.admin.access)
    idp.execute(damage)
    assert (deliver(idp), receiver.tokens, open_deliveries(idp)) == (0, [], 0)
    assert [after - was for after, was in zip(counted(idp), before, strict=True)] == [0, 0, given_up]


@pytest.mark.databases("sqlite")
def test_an_error_of_one_outbox_ends_neither(
    app: Client,
    installation: Installation,
    idp: Installation,
    people: People,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first client fails, whatever the error, until the second one has been notified."""
    for person in (people.user, people.other):
        app.sign_in(person)
        app.tokens()
    installation.call("DELETE", f"{AUTH}/users/{people.other.id}/sessions", people.admin.access)
    installation.call("DELETE", people.user.path, people.admin.access)

    def fail_at_first(connection: sa.Connection) -> bool:
        if not receiver.tokens:
            raise RuntimeError
        return ENDED_SESSIONS.is_any_due(connection)

    module = "doorward_auth.oidc.backchannel.service"
    failing = replace(ENDED_SESSIONS, is_any_due=fail_at_first)
    monkeypatch.setattr(f"{module}.OUTBOXES", (failing, DELETED_USERS))
    monkeypatch.setattr(f"{module}.INTERVAL_SECONDS", 0.01)
    resources, provider = idp.auth_app.state.resources, idp.auth_app.state.services.provider
    service = BackchannelLogout(
        resources.database, provider, LogoutSender(), LogoutMetrics(CollectorRegistry())
    )
    portal = idp.auth.portal
    assert portal is not None
    running = portal.start_task_soon(service.run)
    try:
        while open_deliveries(idp) and not running.done():
            time.sleep(0.01)
    finally:
        running.cancel()
    subjects = [claims_of(idp, token, "app")["sub"] for token in receiver.tokens]
    assert subjects == [people.user.id, people.other.id]


@pytest.mark.databases("sqlite")
def test_attempts_are_counted_by_outcome(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    app.sign_in(people.user)
    app.tokens()
    before = counted(idp)
    installation.call("DELETE", f"{AUTH}/sessions", people.user.access)
    receiver.statuses = [500, 500, 500]
    for _ in range(MAX_ATTEMPTS):
        deliver(idp)
        make_due(idp)
    app.sign_in(people.user)
    app.tokens()
    installation.call("DELETE", people.user.path, people.admin.access)
    deliver(idp)
    assert [after - was for after, was in zip(counted(idp), before, strict=True)] == [1, 2, 1]


@pytest.mark.parametrize("status", [400, 302, 500, 201])
def test_a_failure_is_repeated_three_times_in_all(
    app: Client,
    installation: Installation,
    idp: Installation,
    people: People,
    receiver: Receiver,
    status: int,
) -> None:
    app.sign_in(people.user)
    app.tokens()
    installation.call("DELETE", f"{AUTH}/sessions", people.user.access)
    receiver.statuses = [status] * 10
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert deliver(idp) == 1
        assert len(receiver.tokens) == attempt
        assert deliver(idp) == 0, "not before its time"
        make_due(idp)
    assert deliver(idp) == 0
    assert open_deliveries(idp) == 0
    assert set(receiver.paths) == {"/logout"}, "no redirect is followed"


@pytest.mark.databases("sqlite")
def test_an_unavailable_client_is_notified_later(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    app.sign_in(people.user)
    app.tokens()
    installation.call("DELETE", f"{AUTH}/sessions", people.user.access)
    where = receiver.uri
    idp.execute("UPDATE oauth_clients SET backchannel_logout_uri = 'http://127.0.0.1:9/logout'")
    assert (deliver(idp), receiver.tokens) == (1, [])
    idp.execute(sa.text("UPDATE oauth_clients SET backchannel_logout_uri = :uri"), uri=where)
    make_due(idp)
    assert (deliver(idp), len(receiver.tokens)) == (1, 1)
    assert open_deliveries(idp) == 0


def test_processes_at_the_same_moment_tell_a_client_once(
    app: Client, installation: Installation, idp: Installation, people: People, receiver: Receiver
) -> None:
    app.sign_in(people.user)
    for _ in range(8):
        app.tokens()
    installation.call("DELETE", f"{AUTH}/sessions", people.user.access)
    service: BackchannelLogout = idp.auth_app.state.services.backchannel

    async def together() -> int:
        return sum(await asyncio.gather(*(service.deliver_batch(ENDED_SESSIONS) for _ in range(4))))

    portal = idp.auth.portal
    assert portal is not None
    told = portal.call(together)
    while count := deliver(idp):
        told += count
    assert told == len(receiver.tokens) == 8
