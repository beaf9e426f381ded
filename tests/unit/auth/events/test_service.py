"""When an event stream is warned, and when and how it ends."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.events import service as events
from doorward_auth.events.errors import EventStreamsUnavailableError
from doorward_auth.events.event import Event, EventName
from doorward_auth.events.service import EventService
from doorward_auth.events.stream import EventStream, StreamEnd
from doorward_auth.settings import AuthSettings
from doorward_client.errors import UnavailableError
from doorward_client.keys.key_set import HS256, KeySet
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.revocations.revocation_list import StalePolicy
from doorward_client.tokens import Claims
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import client_events
from doorward_kit.key_rotation import new_jwk
from support.claims import claims_of

NOW: Final = int(time.time()) + 86_400
"""Tomorrow, so that the token of a test without a clock does not expire while other tests run."""
CALLER: Final = claims_of(token_version=3, issued_at=NOW, expires_at=NOW + 300)
SETTINGS: Final = AuthSettings(
    database_url=SecretStr("sqlite://"), secret_key=SecretStr("unit-tests-only-0123456789abcdefghijklmnop")
)


@pytest.fixture
def resources(tmp_path: Path) -> Iterator[IdentityResources]:
    """Resources with an empty revocation list, and a database without events."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    client_events.create(sa.create_engine(url))
    resources = IdentityResources(SETTINGS.model_copy(update={"database_url": SecretStr(url)}))
    resources.verification.revocations.apply(FetchedRevocations(RevocationEntries()))
    yield resources
    resources.close()


def key_set(*members: object) -> KeySet:
    return KeySet.parse(json.dumps({"keys": members}))


@pytest.fixture
def service(resources: IdentityResources) -> EventService:
    return EventService(resources, SETTINGS)


