"""Imported hashes, made by the other systems themselves, and invalid hashes."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress

import argon2
import bcrypt
import pytest
import sqlalchemy as sa
from argon2.low_level import Type
from django.contrib.auth import hashers  # type: ignore[import-untyped]  # Django ships no types
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from doorward_identity.passwords import CorruptHashError, PasswordHashing, from_keycloak
from doorward_identity.passwords.hash_formats import LONGEST_TEXT, parse
from doorward_identity.settings import Argon2Settings
from doorward_identity.tables import credentials
from doorward_kit.metrics import Metrics
from support.hashing import UNCHARGED, is_importable

PASSWORD = "Tr0ub4dor & ünïcode 🐴"


def _bcrypt(prefix: str) -> Callable[[str], str]:
    def make(password: str) -> str:
        made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
        return f"${prefix}{made[3:]}"

    return make


def _django(hasher: hashers.BasePasswordHasher, **cost: int) -> Callable[[str], str]:
    for name, value in cost.items():
        setattr(hasher, name, value)
    return lambda password: str(hasher.encode(password, hasher.salt()))


def _keycloak(algorithm: str, digest: str, *, length: int, iterations: int = 10) -> Callable[[str], str]:
    def make(password: str) -> str:
        value = hashlib.pbkdf2_hmac(digest, password.encode(), b"sixteen bytes ..", iterations, length)
        return from_keycloak(
            json.dumps({"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": {}}),
            _secret_data(value, b"sixteen bytes .."),
        )

    return make


def _secret_data(value: bytes, salt: bytes) -> str:
    return json.dumps(
        {
            "value": b64encode(value).decode(),
            "salt": b64encode(salt).decode(),
            "additionalParameters": {},
        }
    )


def _keycloak_argon2(password: str) -> str:
    value = argon2.low_level.hash_secret_raw(
        password.encode(),
        b"sixteen bytes ..",
        time_cost=5,
        memory_cost=64,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    parameters = {"hashLength": "32", "memory": "64", "type": "id", "version": "1.3", "parallelism": "1"}
    return from_keycloak(
        json.dumps(
            {
                "hashIterations": 5,
                "algorithm": "argon2",
                "additionalParameters": {name: [text] for name, text in parameters.items()},
            }
        ),
        _secret_data(value, b"sixteen bytes .."),
    )


def _argon2(variant: Type) -> Callable[[str], str]:
    return argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=4, type=variant).hash


MAKERS = {
    "bcrypt 2a": _bcrypt("2a"),
    "bcrypt 2b": _bcrypt("2b"),
    "bcrypt 2y": _bcrypt("2y"),
    "Django bcrypt": _django(hashers.BCryptPasswordHasher(), rounds=4),
    "Django bcrypt_sha256": _django(hashers.BCryptSHA256PasswordHasher(), rounds=4),
    "Django pbkdf2_sha256": _django(hashers.PBKDF2PasswordHasher(), iterations=10),
    "Django pbkdf2_sha1": _django(hashers.PBKDF2SHA1PasswordHasher(), iterations=10),
    "Django argon2": _django(hashers.Argon2PasswordHasher(), memory_cost=64, parallelism=2),
    "Keycloak pbkdf2": _keycloak("pbkdf2", "sha1", length=64),
    "Keycloak pbkdf2-sha256": _keycloak("pbkdf2-sha256", "sha256", length=32),
    "Keycloak pbkdf2-sha256, 64 bytes": _keycloak("pbkdf2-sha256", "sha256", length=64),
    "Keycloak pbkdf2-sha512": _keycloak("pbkdf2-sha512", "sha512", length=64),
    "Keycloak pbkdf2-sha512, 128 bytes": _keycloak("pbkdf2-sha512", "sha512", length=128),
    "Keycloak argon2": _keycloak_argon2,
    "argon2id": _argon2(Type.ID),
    "argon2i": _argon2(Type.I),
    "argon2d": _argon2(Type.D),
}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return MAKERS[request.param]


@pytest.fixture
def hashing() -> Iterator[PasswordHashing]:
    cheap = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "hash_threads": 1}
    hashing = PasswordHashing(Argon2Settings.model_validate(cheap), Metrics())
    yield hashing
    hashing.shutdown()


async def test_verifies_hashes_of_other_systems(hashing: PasswordHashing, make: Callable[[str], str]) -> None:
    stored = make(PASSWORD)
    assert is_importable(stored)
    assert len(stored) <= LONGEST_TEXT
    assert stored.isascii()
    with capture_logs() as lines:
        assert await hashing.verify(stored, PASSWORD, UNCHARGED)
        for wrong in ("", PASSWORD + " ", PASSWORD[:-1], PASSWORD.lower(), PASSWORD + "\0", "\ud800"):
            assert not await hashing.verify(stored, wrong, UNCHARGED)
    assert lines == []


def test_the_longest_hash_fits_the_column() -> None:
    column = credentials.c.password_hash.type
    assert isinstance(column, sa.String)
    assert column.length == LONGEST_TEXT


async def test_a_foreign_hash_is_replaced_by_our_own(
    hashing: PasswordHashing, make: Callable[[str], str]
) -> None:
    assert hashing.is_outdated(make(PASSWORD))
    replaced = await hashing.hash(PASSWORD, UNCHARGED)
    assert not hashing.is_outdated(replaced)
    assert await hashing.verify(replaced, PASSWORD, UNCHARGED)


async def test_a_foreign_hash_of_the_typed_spelling_matches(
    hashing: PasswordHashing, make: Callable[[str], str]
) -> None:
    composed, decomposed = "caf\u00e9 na\u00efve", "cafe\u0301 nai\u0308ve"
    assert await hashing.verify(make(decomposed), decomposed, UNCHARGED)
    assert await hashing.verify(make(composed), composed, UNCHARGED)
    assert await hashing.verify(make(composed), decomposed, UNCHARGED)


def test_a_changed_salt_or_hash_matches_nothing(make: Callable[[str], str]) -> None:
    stored = make(PASSWORD)
    assert parse(stored).matches(PASSWORD.encode())
    parts = stored.split("$")
    # bcrypt has both in one part, the salt first.
    for part, place in ((-1, 0), (-1, 25)) if "$2" in stored else ((-1, 0), (-1, 20), (-2, 0)):
        old = parts[part][place]
        new = parts[part][:place] + ("A" if old != "A" else "B") + parts[part][place + 1 :]
        changed = "$".join([*parts[:part], new, *parts[len(parts) + part + 1 :]])
        assert len(changed) == len(stored)
        assert not parse(changed).matches(PASSWORD.encode()), (part, place)


def test_a_truncated_hash_is_invalid(make: Callable[[str], str]) -> None:
    stored = make(PASSWORD)
    for end in range(stored.rindex("$") + 16):
        assert not is_importable(stored[:end])


@given(st.sampled_from(sorted(MAKERS)), st.data())
def test_no_text_breaks_the_parser(maker: str, data: st.DataObject) -> None:
    stored = MAKERS[maker](PASSWORD)
    cut = data.draw(st.integers(0, len(stored)))
    text = stored[:cut] + data.draw(st.text(max_size=8)) + stored[data.draw(st.integers(cut, len(stored))) :]
    with suppress(CorruptHashError):  # any other error would be a 500
        parse(text)


def _phc(name: str, salt: bytes, value: str) -> str:
    parts = (b64encode(part).decode().rstrip("=") for part in (salt, bytes.fromhex(value)))
    return "$".join(("", name, *parts))


KNOWN_ANSWERS = {
    # RFC 6070 section 2
    _phc("pbkdf2$i=4096", b"salt", "4b007901b765489abead49d926f721d065a429c1"): "password",
    _phc(
        "pbkdf2-sha1$i=4096,l=25",
        b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
        "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
    ): "passwordPASSWORDpassword",
    # RFC 7914 section 11
    _phc(
        "pbkdf2-sha256$i=1",
        b"salt",
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    ): "passwd",
    # Django 5.2, bcrypt 5.0 and argon2-cffi 25.1
    "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=": "lètmein",
    "pbkdf2_sha1$1000$seasalt2$4O6tM3Kd5cOD3UmnpGuCKdAiHa8=": "lètmein",
    "bcrypt_sha256$$2b$05$DCq7YPn5Rq63x1Lad4cll.DbG.lVL5w8xjcK80Z/Nop6EyHks5We2": "lètmein",
    "argon2$argon2id$v=19$m=64,t=2,p=8$c2Vhc2FsdDk4NzY1NDMyMTA"
    "$vrWDXP16JfZtEu+uEdiIQusyFBQzqCYkvo4kxeAf5YU": "lètmein",
    "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i": "abc",
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4": "password",
    "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY": "password",
    "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY": "password",
}


@pytest.mark.parametrize(("stored", "password"), KNOWN_ANSWERS.items())
def test_published_test_vectors_match(stored: str, password: str) -> None:
    assert is_importable(stored)
    assert parse(stored).matches(password.encode())
    assert not parse(stored).matches(password.encode() + b"!")


@pytest.mark.parametrize("prefix", ["", "bcrypt$"])
async def test_bcrypt_reads_only_72_bytes(hashing: PasswordHashing, prefix: str) -> None:
    long = "ü" * 36 + "and what bcrypt never saw"
    stored = prefix + bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    assert await hashing.verify(stored, long, UNCHARGED)
    assert await hashing.verify(stored, "ü" * 36, UNCHARGED)
    assert not await hashing.verify(stored, "ü" * 35, UNCHARGED)
    replaced = await hashing.hash(long, UNCHARGED)
    assert not await hashing.verify(replaced, "ü" * 36, UNCHARGED)


async def test_bcrypt_may_truncate_within_a_character(hashing: PasswordHashing) -> None:
    long = "a" + "ü" * 40
    stored = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    assert await hashing.verify(stored, long, UNCHARGED)


async def test_djangos_bcrypt_sha256_reads_the_whole_password(hashing: PasswordHashing) -> None:
    stored = MAKERS["Django bcrypt_sha256"]("x" * 100 + "a")
    assert await hashing.verify(stored, "x" * 100 + "a", UNCHARGED)
    assert not await hashing.verify(stored, "x" * 100 + "b", UNCHARGED)


@pytest.mark.parametrize("password", ["a\0a", "a\0", "\0a", "\0"])
async def test_a_nul_does_not_change_which_passwords_match(hashing: PasswordHashing, password: str) -> None:
    # To bcrypt `a` and `a\0a` are the same key, to HMAC `a` and `a\0` are.
    assert bcrypt.checkpw(b"a\0a", bcrypt.hashpw(b"a", bcrypt.gensalt(4)))
    for name in ("bcrypt 2b", "Django pbkdf2_sha256", "Keycloak pbkdf2-sha512"):
        stored = MAKERS[name]("a")
        assert await hashing.verify(stored, "a", UNCHARGED)
        assert not await hashing.verify(stored, password, UNCHARGED)


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
        ('{"algorithm":"scrypt","hashIterations":1}', _secret_data(b"x" * 32, b"y" * 16)),
        ('{"algorithm":["pbkdf2"],"hashIterations":1}', _secret_data(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1.5}', _secret_data(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":4000000}', _secret_data(b"x" * 32, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1}', _secret_data(b"x" * 8, b"y" * 16)),
        ('{"algorithm":"pbkdf2-sha256","hashIterations":1}', '{"value":1,"salt":2}'),
        ('{"algorithm":"argon2","hashIterations":5}', _secret_data(b"x" * 32, b"y" * 16)),
        (
            '{"algorithm":"argon2","hashIterations":5,"additionalParameters":{"type":[]}}',
            _secret_data(b"x" * 32, b"y" * 16),
        ),
        (
            '{"algorithm":"argon2","hashIterations":5,"additionalParameters":[]}',
            _secret_data(b"x" * 32, b"y" * 16),
        ),
        ("\ud800", "\ud800"),
    ],
)
def test_an_invalid_keycloak_credential_is_refused(credential_data: str, secret_data: str) -> None:
    with pytest.raises(CorruptHashError):
        from_keycloak(credential_data, secret_data)


def test_keycloak_credentials_keep_their_bytes() -> None:
    text = MAKERS["Keycloak pbkdf2-sha512"](PASSWORD)
    head, salt, value = text.rsplit("$", 2)
    assert head == "$pbkdf2-sha512$i=10"
    assert b64decode(salt + "==") == b"sixteen bytes .."
    assert len(b64decode(value + "==")) == 64
    assert _keycloak_argon2(PASSWORD).startswith("$argon2id$v=19$m=64,t=5,p=1$")
