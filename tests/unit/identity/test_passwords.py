from collections.abc import Iterator

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError
from structlog.testing import capture_logs

from doorward_common.metrics import Metrics
from doorward_identity.passwords import NewPassword, PasswordHashing
from doorward_identity.settings import Argon2Settings

new_passwords: TypeAdapter[SecretStr] = TypeAdapter(NewPassword)


def hashing_with(**parameters: int) -> PasswordHashing:
    cheap = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "argon2_threads": 1} | parameters
    return PasswordHashing(Argon2Settings.model_validate(cheap), Metrics())


@pytest.fixture
def hashing() -> Iterator[PasswordHashing]:
    hashing = hashing_with()
    yield hashing
    hashing.shutdown()


@pytest.mark.parametrize("password", ["12345678", "x" * 128, " " * 8, "😀" * 8, "é" * 128])
def test_takes_8_to_128_characters_of_any_kind(password: str) -> None:
    assert new_passwords.validate_python(SecretStr(password)).get_secret_value() == password


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "x" * 1025])
def test_refuses_other_lengths(password: str) -> None:
    with pytest.raises(ValidationError):
        new_passwords.validate_python(SecretStr(password))


def test_length_counts_composed_characters() -> None:
    with pytest.raises(ValidationError):
        new_passwords.validate_python(SecretStr("e\u0301" * 7))
    new_passwords.validate_python(SecretStr("e\u0301" * 128))


async def test_verifies_what_it_hashed_and_nothing_else(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await hashing.verify(stored, "correct horse")
    for wrong in ("Correct horse", "correct horse ", "correct hors", "correct horse\0", ""):
        assert not await hashing.verify(stored, wrong)


async def test_no_character_is_cut_off(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("x" * 127 + "a")
    assert not await hashing.verify(stored, "x" * 127 + "b")


async def test_two_keyboards_two_spellings_one_password(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("pass\u00e9 compos\u00e9")
    assert await hashing.verify(stored, "passe\u0301 compose\u0301")


async def test_nobody_has_no_password(hashing: PasswordHashing) -> None:
    assert not await hashing.verify(None, "the password of nobody")


@pytest.mark.parametrize(
    "stored", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "$2b$12$" + "a" * 53, "é"]
)
async def test_a_damaged_hash_is_a_wrong_password_and_a_log_line(
    hashing: PasswordHashing, stored: str
) -> None:
    with capture_logs() as lines:
        assert not await hashing.verify(stored, "correct horse")
    assert [line["event"] for line in lines] == ["password.hash_corrupt"]


async def test_knows_a_hash_of_older_parameters(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse")
    assert not hashing.is_outdated(stored)
    stronger = hashing_with(argon2_memory_kib=16)
    assert stronger.is_outdated(stored)
    assert await stronger.verify(stored, "correct horse")
    stronger.shutdown()


def test_the_default_parameters_are_owasps_floor() -> None:
    settings = Argon2Settings()
    parameters = (settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_parallelism)
    assert parameters == (19_456, 2, 1)