class Clock:
    """The time of the test: both clocks move together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        monkeypatch.setattr(time, "time", lambda: NOW + self.passed)
        monkeypatch.setattr(time, "monotonic", lambda: 1_000 + self.passed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def opened(service: EventService, caller: Claims = CALLER) -> EventStream:
    stream = await service.open(caller)
    state = await stream.next_chunk()
    assert state is not None
    assert b"event: state" in state
    return stream


def reason_of(stream: EventStream) -> StreamEnd | None:
    return stream.end_reason


def text_of(event: Event | None) -> str:
    return "" if event is None else event.frame.decode()


async def test_the_state_names_the_session_and_the_tokens_expiry(service: EventService) -> None:
    chunk = await (await service.open(CALLER)).next_chunk()
    assert chunk is not None
    assert str(CALLER.session_id).encode() in chunk
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(CALLER.expires_at))
    assert f'"access_expires_at":"{expiry}"'.encode() in chunk


async def test_other_features_add_to_the_state(resources: IdentityResources) -> None:
    class Grants:
        def read_state(self, connection: sa.Connection, caller: Claims) -> dict[str, object]:
            return {"upstreams": [connection.scalar(sa.text("SELECT 7")), str(caller.user_id)]}

    service = EventService(resources, SETTINGS, [Grants()])
    chunk = await (await service.open(CALLER)).next_chunk()
    assert chunk is not None
    assert f'"upstreams":[7,"{CALLER.user_id}"]'.encode() in chunk


async def test_a_stream_whose_state_cannot_be_read_is_rejected_and_forgotten(
    resources: IdentityResources,
) -> None:
    class Broken:
        def read_state(self, connection: sa.Connection, caller: Claims) -> dict[str, object]:
            raise UnavailableError(f"{connection} {caller}")

    service = EventService(resources, SETTINGS, [Broken()])
    with pytest.raises(UnavailableError):
        await service.open(CALLER)
    assert len(service.streams) == 0


async def test_the_client_gets_one_warning_before_the_expiry_and_an_event_at_it(
    service: EventService, clock: Clock
) -> None:
    stream = await opened(service)
    clock.passed = 239
    service.check()
    stream.push(Event.of(EventName.TOKEN_REFRESHED))
    clock.passed = 240
    service.check()
    service.check()
    chunk = await stream.next_chunk()
    assert chunk is not None
    assert chunk.splitlines()[::3] == [b"event: token.refreshed", b"event: token.expiring"]
    clock.passed = 299
    service.check()
    assert reason_of(stream) is None
    clock.passed = 300
    service.check()
    assert reason_of(stream) is StreamEnd.EXPIRED
    assert text_of(await service.last_event(stream)) == "event: token.expired\ndata: {}\n\n"


async def test_a_token_about_to_expire_is_warned_about_at_once(service: EventService, clock: Clock) -> None:
    clock.passed = 290
    stream = await opened(service)
    service.check()
    assert stream.is_warned


@pytest.mark.parametrize(
    "entries",
    [
        RevocationEntries({CALLER.session_id: 300}),
        RevocationEntries({}, {CALLER.user_id: (CALLER.token_version + 1, 300)}),
    ],
)
async def test_a_revocation_ends_the_streams_of_its_tokens_alone(
    service: EventService, resources: IdentityResources, entries: RevocationEntries
) -> None:
    stream = await opened(service)
    other = await opened(service, replace(CALLER, user_id=uuid.uuid4(), session_id=uuid.uuid4()))
    newer = await opened(service, replace(CALLER, session_id=uuid.uuid4(), token_version=9))
    resources.verification.poller.apply_remote(entries)
    service.check()
    assert [one.end_reason for one in (stream, other, newer)] == [StreamEnd.REVOKED, None, None]


def test_a_revocation_ends_a_stream_within_two_seconds() -> None:
    poll = AuthSettings.model_fields["revocation_poll_seconds"].default
    assert poll + events.CHECK_SECONDS + events._LAST_READ_SECONDS < 2


async def test_without_the_database_a_revoked_token_asks_for_a_refresh(
    service: EventService, resources: IdentityResources
) -> None:
    """There is no table: whether the session lives is unknown, and the refresh will tell."""
    stream = await opened(service)
    resources.verification.poller.apply_remote(RevocationEntries({CALLER.session_id: 300}))
    service.check()
    assert text_of(await service.last_event(stream)).startswith("event: token.revoked\n")


async def test_a_stream_ends_when_revocations_cannot_be_checked_and_the_policy_is_to_deny() -> None:
    settings = SETTINGS.model_copy(update={"revocation_stale_policy": StalePolicy.DENY})
    resources = IdentityResources(settings)
    resources.verification.revocations.apply(FetchedRevocations(RevocationEntries(), age=60))
    service = EventService(resources, settings)
    stream = await opened(service)
    service.check()
    assert reason_of(stream) is StreamEnd.UNVERIFIABLE
    resources.close()


async def test_the_removal_of_a_key_ends_every_stream(
    service: EventService, resources: IdentityResources
) -> None:
    """A token may be signed by the key that was removed."""
    stream = await opened(service)
    service.check()
    assert reason_of(stream) is None
    resources.verification.keys.replace(KeySet.of_secret("another-key-0123456789abcdefghijklmnopqrst"))
    service.check()
    assert reason_of(stream) is StreamEnd.UNVERIFIABLE
    later = await opened(service)
    service.check()
    assert later.end_reason is None


async def test_a_stream_outlives_a_change_that_removes_no_key(
    service: EventService, resources: IdentityResources
) -> None:
    """The same file once more, as after a start; a rotation; and the same key id with another secret."""
    keys = resources.verification.keys
    first, following = new_jwk(HS256), new_jwk(HS256, activate_at=NOW)
    keys.replace(key_set(first))
    service.check()
    stream = await opened(service)
    for harmless in (key_set(first), key_set(first | {"retire_at": 2 * NOW}, following)):
        keys.replace(harmless)
        service.check()
        assert reason_of(stream) is None
    keys.replace(key_set(new_jwk(HS256) | {"kid": first["kid"]}, following))
    service.check()
    assert reason_of(stream) is StreamEnd.UNVERIFIABLE


async def test_a_stream_has_a_longest_duration(resources: IdentityResources, clock: Clock) -> None:
    service = EventService(resources, SETTINGS.model_copy(update={"events_max_seconds": 20.0}))
    stream = await opened(service)
    clock.passed = 19
    service.check()
    assert reason_of(stream) is None
    clock.passed = 20
    service.check()
    assert reason_of(stream) is StreamEnd.DURATION
    assert text_of(await service.last_event(stream)) == "event: bye\ndata: {}\n\n"


async def test_a_silent_stream_gets_a_comment_when_it_is_time(service: EventService, clock: Clock) -> None:
    stream = await opened(service)
    clock.passed = SETTINGS.events_keepalive_seconds
    service.check()
    assert await stream.next_chunk() == b": keep\n\n"


async def test_a_stopping_process_ends_its_streams_and_opens_none(
    service: EventService, resources: IdentityResources
) -> None:
    stream = await opened(service)
    resources.drain()
    await opened(service)  # proxies still send requests here
    service.check()
    assert reason_of(stream) is None
    resources.stop()
    service.check()
    assert reason_of(stream) is StreamEnd.SHUTDOWN
    assert text_of(await service.last_event(stream)) == "event: bye\ndata: {}\n\n"
    with pytest.raises(EventStreamsUnavailableError):
        await service.open(CALLER)


async def test_closed_streams_are_forgotten_and_counted_by_reason(
    service: EventService, resources: IdentityResources
) -> None:
    streams = [await opened(service) for _ in range(2)]
    value = resources.metrics.registry.get_sample_value
    assert value("doorward_event_streams") == 2
    streams[0].end(StreamEnd.EXPIRED)
    for stream in streams:
        service.close(stream)
    assert value("doorward_event_streams") == 0
    for reason in ("expired", "disconnected"):
        assert value("doorward_event_streams_ended_total", {"reason": reason}) == 1
    assert await service.last_event(streams[1]) is None


def test_the_names_of_events_fit_their_column() -> None:
    assert max(map(len, EventName)) <= 64
