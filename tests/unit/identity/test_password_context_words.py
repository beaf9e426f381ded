"""Passwords that can be guessed from the words of an account."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_identity.passwords.context_words import is_personal

EMAIL = "ada.lovelace@mail.example.org"
NAME = "Ada King, Countess of Lovelace"


@pytest.mark.parametrize(
    "password",
    [
        EMAIL,
        EMAIL.upper(),
        EMAIL[::-1],
        "ada.lovelace",
        "AdaLovelace",
        "adalovelace!",
        "Lovelace1815",
        "1815Lovelace",
        "Love-lace_18",
        "lovelaceada",
        "ada ada ada",
        "ecalevol",
        "ECALEVOL99!",
        "Ada King, Countess of Lovelace",
        "king of lovelace",
        "mail.example.org",
        "example.org1",
        "adaexample",
        "Doorward",
        "doorward123!",
        "drawrood",
        "doorward-example",
        "Lóvelàce1",
        "".join(letter + "\u0301" for letter in "lovelace"),
        "lovelace4821390",
        "ｌｏｖｅｌａｃｅ",
    ],
)
def test_rejects_passwords_made_of_context_words(password: str) -> None:
    assert is_personal(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "password",
    [
        "the analytical engine",
        "lovelace and babbage",
        "ada lovelace horse",
        "doorward is fine",
        "kingdom of lovelace",
        "lovelace48213907",  # the added text has the length of a shortest password
        "12345678",
        "!!!!!!!!",
        "",
        "xq7vbhtk",
    ],
)
def test_accepts_passwords_with_other_text(password: str) -> None:
    assert not is_personal(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    ("password", "email", "name"),
    [
        ("5551234567", "5551234567@sms.example", "Ada"),
        ("7654321555", "5551234567@sms.example", "Ada"),
        ("李小龍李小龍1!", "bruce@example.com", "李小龍"),
        ("zoe-zoe-zoe", "z@example.com", "Zoë"),
        ("strasse12", "s@example.com", "Emil Straße"),
        ("b\u00fccher.example", "b@b\u00fccher.example", "B"),
        ("Ｄｏｏｒｗａｒｄ", "b@example.com", "B"),
    ],
)
def test_knows_words_of_every_kind(password: str, email: str, name: str) -> None:
    assert is_personal(password, email=email, name=name)


def test_an_empty_name_or_address_matches_no_password() -> None:
    assert not is_personal("", email="", name="")
    assert not is_personal("xq7vbhtk", email="", name="")
    assert is_personal("doorward", email="", name="")


def test_single_letters_are_not_words() -> None:
    assert not is_personal("aaaabbbb", email="a@b.example", name="A B")


@given(
    st.lists(st.sampled_from(["ada", "lovelace", "example", "doorward"]), min_size=1, max_size=6),
    st.sampled_from([str.upper, str.title, lambda text: text[::-1], lambda text: text + "1815!"]),
)
def test_any_sequence_of_words_is_rejected(words: list[str], change: object) -> None:
    assert callable(change)
    assert is_personal(change("".join(words)), email=EMAIL, name=NAME)


@given(st.text(max_size=140), st.text(max_size=100), st.text(max_size=100))
def test_every_spelling_gets_the_same_result(password: str, email: str, name: str) -> None:
    judged = {
        is_personal(unicodedata.normalize(form, password), email=email, name=name) for form in ("NFC", "NFD")
    }
    assert len(judged) == 1


def test_hostile_words_take_little_time() -> None:
    # Backtracking over the alternatives would take a Fibonacci number of steps (ASVS 1.3.12).
    name = " ".join("a" * length for length in range(2, 19))
    assert not is_personal("a" * 127 + "b", email="a@example.com", name=name)
    assert is_personal("a" * 128, email="a@example.com", name=name)
