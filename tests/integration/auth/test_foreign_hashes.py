"""Imported hashes are replaced at the first login."""

from collections.abc import Callable

import bcrypt
import pytest
from django.contrib.auth import hashers  # type: ignore[import-untyped]  # Django ships no types
from werkzeug.security import generate_password_hash

from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem

pytestmark = pytest.mark.databases("sqlite")

PASSWORD = "häuser am see"


def _django() -> str:
    return str(hashers.PBKDF2PasswordHasher().encode(PASSWORD, "seasalt", 1000))


def _bcrypt() -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def _werkzeug() -> str:
    return generate_password_hash(PASSWORD, "scrypt:256:8:1")


def _set(installation: Installation, people: People, stored: str) -> None:
    installation.execute(
        "UPDATE credentials SET password_hash = :stored WHERE user_id ="
        " (SELECT id FROM users WHERE email_key = :key)",
        stored=stored,
        key=people.user.email,
    )


def _stored(installation: Installation, people: People) -> str:
    (row,) = installation.execute(
        "SELECT password_hash FROM credentials JOIN users ON id = user_id WHERE email_key = :key",
        key=people.user.email,
    )
    return str(row[0])


@pytest.mark.parametrize("make", [_django, _bcrypt, _werkzeug])
def test_login_with_a_foreign_hash_replaces_the_hash(
    installation: Installation, people: People, make: Callable[[], str]
) -> None:
    stored = make()
    _set(installation, people, stored)
    wrong = {"email": people.user.email, "password": PASSWORD + "!"}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=wrong), 401, "invalid_credentials")
    assert _stored(installation, people) == stored
    installation.log_in(people.user.email, PASSWORD)
    assert _stored(installation, people).startswith("$argon2id$v=19$m=64,t=1,p=1$")
    installation.log_in(people.user.email, PASSWORD)


def test_a_long_password_keeps_its_bcrypt_hash(installation: Installation, people: People) -> None:
    long = "x" * 72
    stored = bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()
    _set(installation, people, stored)
    installation.log_in(people.user.email, long + " and a typo")
    assert _stored(installation, people) == stored
    installation.log_in(people.user.email, long + " and more")


@pytest.mark.parametrize(
    "stored",
    [
        "$pbkdf2-sha256$i=1000000000$c2Vhc2FsdA$" + "A" * 43,
        "$argon2id$v=19$m=4194304,t=9,p=1$c2Vhc2FsdHNlYXNhbHQ$" + "A" * 43,
        "scrypt:8388608:8:1$salt$" + "ab" * 64,  # 8 GB
        "$2b$31$" + "e" * 22 + "u" * 31,
    ],
)
def test_a_too_expensive_hash_is_reported_as_a_wrong_password(
    installation: Installation, people: People, stored: str
) -> None:
    _set(installation, people, stored)
    body = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=body), 401, "invalid_credentials")
