"""Accounts at upstreams: whose they are, and registrations that are sent once."""

import uuid
from collections.abc import Callable
from typing import TypeVar

import pytest
import sqlalchemy as sa

from doorward_auth.upstream import identities, registrations
from doorward_auth.upstream.registrations import IdempotencyDecision, RegistrationKey
from doorward_identity.tables import upstream_registrations, users
from integration.harness.bulk_users import Member, enrol
from integration.upstream.grant_setup import GrantSetup

T = TypeVar("T")


@pytest.fixture
def ada(grant_setup: GrantSetup) -> Member:
    return enrol(grant_setup.url, 1)[0]


@pytest.fixture
def bob(grant_setup: GrantSetup) -> Member:
    return enrol(grant_setup.url, 1)[0]


def within(grant_setup: GrantSetup, work: Callable[[sa.Connection], T]) -> T:
    with grant_setup.transaction() as connection:
        return work(connection)


def link(grant_setup: GrantSetup, user: Member, provider: str, subject: str) -> bool:
    return within(
        grant_setup, lambda connection: identities.link(connection, user.id, provider, subject, "name")
    )


def found(grant_setup: GrantSetup, provider: str, subject: str) -> uuid.UUID | None:
    return within(grant_setup, lambda connection: identities.find_user(connection, provider, subject))


def test_an_account_belongs_to_one_user_and_a_user_has_one_at_each_upstream(
    grant_setup: GrantSetup, ada: Member, bob: Member
) -> None:
    assert link(grant_setup, ada, "theapi", "1")
    assert not link(grant_setup, bob, "theapi", "1"), "another's account"
    assert not link(grant_setup, ada, "theapi", "2"), "a second account there"
    assert not link(grant_setup, ada, "theapi", "1"), "again"
    assert link(grant_setup, bob, "theapi", "2")
    assert link(grant_setup, ada, "other", "1"), "subjects of another upstream are other people"
    assert found(grant_setup, "theapi", "1") == found(grant_setup, "other", "1") == ada.id
    assert found(grant_setup, "theapi", "2") == bob.id
    assert found(grant_setup, "theapi", "3") is None
    assert [one.provider for one in within(grant_setup, lambda c: identities.list_of(c, ada.id))] == [
        "other",
        "theapi",
    ]


@pytest.mark.parametrize("subject", ["İ", "ADA", "ada ", "a\u0301da", "x" * 255])
def test_subjects_are_compared_exactly(
    grant_setup: GrantSetup, ada: Member, bob: Member, subject: str
) -> None:
    assert link(grant_setup, ada, "theapi", subject)
    for other in (subject.casefold() + "!", subject.strip() + "\u200b", subject[:-1]):
        assert found(grant_setup, "theapi", other) is None
    if subject != subject.lower():
        assert link(grant_setup, bob, "theapi", subject.lower())
    assert found(grant_setup, "theapi", subject) == ada.id


def test_links_are_recorded_and_end_with_the_user(grant_setup: GrantSetup, ada: Member) -> None:
    link(grant_setup, ada, "theapi", "1")
    assert within(grant_setup, lambda connection: identities.unlink(connection, ada.id, "theapi"))
    assert not within(grant_setup, lambda connection: identities.unlink(connection, ada.id, "theapi"))
    actions = grant_setup.execute(sa.text("SELECT action FROM audit_events ORDER BY id"))
    assert [row[0] for row in actions] == ["auth:upstream:linked", "auth:upstream:unlinked"]
    link(grant_setup, ada, "theapi", "1")
    grant_setup.execute(users.delete())
    assert found(grant_setup, "theapi", "1") is None


def test_the_user_name_of_the_last_login_is_shown(grant_setup: GrantSetup, ada: Member) -> None:
    link(grant_setup, ada, "theapi", "1")
    for name in ("ada", "ada", None, "countess", "x" * 1_000):
        within(grant_setup, lambda c, name=name: identities.note_username(c, ada.id, "theapi", name))  # type: ignore[misc]  # lambda
        [linked] = within(grant_setup, lambda c: identities.list_of(c, ada.id))
        assert linked.username == (None if name is None else name[:254])


