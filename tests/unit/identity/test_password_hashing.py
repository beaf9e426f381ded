"""Hashing and verifying with our own hashes."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from doorward_identity.passwords import PasswordHashing
from doorward_identity.passwords.normalization import encodings
from doorward_identity.settings import Argon2Settings
from doorward_kit.metrics import Metrics
from support.hashing import UNCHARGED, is_importable

CHEAP = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "hash_threads": 1}


def hashing_with(**parameters: int) -> PasswordHashing:
    return PasswordHashing(Argon2Settings.model_validate(CHEAP | parameters), Metrics())


@pytest.fixture
def hashing() -> Iterator[PasswordHashing]:
    hashing = hashing_with()
    yield hashing
    hashing.shutdown()


def test_each_lane_needs_its_memory() -> None:
    with pytest.raises(ValueError, match="DOORWARD_ARGON2_MEMORY_KIB is less than 8 for each lane"):
        Argon2Settings.model_validate({"argon2_memory_kib": 31, "argon2_parallelism": 4})
    Argon2Settings.model_validate({"argon2_memory_kib": 32, "argon2_parallelism": 4})


async def test_verifies_only_the_hashed_password(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse", UNCHARGED)
    assert stored.startswith("$argon2id$")
    assert is_importable(stored)
    assert await hashing.verify(stored, "correct horse", UNCHARGED)
    for wrong in ("Correct horse", "correct horse ", "correct hors", "correct horse\0", "\0", ""):
        assert not await hashing.verify(stored, wrong, UNCHARGED)


async def test_passwords_are_not_truncated(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("x" * 127 + "a", UNCHARGED)
    assert not await hashing.verify(stored, "x" * 127 + "b", UNCHARGED)


async def test_a_nul_does_not_end_a_password(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("before\0after", UNCHARGED)
    assert await hashing.verify(stored, "before\0after", UNCHARGED)
    for wrong in ("before", "before\0", "before\0other"):
        assert not await hashing.verify(stored, wrong, UNCHARGED)


async def test_unicode_compositions_of_a_password_are_equal(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("pass\u00e9 compos\u00e9", UNCHARGED)
    assert await hashing.verify(stored, "passe\u0301 compose\u0301", UNCHARGED)


async def test_an_argon2_hash_of_the_typed_spelling_matches(hashing: PasswordHashing) -> None:
    elsewhere = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
    for typed in ("passe\u0301", "pass\u00e9"):
        assert await hashing.verify(elsewhere.hash(typed), typed, UNCHARGED)
    # Decomposed input matches a composed hash; a decomposed hash needs decomposed input.
    assert await hashing.verify(elsewhere.hash("pass\u00e9"), "passe\u0301", UNCHARGED)
    assert not await hashing.verify(elsewhere.hash("passe\u0301"), "pass\u00e9", UNCHARGED)


async def test_no_password_matches_an_unknown_account(hashing: PasswordHashing) -> None:
    for password in ("", "the password of nobody", "\ud800"):
        assert not await hashing.verify(None, password, UNCHARGED)


async def test_a_lone_surrogate_is_a_wrong_password_without_a_log_line(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse", UNCHARGED)
    with capture_logs() as lines:
        assert not await hashing.verify(stored, "correct horse\ud800", UNCHARGED)
    assert lines == []


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("", "unknown_format"),
        ("x", "unknown_format"),
        ("!unusable", "unknown_format"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "unknown_format"),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "malformed"),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZWhhc2g", "malformed"),
        ("$argon2id$v=99$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 43, "malformed"),
        ("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$" + "A" * 43, "too_costly"),
        ("é", "not_storable"),
        ("x" * 256, "not_storable"),
    ],
)
async def test_a_damaged_hash_is_a_wrong_password_and_a_log_line(
    hashing: PasswordHashing, stored: str, reason: str
) -> None:
    with capture_logs() as lines:
        assert not await hashing.verify(stored, "correct horse", UNCHARGED)
    assert lines == [{"event": "password.hash_corrupt", "log_level": "error", "reason": reason}]
    assert hashing.is_outdated(stored)


async def test_knows_a_hash_of_older_parameters(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse", UNCHARGED)
    assert not hashing.is_outdated(stored)
    stronger = hashing_with(argon2_memory_kib=16)
    assert stronger.is_outdated(stored)
    assert await stronger.verify(stored, "correct horse", UNCHARGED)
    stronger.shutdown()


async def test_all_configurable_parameters_are_within_bounds(hashing: PasswordHashing) -> None:
    costly = hashing_with(argon2_memory_kib=131_073)
    stored = await costly.hash("correct horse", UNCHARGED)
    assert await costly.verify(stored, "correct horse", UNCHARGED)
    assert not is_importable(stored)
    assert not await hashing.verify(stored, "correct horse", UNCHARGED)
    costly.shutdown()


@given(st.text(max_size=140))
def test_the_composed_spelling_is_tried_before_the_typed_one(text: str) -> None:
    tried = encodings(text)
    assert tried[-1] == text.encode()
    assert len(tried) == len(set(tried)) <= 2


def test_the_default_parameters_are_owasps_floor() -> None:
    settings = Argon2Settings()
    parameters = (settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_parallelism)
    assert parameters == (19_456, 2, 1)
