"""The blocklist of common passwords."""

import gzip
import runpy
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_identity.passwords import blocklist
from doorward_identity.passwords.blocklist import DIGEST_BYTES, digest, is_common, spellings
from doorward_identity.passwords.normalization import MINIMUM_LENGTH

BUILDER = Path(__file__).parents[3] / "services/identity/tools/build_common_passwords.py"
DATA = files("doorward_identity.passwords") / "data"


@pytest.fixture(scope="module")
def builder() -> dict[str, Any]:
    pytest.importorskip("zxcvbn", reason="the list is built from it: make .venv/.dev")
    return runpy.run_path(str(BUILDER))


def test_rejects_the_3000_most_frequent_that_are_long_enough() -> None:
    # ASVS 6.2.4. Django's copy of leaked passwords is sorted by frequency.
    packed = (files("django.contrib.auth") / "common-passwords.txt.gz").read_bytes()
    ranked = [line.strip() for line in gzip.decompress(packed).decode("utf-8").splitlines()]
    choosable = [password for password in ranked if len(password) >= MINIMUM_LENGTH]
    assert len(choosable) > 3000
    assert [password for password in choosable if not is_common(password)] == []


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PASSWORD",
        "Password1",
        "Password123!",
        "P@ssw0rd!",
        "password     ",
        "Summer2024!",
        "Admin@123",
        "Welcome#1",
        "qwertyuiop",
        "1234567890",
        "iloveyou",
        "basketball",
        "Elizabeth99",
        "wonderful",
    ],
)
def test_rejects_common_passwords_in_any_case_and_with_a_short_suffix(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "password manager",
        "password1234567",
        "mypassword is long",
        "123456 sheep jumped",
        "xq7vbhtk",
        "basketball in the rain",
        "!password",
        "abc12345!?",
    ],
)
def test_accepts_passwords_that_only_contain_a_common_one(password: str) -> None:
    assert not is_common(password)


@pytest.mark.parametrize(
    ("password", "looked_up"),
    [
        ("Summer2024!", ["summer2024!", "summer"]),
        ("Summer", ["summer"]),
        ("summer123456", ["summer123456"]),  # too long a suffix
        ("abc12345", ["abc12345"]),  # too short a stem
        ("12345678", ["12345678"]),
        ("Straße 1", ["strasse 1", "strasse"]),
        ("\u212bngstro\u0308m", ["ångström"]),
    ],
)
def test_looks_up_the_whole_password_then_its_stem(password: str, looked_up: list[str]) -> None:
    assert [*spellings(password)] == looked_up


@given(st.text(st.characters(codec="utf-8"), max_size=140))
def test_the_normalized_spelling_is_idempotent(text: str) -> None:
    first = next(spellings(text))
    assert next(spellings(first)) == first


def test_the_shipped_list_is_sorted_and_complete() -> None:
    raw = (DATA / "common_passwords.bin").read_bytes()
    entries = [raw[place : place + DIGEST_BYTES] for place in range(0, len(raw), DIGEST_BYTES)]
    assert len(raw) % DIGEST_BYTES == 0
    assert entries == sorted(set(entries))
    assert len(raw) < 250_000
    assert f"holds {len(entries):,} entries" in (DATA / "README.md").read_text(encoding="utf-8")


def test_finds_the_first_and_the_last_entry_only(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = sorted(digest(word) for word in ("alpha centauri", "beta pictoris", "gamma velorum"))
    monkeypatch.setattr(blocklist, "_DIGESTS", b"".join(listed))
    monkeypatch.setattr(blocklist, "_COUNT", len(listed))
    assert all(is_common(word) for word in ("alpha centauri", "Beta Pictoris", "gamma velorum7"))
    others = [f"star {number}" for number in range(100)]
    assert {digest(other) < listed[0] for other in others} == {True, False}
    assert {digest(other) > listed[-1] for other in others} == {True, False}
    assert not any(map(is_common, others))


def test_the_shipped_list_is_generated_from_its_sources(builder: dict[str, Any]) -> None:
    shipped = (DATA / "common_passwords.bin").read_bytes()
    assert builder["build"]() == shipped, f"the sources have changed: run {BUILDER.name}"
    assert builder["build"]() == shipped


def test_finds_every_entry_of_every_source(builder: dict[str, Any]) -> None:
    sources = [*builder["leaked_passwords"](), *builder["words"]()]
    choosable = [entry for entry in sources if len(entry) >= MINIMUM_LENGTH]
    assert len(choosable) > 45_000
    assert [entry for entry in choosable if not is_common(entry)] == []


def test_omits_entries_that_are_already_matched(builder: dict[str, Any]) -> None:
    leaked = ["dragon", "dragon12", "DRAGON99", "1234", "abc", "qwerty12345", "abcd!"]
    assert builder["entries"](leaked, ["mountain", "hill"]) == {"dragon", "qwerty12345", "mountain"}


def test_the_sources_licences_are_shipped() -> None:
    notice = (DATA / "NOTICE").read_text(encoding="utf-8")
    for holder in ("Daniel Wolf", "Dan Wheeler", "Django Software Foundation"):
        assert holder in notice
