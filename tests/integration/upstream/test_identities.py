"""Accounts at upstreams: whose they are, and registrations that are sent once."""

import uuid
from collections.abc import Callable
from typing import TypeVar

import pytest
import sqlalchemy as sa

from doorward_auth.upstream import identities, registrations
from doorward_auth.upstream.registrations import Claim, RegistrationKey
from doorward_identity.tables import upstream_registrations, users
from integration.harness.bulk_users import Member, enrol
from integration.upstream.grant_world import GrantWorld

T = TypeVar("T")


@pytest.fixture
def ada(world: GrantWorld) -> Member:
    return enrol(world.url, 1)[0]


@pytest.fixture
def bob(world: GrantWorld) -> Member:
    return enrol(world.url, 1)[0]


def within(world: GrantWorld, work: Callable[[sa.Connection], T]) -> T:
    with world.transaction() as connection:
        return work(connection)


def link(world: GrantWorld, user: Member, provider: str, subject: str) -> bool:
    return within(world, lambda connection: identities.link(connection, user.id, provider, subject, "name"))


def found(world: GrantWorld, provider: str, subject: str) -> uuid.UUID | None:
    return within(world, lambda connection: identities.find_user(connection, provider, subject))


def test_an_account_belongs_to_one_user_and_a_user_has_one_at_each_upstream(
    world: GrantWorld, ada: Member, bob: Member
) -> None:
    assert link(world, ada, "theapi", "1")
    assert not link(world, bob, "theapi", "1"), "another's account"
    assert not link(world, ada, "theapi", "2"), "a second account there"
    assert not link(world, ada, "theapi", "1"), "again"
    assert link(world, bob, "theapi", "2")
    assert link(world, ada, "other", "1"), "subjects of another upstream are other people"
    assert found(world, "theapi", "1") == found(world, "other", "1") == ada.id
    assert found(world, "theapi", "2") == bob.id
    assert found(world, "theapi", "3") is None
    assert [one.provider for one in within(world, lambda c: identities.list_of(c, ada.id))] == [
        "other",
        "theapi",
    ]


@pytest.mark.parametrize("subject", ["İ", "ADA", "ada ", "a\u0301da", "x" * 255])
def test_subjects_are_compared_exactly(world: GrantWorld, ada: Member, bob: Member, subject: str) -> None:
    assert link(world, ada, "theapi", subject)
    for other in (subject.casefold() + "!", subject.strip() + "\u200b", subject[:-1]):
        assert found(world, "theapi", other) is None
    if subject != subject.lower():
        assert link(world, bob, "theapi", subject.lower())
    assert found(world, "theapi", subject) == ada.id


def test_links_are_recorded_and_end_with_the_user(world: GrantWorld, ada: Member) -> None:
    link(world, ada, "theapi", "1")
    assert within(world, lambda connection: identities.unlink(connection, ada.id, "theapi"))
    assert not within(world, lambda connection: identities.unlink(connection, ada.id, "theapi"))
    actions = world.execute(sa.text("SELECT action FROM audit_events ORDER BY id"))
    assert [row[0] for row in actions] == ["auth:upstream:linked", "auth:upstream:unlinked"]
    link(world, ada, "theapi", "1")
    world.execute(users.delete())
    assert found(world, "theapi", "1") is None


def test_the_user_name_of_the_last_login_is_shown(world: GrantWorld, ada: Member) -> None:
    link(world, ada, "theapi", "1")
    for name in ("ada", "ada", None, "countess", "x" * 1_000):
        within(world, lambda c, name=name: identities.note_username(c, ada.id, "theapi", name))  # type: ignore[misc]  # lambda
        [linked] = within(world, lambda c: identities.list_of(c, ada.id))
        assert linked.username == (None if name is None else name[:254])


KEY = RegistrationKey.of("theapi", "key", "ada@example.com", b"Ada", b"picture")


def claim(world: GrantWorld, key: RegistrationKey = KEY) -> Claim:
    return within(world, lambda connection: registrations.claim(connection, key, seconds=30))


def pass_time(world: GrantWorld) -> None:
    world.execute(
        upstream_registrations.update().values(leased_until=sa.text("'2020-01-01 00:00:00.000000'"))
    )


def test_one_of_several_requests_with_a_key_is_sent(world: GrantWorld) -> None:
    assert claim(world) is Claim.SEND
    assert claim(world) is Claim.WAIT


def test_after_a_lost_result_the_next_request_logs_in_first(world: GrantWorld) -> None:
    claim(world)
    within(world, lambda connection: registrations.mark_unknown(connection, KEY))
    assert claim(world) is Claim.LOG_IN_FIRST
    assert claim(world) is Claim.WAIT, "one at a time"


def test_a_process_that_died_leaves_an_unknown_result(world: GrantWorld) -> None:
    claim(world)
    pass_time(world)
    assert claim(world) is Claim.LOG_IN_FIRST


def test_a_finished_registration_is_repeated(world: GrantWorld, ada: Member) -> None:
    claim(world)
    within(world, lambda connection: registrations.finish(connection, KEY, ada.id))
    assert claim(world) is Claim.REPEAT
    world.execute(users.delete())
    assert claim(world) is Claim.SEND


def test_a_refused_registration_can_be_corrected(world: GrantWorld) -> None:
    claim(world)
    within(world, lambda connection: registrations.withdraw(connection, KEY))
    corrected = RegistrationKey.of("theapi", "key", "ada@example.com", b"Countess", b"picture")
    assert claim(world, corrected) is Claim.SEND


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (RegistrationKey.of("theapi", "key", "ada@example.com", b"Adapicture", b""), Claim.REFUSE),
        (RegistrationKey.of("theapi", "key", "ada@example.com", b"Eve", b"picture"), Claim.REFUSE),
        (RegistrationKey.of("theapi", "key", "bob@example.com", b"Ada", b"picture"), Claim.SEND),
        (RegistrationKey.of("theapi", "key2", "ada@example.com", b"Ada", b"picture"), Claim.SEND),
        (RegistrationKey.of("other", "key", "ada@example.com", b"Ada", b"picture"), Claim.SEND),
    ],
)
def test_a_key_is_of_one_registration(world: GrantWorld, key: RegistrationKey, expected: Claim) -> None:
    claim(world)
    assert claim(world, key) is expected


def test_expired_registrations_are_deleted(world: GrantWorld) -> None:
    claim(world)
    assert within(world, lambda connection: registrations.delete_expired(connection, count=10)) == 0
    world.execute(upstream_registrations.update().values(expires_at=sa.text("'2020-01-01 00:00:00.000000'")))
    assert within(world, lambda connection: registrations.delete_expired(connection, count=10)) == 1
    assert claim(world) is Claim.SEND
