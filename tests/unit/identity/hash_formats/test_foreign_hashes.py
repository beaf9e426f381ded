"""Hashes of other systems: they match their password and nothing else, and are replaced by our own."""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress

import bcrypt
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from doorward_identity.passwords import CorruptHashError, PasswordHashing
from doorward_identity.passwords.hash_formats import LONGEST_TEXT, parse
from doorward_identity.tables import credentials
from support.hashing import UNCHARGED, is_importable
from unit.identity.hash_formats.makers import MAKERS, PASSWORD


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
