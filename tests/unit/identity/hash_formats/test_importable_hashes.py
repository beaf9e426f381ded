"""Which hashes can be imported: bounds of their cost, invalid ones, Keycloak's credentials."""

from base64 import b64decode
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from doorward_identity.passwords import CorruptHashError, PasswordHashing, from_keycloak
from support.hashing import UNCHARGED, is_importable
from unit.identity.hash_formats.makers import MAKERS, PASSWORD, keycloak_argon2, secret_data_of

SALT, HASH = "c2l4dGVlbiBieXRlcyAuLg", "A" * 43
CRYPT = "e" * 22 + "u" * 31


@pytest.mark.parametrize(
    "stored",
    [
        f"$pbkdf2-sha256$i=1000000000${SALT}${HASH}",
        f"$pbkdf2-sha256$i=3000001${SALT}${HASH}",
        f"$pbkdf2-sha256$i=0${SALT}${HASH}",
        f"pbkdf2_sha256$1000000000$salt${HASH}=",
        f"$2b$15${CRYPT}",
        f"$2b$31${CRYPT}",
        f"$2b$03${CRYPT}",
        f"bcrypt_sha256$$2b$15${CRYPT}",
        f"$argon2id$v=19$m=4194304,t=1,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=131073,t=1,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=131072,t=9,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=64,t=1000000000,p=1${SALT}${HASH}",
        f"argon2$argon2id$v=19$m=4194304,t=1,p=1${SALT}${HASH}",
    ],
)
async def test_too_expensive_hashes_are_corrupt(hashing: PasswordHashing, stored: str) -> None:
    assert not is_importable(stored)
    with capture_logs() as lines:
        assert not await hashing.verify(stored, PASSWORD, UNCHARGED)
    assert lines == [{"event": "password.hash_corrupt", "log_level": "error", "reason": "too_costly"}]


@pytest.mark.parametrize(
    "stored",
    [
        f"$pbkdf2-sha256$i=3000000${SALT}${HASH}",
        f"$pbkdf2-sha512$i=210000${SALT}$" + "A" * 86,
        f"pbkdf2_sha256$1000000$mQvYp3xO6z9Q1k2L4m5N6o${HASH}=",
        f"$2b$14${CRYPT}",
        f"$argon2id$v=19$m=102400,t=2,p=8${SALT}${HASH}",  # Django
        f"$argon2id$v=19$m=65536,t=4,p=1${SALT}${HASH}",  # PHP
        f"$argon2id$v=19$m=131072,t=8,p=1${SALT}${HASH}",
        f"$argon2i$m=4096,t=3,p=1${SALT}${HASH}",  # before version 1.3
    ],
)
def test_parameters_of_other_systems_are_within_bounds(stored: str) -> None:
    assert is_importable(stored)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "password",
        "!",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        f"$2x$12${CRYPT}",
        f"$2b$12${CRYPT}x",
        "$2b$12$" + "a" * 53,  # not a possible end of a salt
        f" $2b$12${CRYPT}",
        f"$2b$12${CRYPT}\n",
        f"$2b$\u0661\u0662${CRYPT}",
        f"$pbkdf2-sha256$i=10${SALT}$",
        f"$pbkdf2-sha256$i=10${SALT}$AAAA",  # three bytes, which other passwords would match
        f"$pbkdf2-sha256$i=10$${HASH}",
        f"$pbkdf2-sha256$i=-1${SALT}${HASH}",
        f"$pbkdf2-sha256$i=1e3${SALT}${HASH}",
        f"$pbkdf2-md5$i=10${SALT}${HASH}",
        f"pbkdf2_sha512$10$salt${HASH}",
        f"pbkdf2_sha256$10$${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}$AAAA",
        f"$argon2id$v=19$m=64,t=1,p=1$AAAA${HASH}",
        f"$argon2id$v=19$m=64,t=0,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=0${SALT}${HASH}",
        f"$argon2id$v=19$m=7,t=1,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=1024,t=1,p=17${SALT}${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}$" + "A" * 42 + "B",  # unused bits
        f"$argon2xx$v=19$m=64,t=1,p=1${SALT}${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1,data=AAAA${SALT}${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}${HASH}" + " " * 200,
        f"$pbkdf2-sha256$i=10${SALT}${HASH}é",
    ],
)
def test_invalid_hashes_are_not_imported(stored: str) -> None:
    assert not is_importable(stored)


async def test_importable_hashes_are_never_corrupt(
    hashing: PasswordHashing, make: Callable[[str], str]
) -> None:
    stored = make(PASSWORD)
    assert is_importable(stored)
    with capture_logs() as lines:
        assert not await hashing.verify(stored, "wrong", UNCHARGED)
    assert lines == []


@pytest.mark.parametrize(
    ("credential_data", "secret_data"),
    [
        ("", ""),
        ("{}", "{}"),
        ("[]", "[]"),
        ("null", "null"),
        ('{"algorithm":"scrypt","hashIterations":1}', secret_data_of(b"x" * 32, b"y" * 16)),
        ('{"algorithm":["pbkdf2"],"hashIterations":1}', secret_data_of(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1.5}', secret_data_of(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":4000000}', secret_data_of(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1}', secret_data_of(b"x" * 8, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1}', '{"value":1,"salt":2}'),
        ('{"algorithm":"argon2","hashIterations":5}', secret_data_of(b"x" * 32, b"y" * 16)),
        (
            '{"algorithm":"argon2","hashIterations":5,"additionalParameters":{"type":[]}}',
            secret_data_of(b"x" * 32, b"y" * 16),
        ),
        (
            '{"algorithm":"argon2","hashIterations":5,"additionalParameters":[]}',
            secret_data_of(b"x" * 32, b"y" * 16),
        ),
        ("\ud800", "\ud800"),
    ],
)
def test_an_invalid_keycloak_credential_is_rejected(credential_data: str, secret_data: str) -> None:
    with pytest.raises(CorruptHashError):
        from_keycloak(credential_data, secret_data)


def test_keycloak_credentials_keep_their_bytes() -> None:
    text = MAKERS["Keycloak pbkdf2-sha512"](PASSWORD)
    head, salt, value = text.rsplit("$", 2)
    assert head == "$pbkdf2-sha512$i=10"
    assert b64decode(salt + "==") == b"sixteen bytes .."
    assert len(b64decode(value + "==")) == 64
    assert keycloak_argon2(PASSWORD).startswith("$argon2id$v=19$m=64,t=5,p=1$")
