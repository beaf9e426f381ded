"""An event stream over HTTP: what it begins with, and that it ends with its token at every process."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest

from doorward_auth.signing import Signer
from doorward_client.keys.key_store import KeyStore
from integration.events.conftest import Processes, claims_of
from integration.harness.bulk_users import Member
from integration.harness.problems import assert_problem
from support.client import AUTH
from support.event_stream import EVENTS, event_stream, opened
from support.services import SECRET_KEY


def signed_token(member: Member, lifetime: int) -> str:
    """Return an access token of another lifetime than the service's."""
    signer = Signer(KeyStore.of_secret(SECRET_KEY), issuer="doorward", audience="doorward", lifetime=lifetime)
    return signer.sign(
        user_id=member.id,
        session_id=uuid.uuid4(),
        role="user",
        token_version=0,
        auth_time=datetime.now(UTC),
        acr="aal1",
        amr="pwd",
    )


def test_a_stream_begins_with_the_state_and_is_never_buffered_or_stored(processes: Processes) -> None:
    token = processes.log_in()
    with opened(processes.auth.url, token) as reader:
        headers = reader.response.headers
        assert reader.response.status_code == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        event = reader.next()
        assert event is not None
        name, state = event
        claims = claims_of(token)
        assert name == "state"
        assert uuid.UUID(state["session_id"]) == uuid.UUID(claims["sid"])
        assert datetime.fromisoformat(state["access_expires_at"]).timestamp() == claims["exp"]
        assert reader.retry is not None
        for _ in range(2):
            reader.wait_for_comment()
        assert set(reader.comments) == {": keep"}


def test_a_stream_needs_an_access_token_in_the_header(processes: Processes) -> None:
    token = processes.log_in()
    for query in ("", f"?access_token={token}", f"?token={token}"):
        response = processes.client.get(processes.auth.url + EVENTS + query)
        assert_problem(response, 401)
        assert response.json()["code"] == "not_authenticated"
        assert response.headers["www-authenticate"].startswith("Bearer")


def test_head_ends_at_once_and_opens_no_stream(processes: Processes) -> None:
    headers = {"Authorization": f"Bearer {processes.log_in()}"}
    for _ in range(20):  # more than a session may have open
        response = processes.client.head(processes.auth.url + EVENTS, headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_not_allowed(processes: Processes, method: str) -> None:
    headers = {"Authorization": f"Bearer {processes.log_in()}"}
    response = processes.client.request(method, processes.auth.url + EVENTS, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@dataclass(frozen=True)
class Reason:
    """A request that revokes a token, and the last event of its streams."""

    method: str
    path: str
    body: dict[str, str] | None = None
    event: str = "session.ended"
    by_administrator: bool = True


REASONS: Final = {
    "logout": Reason("POST", f"{AUTH}/logout", by_administrator=False),
    "all sessions": Reason("DELETE", f"{AUTH}/sessions", by_administrator=False),
    "disabled": Reason("PATCH", "/api/v1/users/{id}", {"status": "disabled"}),
    "deleted": Reason("DELETE", "/api/v1/users/{id}"),
    "role": Reason("PATCH", "/api/v1/users/{id}", {"role": "admin"}, event="token.revoked"),
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_revocation_ends_the_streams_at_every_process_with_the_reason(
    processes: Processes, reason: Reason
) -> None:
    member = processes.member()
    token, bystander = processes.log_in(member), processes.log_in()
    caller = processes.log_in(processes.member("admin")) if reason.by_administrator else token
    with (
        event_stream(processes.auth.url, token) as here,
        event_stream(processes.other_auth.url, token) as there,
        event_stream(processes.other_auth.url, bystander) as unconcerned,
    ):
        service = processes.users if reason.path.startswith("/api/v1/users") else processes.auth
        processes.call(service, reason.method, reason.path.format(id=member.id), caller, json=reason.body)
        for stream in (there, here):
            assert stream.rest() == [reason.event]
        unconcerned.wait_for_comment()


def test_a_stream_ends_with_its_token_and_warns_before(processes: Processes) -> None:
    # The warning comes in the last fifth. A slow machine may connect, or check its streams, too late for it.
    found = []
    for lifetime in (4, 20, 60):
        token = signed_token(processes.member(), lifetime)
        with opened(processes.auth.url, token) as stream:
            found = stream.rest() if stream.response.status_code == 200 else []
        if found == ["state", "token.expiring", "token.expired"]:
            return
    raise AssertionError(f"not warned before the expiry: {found}")


def test_a_stream_has_a_longest_duration(processes: Processes) -> None:
    with processes.another_auth(DOORWARD_EVENTS_MAX_SECONDS="0.5") as auth:
        token = processes.log_in()
        with event_stream(auth.url, token) as stream:
            assert stream.rest() == ["bye"]
        with event_stream(auth.url, token):
            pass
