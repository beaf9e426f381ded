import time
import uuid

import pytest

from doorward_client.revocations.models import (
    MAX_LIFETIME_SECONDS,
    FetchedRevocations,
    RevocationEntries,
    RevocationListResponse,
    RevocationMessage,
    dump_entries,
)
from doorward_client.revocations.revocation_list import (
    RevocationList,
    RevocationsNotReadError,
    StalePolicy,
    StaleRevocationsError,
)
from doorward_client.tokens import MAX_LEEWAY_SECONDS

SESSION, OTHER, USER = (uuid.UUID(int=number) for number in (1, 2, 3))


def fetched(
    sessions: dict[uuid.UUID, float] | None = None,
    users: dict[uuid.UUID, tuple[int, float]] | None = None,
    *,
    age: float = 0.0,
) -> FetchedRevocations:
    return FetchedRevocations(RevocationEntries(sessions or {}, users or {}), age)


def is_revoked(revocations: RevocationList, *, session: uuid.UUID = OTHER, token_version: int = 0) -> bool:
    return revocations.is_revoked(session_id=session, user_id=USER, token_version=token_version)


def test_a_session_entry_revokes_only_its_session() -> None:
    revocations = RevocationList()
    revocations.apply(fetched({SESSION: 300.0}))
    assert is_revoked(revocations, session=SESSION)
    assert not is_revoked(revocations)


def test_a_user_entry_revokes_only_lower_token_versions() -> None:
    revocations = RevocationList()
    revocations.apply(fetched(users={USER: (3, 300.0)}))
    assert is_revoked(revocations, token_version=2)
    assert not is_revoked(revocations, token_version=3)


def test_an_older_response_changes_nothing() -> None:
    revocations = RevocationList()
    revocations.apply(fetched({SESSION: 300.0}, {USER: (3, 300.0)}))
    revocations.apply(fetched(users={USER: (2, 100.0)}, age=60.0))
    assert is_revoked(revocations, token_version=2)
    assert is_revoked(revocations, session=SESSION)
    assert revocations.snapshot().users[USER][1] > 200
    assert not revocations.is_stale()


def test_only_new_entries_are_returned() -> None:
    revocations = RevocationList()
    revocations.apply(fetched({SESSION: 300.0}, {USER: (3, 300.0)}))
    new_entries = revocations.apply(fetched({SESSION: 300.0, OTHER: 300.0}, {USER: (3, 300.0)}))
    assert new_entries == RevocationEntries({OTHER: 300.0})
    assert revocations.add(RevocationEntries(users={USER: (4, 300.0)})).users == {USER: (4, 300.0)}


def test_an_entry_expires_with_the_last_token_that_it_can_match(monkeypatch: pytest.MonkeyPatch) -> None:
    revocations = RevocationList()
    revocations.apply(fetched({SESSION: 300.0}, {USER: (1, 200.0)}))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 250)
    revocations.apply(fetched())
    assert len(revocations) == 1
    monkeypatch.setattr(time, "monotonic", lambda: now + 301)
    revocations.apply(fetched())
    assert len(revocations) == 0


@pytest.mark.parametrize("policy", StalePolicy)
def test_before_the_first_list_no_token_is_valid_under_any_policy(policy: StalePolicy) -> None:
    revocations = RevocationList(policy=policy)
    revocations.add(RevocationEntries({SESSION: 300.0}))  # a published message is not a whole list
    for session in (SESSION, OTHER):
        with pytest.raises(RevocationsNotReadError):
            is_revoked(revocations, session=session)
    assert revocations.is_stale()


def test_a_stale_list_allows_or_denies_by_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    allowing = RevocationList(max_age=10)
    denying = RevocationList(max_age=10, policy=StalePolicy.DENY)
    for revocations in (allowing, denying):
        revocations.apply(fetched())
        assert not is_revoked(revocations)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    assert not is_revoked(allowing)
    with pytest.raises(StaleRevocationsError):
        is_revoked(denying)


def test_fingerprints_do_not_depend_on_the_order_of_entries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, two = RevocationList(), RevocationList()
    empty = one.fingerprint
    one.apply(fetched({SESSION: 300.0, OTHER: 200.0}, {USER: (3, 300.0)}))
    two.apply(fetched(users={USER: (1, 300.0)}))
    two.apply(fetched({OTHER: 100.0}))
    assert one.fingerprint != two.fingerprint != empty
    two.apply(fetched({SESSION: 50.0}, {USER: (3, 10.0)}))
    assert one.fingerprint == two.fingerprint
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1_000)
    one.apply(fetched())
    assert one.fingerprint == empty


def test_entries_expire_with_the_longest_token_lifetime() -> None:
    assert MAX_LIFETIME_SECONDS == 3_600 + MAX_LEEWAY_SECONDS
    entries = RevocationEntries({SESSION: 10.0**9}, {USER: (3, 10.0**9)})
    read = RevocationMessage.parse(dump_entries(entries)).entries
    assert read == RevocationEntries({SESSION: MAX_LIFETIME_SECONDS}, {USER: (3, MAX_LIFETIME_SECONDS)})


def test_a_message_is_read_as_it_was_written() -> None:
    entries = RevocationEntries({SESSION: 12.5}, {USER: (3, 200.0)})
    assert RevocationMessage.parse(dump_entries(entries)).entries == entries
    text = dump_entries(entries, next_cursor=None, issuer="doorward", audience=["doorward", "reports"])
    document = RevocationListResponse.parse(text)
    assert document.entries == entries
    assert (document.issuer, document.audience) == ("doorward", ["doorward", "reports"])
    assert RevocationListResponse.model_validate_json(text).model_dump_json().encode() == text


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"items":[{"type":"session","id":"x","expires_in":1}]}',
        b'{"items":[{"type":"session","id":"%s","expires_in":-1}]}' % str(SESSION).encode(),
        b'{"items":[{"type":"session","id":"%s","expires_in":1e999}]}' % str(SESSION).encode(),
        b'{"items":[{"type":"session","id":"%s","expires_in":"nan"}]}' % str(SESSION).encode(),
        b'{"items":[{"type":"user","id":"%s","expires_in":1}]}' % str(USER).encode(),
        b'{"items":[{"type":"key","id":"%s","expires_in":1}]}' % str(USER).encode(),
    ],
)
def test_an_invalid_message_is_a_value_error_without_the_text(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no list of revocations \([a-z_]+\)$"):
        RevocationMessage.parse(text)
