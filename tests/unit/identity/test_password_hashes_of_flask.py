"""Hashes of Werkzeug (Flask) and passlib, and Django's scrypt: valid, at a bounded cost."""

from collections.abc import Callable
from contextlib import suppress

import bcrypt
import pytest
from django.contrib.auth import hashers  # type: ignore[import-untyped]  # Django ships no types
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from doorward_identity.passwords import CorruptHashError, PasswordHashing, parse
from doorward_identity.passwords.hash_formats import LONGEST_TEXT
from doorward_identity.settings import Argon2Settings
from doorward_kit.metrics import Metrics
from support.hashing import is_importable

PASSWORD = "Tr0ub4dor & ünïcode 🐴"


def _django_scrypt(password: str) -> str:
    hasher = hashers.ScryptPasswordHasher()
    hasher.work_factor = 16
    return str(hasher.encode(password, hasher.salt()))


def _werkzeug(method: str) -> Callable[[str], str]:
    return lambda password: generate_password_hash(password, method)


MAKERS = {
    "Django scrypt": _django_scrypt,
    "Werkzeug scrypt": _werkzeug("scrypt:256:8:1"),
    "Werkzeug pbkdf2:sha1": _werkzeug("pbkdf2:sha1:10"),
    "Werkzeug pbkdf2:sha256": _werkzeug("pbkdf2:sha256:10"),
    "Werkzeug pbkdf2:sha512": _werkzeug("pbkdf2:sha512:10"),
}

KNOWN_ANSWERS = {
    # passlib 1.7, its own tests
    "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI": "password",
    "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ": "password",
    "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI"
    ".BzY/YTNJOiKc5gBYFYGww": "password",
    # RFC 7914 section 12, in the forms of passlib and Django
    "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2D"
    "YMvfoswGQA": "password",
    "scrypt$16384$SodiumChloride$8$1$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1l"
    "HkDfzwF7RVdYhw==": "pleaseletmein",
}

SALT, HASH, HEX = "c2l4dGVlbiBieXRlcyAuLg", "A" * 43, "ab" * 32


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return MAKERS[request.param]


def test_verifies_hashes_of_other_systems(make: Callable[[str], str]) -> None:
    stored = make(PASSWORD)
    assert len(stored) <= LONGEST_TEXT
    assert parse(stored).matches(PASSWORD.encode())
    for wrong in ("", PASSWORD + " ", PASSWORD[:-1], PASSWORD.lower(), PASSWORD + "\0"):
        assert not parse(stored).matches(wrong.encode()), wrong


@pytest.mark.parametrize(("stored", "password"), KNOWN_ANSWERS.items())
def test_published_test_vectors_match(stored: str, password: str) -> None:
    assert parse(stored).matches(password.encode())
    assert not parse(stored).matches(password.encode() + b"!")


def test_a_truncated_hash_is_invalid(make: Callable[[str], str]) -> None:
    stored = make(PASSWORD)
    for end in range(stored.rindex("$") + 16):
        assert not is_importable(stored[:end])


@given(st.sampled_from([*KNOWN_ANSWERS, f"scrypt:16:8:1$salt${HEX}", f"pbkdf2:sha1:9$salt${HEX}"]), st.data())
def test_no_text_breaks_the_parser(stored: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stored)))
    text = stored[:cut] + data.draw(st.text(max_size=8)) + stored[data.draw(st.integers(cut, len(stored))) :]
    with suppress(CorruptHashError):  # any other error would be a 500
        parse(text)


@pytest.mark.parametrize(
    "stored",
    [
        f"scrypt:32768:8:1$salt${HEX * 2}",  # Werkzeug
        f"pbkdf2:sha256:1000000$salt${HEX}",
        f"scrypt$16384$salt$8$5${'A' * 86}==",  # Django
        f"$scrypt$ln=16,r=8,p=1${SALT}${HASH}",  # passlib
        f"scrypt:131072:8:1$salt${HEX}",  # the most that OWASP advises
        f"scrypt:131072:8:2$salt${HEX}",
    ],
)
def test_defaults_of_other_systems_are_within_bounds(stored: str) -> None:
    assert is_importable(stored)


