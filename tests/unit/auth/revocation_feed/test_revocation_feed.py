import time
import uuid

import pytest

from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries, RevocationListResponse
from doorward_client.revocations.revocation_list import (
    RevocationList,
    RevocationsNotReadError,
    StaleRevocationsError,
)

A, B, USER = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


def feed_of(revocations: RevocationList, *, issuer: str = "doorward") -> RevocationFeed:
    return RevocationFeed(revocations, issuer=issuer, audience="reports")


def read(feed: RevocationFeed) -> RevocationListResponse:
    return RevocationListResponse.parse(feed.render())


def test_the_feed_contains_the_list_and_the_expected_issuer_and_audience() -> None:
    revocations = RevocationList()
    revocations.apply(FetchedRevocations(RevocationEntries({A: 300.0}, {USER: (2, 300.0)})))
    document = read(feed_of(revocations))
    assert (document.issuer, document.audience, document.next_cursor) == ("doorward", ["reports"], None)
    assert document.entries.sessions.keys() == {A}
    assert document.entries.users[USER][0] == 2


def test_the_tag_changes_with_every_entry_and_with_the_settings() -> None:
    revocations = RevocationList()
    feed = feed_of(revocations)
    empty = feed.etag
    assert read(feed).items == []
    revocations.add(RevocationEntries({A: 300.0}))
    assert feed.etag != empty
    assert read(feed).entries.sessions.keys() == {A}
    revocations.add(RevocationEntries({B: 300.0}))
    assert read(feed).entries.sessions.keys() == {A, B}
    assert feed_of(revocations).etag == feed.etag
    assert feed_of(revocations, issuer="https://auth.example.com").etag != feed.etag


def test_a_cached_response_is_a_second_old_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    revocations = RevocationList()
    revocations.add(RevocationEntries({A: 300.0}))
    feed = feed_of(revocations)
    first = feed.render()
    now += 0.9
    assert feed.render() is first
    now += 0.2
    assert read(feed).entries.sessions[A] == pytest.approx(298.9)


def test_a_list_that_is_too_old_or_was_never_read_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    revocations = RevocationList(max_age=10)
    feed = feed_of(revocations)
    with pytest.raises(RevocationsNotReadError):
        _ = feed.age
    revocations.apply(FetchedRevocations(RevocationEntries(), age=3.0))
    assert feed.age == 3
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 8)
    with pytest.raises(StaleRevocationsError):
        _ = feed.age


def test_it_names_the_resources_of_registered_clients() -> None:
    revocations, resources = RevocationList(), set[str]()
    revocations.apply(FetchedRevocations(RevocationEntries({A: 300.0})))
    feed = RevocationFeed(revocations, issuer="i", audience="doorward", resources=lambda: resources)
    assert read(feed).audience == ["doorward"]
    before = feed.etag
    resources.update({"https://reports.example.com", "doorward", "https://bills.example.com"})
    assert feed.etag != before
    both = ["https://bills.example.com", "https://reports.example.com"]
    assert read(feed).audience == ["doorward", *both]
