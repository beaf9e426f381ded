import uuid
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.revocation_feed.change_log import RevocationChangeLog
from doorward_client.revocations import json_codec
from doorward_client.revocations.models import Changes
from doorward_client.revocations.poller import RevocationPoller
from doorward_client.revocations.revocation_list import RevocationList, StaleRevocationsError
from doorward_kit.metrics import Metrics

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C, USER = (uuid.uuid4() for _ in range(4))


class Database:
    """What was committed, and the time: a look brings what is there, with the last ten seconds again."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.rows: list[tuple[datetime, Changes]] = []

    def revoke(self, *sessions: uuid.UUID, users: dict[uuid.UUID, tuple[int, float]] | None = None) -> None:
        self.rows.append((self.now, Changes(dict.fromkeys(sessions, 300.0), users or {})))

    async def changes(self, cursor: str | None) -> Changes:
        since = None if cursor is None else datetime.fromisoformat(cursor) - timedelta(seconds=10)
        found = Changes()
        for at, row in self.rows:
            if since is None or at > since:
                found |= row
        now = self.now.isoformat(timespec="microseconds")
        return found | Changes(cursor=now, read_by=now)

    async def close(self) -> None:
        """Nothing was opened."""


class Replica:
    def __init__(self, database: Database) -> None:
        self.revocations = RevocationList()
        self.feed = RevocationPoller(self.revocations, database, Metrics(), interval=60)
        self.log = RevocationChangeLog(self.revocations)
        self.feed.listener = self.log.add


async def test_tells_everything_first_and_then_only_what_came_since() -> None:
    database = Database()
    replica = Replica(database)
    database.revoke(A)
    await replica.feed.update()
    first = replica.log.since(None)
    assert set(first.sessions) == {A}
    database.now += timedelta(seconds=1)
    database.revoke(B, users={USER: (2, 300.0)})
    await replica.feed.update()
    second = replica.log.since(first.cursor)
    assert set(second.sessions) == {B}
    assert second.users[USER][0] == 2
    assert not replica.log.since(second.cursor)


async def test_a_client_that_changes_replicas_misses_nothing() -> None:
    """Two replicas look at different times; the client asks one, then the other, then the first again."""
    database = Database()
    one, two = Replica(database), Replica(database)
    await one.feed.update()
    await two.feed.update()
    cursor = two.log.since(None).cursor
    known: set[uuid.UUID] = set()
    sessions = [uuid.uuid4() for _ in range(200)]
    for number, session in enumerate(sessions):
        database.now += timedelta(milliseconds=100)
        database.revoke(session)
        if number % 5 == 0:
            await one.feed.update()
        if number % 7 == 0:
            await two.feed.update()
        told = (one, two)[number // 3 % 2].log.since(cursor)
        known |= set(told.sessions)
        cursor = told.cursor
    await one.feed.update()
    known |= set(one.log.since(cursor).sessions)
    assert known == set(sessions)


async def test_what_was_heard_from_another_process_is_told_on() -> None:
    database = Database()
    replica = Replica(database)
    await replica.feed.update()
    cursor = replica.log.since(None).cursor
    unheard = replica.log.etag
    replica.feed.hear(Changes({C: 300.0}))
    assert replica.revocations.is_revoked(session_id=C, user_id=USER, token_version=0)
    # The tag counts it, so it is told with it: who has the tag is told nothing more.
    assert replica.log.etag != unheard
    assert set(replica.log.since(cursor).sessions) == {C}
    database.now += timedelta(seconds=1)
    await replica.feed.update()
    assert set(replica.log.since(cursor).sessions) == {C}


async def test_equal_lists_have_equal_tags_in_whatever_order_they_grew() -> None:
    database, other = Database(), Database()
    one, two = Replica(database), Replica(other)
    database.revoke(A, B)
    database.revoke(users={USER: (3, 300.0)})
    other.revoke(users={USER: (1, 300.0)})
    other.revoke(B)
    await one.feed.update()
    await two.feed.update()
    assert one.log.etag != two.log.etag
    other.revoke(A, users={USER: (3, 300.0)})
    await two.feed.update()
    assert one.log.etag == two.log.etag


async def test_the_tag_is_that_of_an_empty_list_again_when_all_has_expired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = Database()
    replica = Replica(database)
    await replica.feed.update()
    empty = replica.log.etag
    database.revoke(A, users={USER: (3, 300.0)})
    await replica.feed.update()
    assert replica.log.etag != empty
    monkeypatch.setattr("time.monotonic", lambda: 10.0**9)
    replica.revocations.sweep()
    assert replica.log.etag == empty


async def test_a_cursor_from_before_the_log_gets_everything() -> None:
    database = Database()
    database.revoke(A)
    replica = Replica(database)
    await replica.feed.update()
    assert set(replica.log.since("2025-01-01T00:00:00.000000+00:00").sessions) == {A}
    assert set(replica.log.since("").sessions) == {A}


async def test_a_list_that_is_too_old_is_not_given_away() -> None:
    replica = Replica(Database())
    with pytest.raises(StaleRevocationsError):
        _ = replica.log.age
    await replica.feed.update()
    assert replica.log.age < 60


def test_lifetimes_go_down_on_the_way() -> None:
    now = 0.0
    revocations = RevocationList()
    log = RevocationChangeLog(revocations, clock=lambda: now)
    log.add(Changes(cursor="1", read_by="1"))
    log.add(Changes({A: 300.0, B: 50.0}, cursor="2", read_by="2"))
    now = 100.0
    told = log.since("1")
    assert told.sessions == {A: 200.0}


def test_what_is_written_is_read_back() -> None:
    changes = Changes({A: 12.5}, {USER: (3, 200.0)}, "cursor")
    assert json_codec.load(json_codec.dump(changes), age=2.0) == Changes(
        {A: 12.5}, {USER: (3, 200.0)}, "cursor", 2.0
    )


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"null", b'{"sessions":[{"id":"x","expires_in":1}],"users":[],"cursor":null}'],
)
def test_other_text_is_an_error_that_the_feed_survives(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        json_codec.load(text)