@pytest.mark.parametrize(
    "stored",
    [
        f"scrypt:8388608:8:1$salt${HEX}",  # 8 GB
        f"scrypt:262144:8:1$salt${HEX}",
        f"scrypt:131072:8:3$salt${HEX}",
        f"scrypt:2:1:1048576$salt${HEX}",
        f"scrypt:2:524288:1$salt${HEX}",
        f"scrypt:2:65:1$salt${HEX}",
        f"scrypt$8388608$salt$8$1${HASH}=",
        f"scrypt$16384$salt$8$1000000000${HASH}=",
        f"$scrypt$ln=23,r=8,p=1${SALT}${HASH}",
        f"$scrypt$ln=99,r=1,p=1${SALT}${HASH}",
        f"pbkdf2:sha256:3000001$salt${HEX}",
        f"$pbkdf2-sha512$3000001${SALT}${HASH}",
    ],
)
def test_too_expensive_hashes_are_rejected(stored: str) -> None:
    with pytest.raises(CorruptHashError, match="too_costly"):
        parse(stored)


@pytest.mark.parametrize(
    "stored",
    [
        f"scrypt:16385:8:1$salt${HEX}",  # no power of two
        f"scrypt:1:8:1$salt${HEX}",
        f"scrypt:16:0:1$salt${HEX}",
        f"scrypt:16:8:0$salt${HEX}",
        f"scrypt:16:8:1$${HEX}",
        "scrypt:16:8:1$salt$abab",  # two bytes, which other passwords would match
        f"scrypt:16:8:1$salt${HEX}a",
        f"scrypt:16:8:1$salt${HEX.upper()}",
        f"scrypt:16:8$salt${HEX}",
        f"scrypt$16$8$1$salt${HASH}=",
        f"$scrypt$ln=,r=8,p=1${SALT}${HASH}",
        f"pbkdf2:md5:10$salt${HEX}",
        f"pbkdf2:sha256$salt${HEX}",
        f"$pbkdf2-sha256$10${SALT}${HASH[:-1]}+",  # passlib writes a dot
        f"$pbkdf2-md5$10${SALT}${HASH}",
    ],
)
def test_invalid_hashes_are_rejected(stored: str) -> None:
    with pytest.raises(CorruptHashError, match="malformed"):
        parse(stored)


@pytest.fixture(scope="module")
def hashing() -> PasswordHashing:
    settings = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "hash_threads": 1}
    return PasswordHashing(Argon2Settings.model_validate(settings), Metrics())


@pytest.mark.parametrize(
    ("password", "replaces"),
    [
        ("x" * 71, True),
        ("x" * 72, False),  # may be the beginning of a longer one
        ("x" * 73, False),
        ("ü" * 35, True),
        ("ü" * 36, False),
        ("e\u0301" * 36, False),  # 108 bytes as it was typed, 72 composed
    ],
)
@pytest.mark.parametrize("prefix", ["", "bcrypt$"])
def test_bcrypt_is_replaced_only_by_what_it_has_read(
    hashing: PasswordHashing, password: str, prefix: str, *, replaces: bool
) -> None:
    stored = prefix + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    assert parse(stored).matches(password.encode())
    assert hashing.should_replace(stored, password) is replaces


def test_hashes_that_read_all_are_replaced_whatever_the_length(hashing: PasswordHashing) -> None:
    long = "x" * 100
    prehashed = hashers.BCryptSHA256PasswordHasher()
    prehashed.rounds = 4
    for stored in [str(prehashed.encode(long, prehashed.salt())), *(make(long) for make in MAKERS.values())]:
        assert hashing.should_replace(stored, long), stored
    assert not hashing.should_replace(hashing.hash_blocking(long), long)