KEY = RegistrationKey.of("theapi", "key", "ada@example.com", b"Ada", b"picture")


def claim(grant_setup: GrantSetup, key: RegistrationKey = KEY) -> IdempotencyDecision:
    return within(grant_setup, lambda connection: registrations.claim(connection, key, seconds=30))


def pass_time(grant_setup: GrantSetup) -> None:
    grant_setup.execute(
        upstream_registrations.update().values(leased_until=sa.text("'2020-01-01 00:00:00.000000'"))
    )


def test_one_of_several_requests_with_a_key_is_sent(grant_setup: GrantSetup) -> None:
    assert claim(grant_setup) is IdempotencyDecision.SEND
    assert claim(grant_setup) is IdempotencyDecision.WAIT


def test_after_a_lost_result_the_next_request_logs_in_first(grant_setup: GrantSetup) -> None:
    claim(grant_setup)
    within(grant_setup, lambda connection: registrations.mark_unknown(connection, KEY))
    assert claim(grant_setup) is IdempotencyDecision.LOG_IN_FIRST
    assert claim(grant_setup) is IdempotencyDecision.WAIT, "one at a time"


def test_a_process_that_died_leaves_an_unknown_result(grant_setup: GrantSetup) -> None:
    claim(grant_setup)
    pass_time(grant_setup)
    assert claim(grant_setup) is IdempotencyDecision.LOG_IN_FIRST


def test_a_finished_registration_is_repeated(grant_setup: GrantSetup, ada: Member) -> None:
    claim(grant_setup)
    within(grant_setup, lambda connection: registrations.finish(connection, KEY, ada.id))
    assert claim(grant_setup) is IdempotencyDecision.REPEAT
    grant_setup.execute(users.delete())
    assert claim(grant_setup) is IdempotencyDecision.SEND


def test_a_rejected_registration_can_be_corrected(grant_setup: GrantSetup) -> None:
    claim(grant_setup)
    within(grant_setup, lambda connection: registrations.withdraw(connection, KEY))
    corrected = RegistrationKey.of("theapi", "key", "ada@example.com", b"Countess", b"picture")
    assert claim(grant_setup, corrected) is IdempotencyDecision.SEND


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            RegistrationKey.of("theapi", "key", "ada@example.com", b"Adapicture", b""),
            IdempotencyDecision.REJECT,
        ),
        (
            RegistrationKey.of("theapi", "key", "ada@example.com", b"Eve", b"picture"),
            IdempotencyDecision.REJECT,
        ),
        (
            RegistrationKey.of("theapi", "key", "bob@example.com", b"Ada", b"picture"),
            IdempotencyDecision.SEND,
        ),
        (
            RegistrationKey.of("theapi", "key2", "ada@example.com", b"Ada", b"picture"),
            IdempotencyDecision.SEND,
        ),
        (RegistrationKey.of("other", "key", "ada@example.com", b"Ada", b"picture"), IdempotencyDecision.SEND),
    ],
)
def test_a_key_is_of_one_registration(
    grant_setup: GrantSetup, key: RegistrationKey, expected: IdempotencyDecision
) -> None:
    claim(grant_setup)
    assert claim(grant_setup, key) is expected


def test_expired_registrations_are_deleted(grant_setup: GrantSetup) -> None:
    claim(grant_setup)
    assert within(grant_setup, lambda connection: registrations.delete_expired(connection, count=10)) == 0
    grant_setup.execute(
        upstream_registrations.update().values(expires_at=sa.text("'2020-01-01 00:00:00.000000'"))
    )
    assert within(grant_setup, lambda connection: registrations.delete_expired(connection, count=10)) == 1
    assert claim(grant_setup) is IdempotencyDecision.SEND
