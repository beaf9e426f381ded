"""Acceptable passwords, and the codes and messages for others."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from doorward_identity.passwords import (
    MAXIMUM_LENGTH,
    MINIMUM_LENGTH,
    NewPassword,
    UnacceptablePasswordError,
    normalize,
    require_acceptable,
)

new_passwords: TypeAdapter[SecretStr] = TypeAdapter(NewPassword)

UNCOMMON = "rÿq-Wibble"  # ten characters that are not on the blocklist


def rejection(password: str) -> str | None:
    """Return the code with which NewPassword rejects a password, None if it is accepted."""
    try:
        taken = new_passwords.validate_python(SecretStr(password))
    except ValidationError as error:
        (only,) = error.errors()
        return only["type"]
    assert taken.get_secret_value() == password  # unchanged, including spaces
    return None


@pytest.mark.parametrize(
    "password",
    [
        "xq7vbhtk",
        "x" * 128,
        " " * 8,
        " leading and trailing ",
        "😀" * 8,
        "é" * 128,
        "tab\tand\nnewline",
        "\x01\x02\x03\x04\x1b[31m",
        "correct horse battery staple",
        "パスワード管理帳",
    ],
)
def test_accepts_8_to_128_characters_of_any_kind(password: str) -> None:
    assert rejection(password) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("1234567", "password_too_short"),
        ("e\u0301" * 7, "password_too_short"),
        ("😀" * 7, "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("x" * 1025, "password_too_long"),
        ("x" * 1_000_000, "password_too_long"),
        ("\u0958" * 65, "password_too_long"),  # two characters each in NFC
        ("\0" + UNCOMMON, "password_unencodable"),
        (UNCOMMON + "\0", "password_unencodable"),
        (UNCOMMON + "\ud800", "password_unencodable"),
        ("\udfff" + UNCOMMON, "password_unencodable"),
        ("\0", "password_unencodable"),
        ("password", "password_common"),
    ],
)
def test_rejects_the_others_by_stable_codes(password: str, code: str) -> None:
    assert rejection(password) == code


def test_length_counts_composed_characters() -> None:
    assert rejection("e\u0301" * 128) is None
    assert rejection("e\u0301" * 129) == "password_too_long"
    assert rejection("\u1100\u1161" * 8) is None  # Hangul, eight syllables
    assert rejection("\u1100\u1161" * 7) == "password_too_short"


def test_messages_advise_without_quoting_the_password() -> None:
    for password in ("hunter2", "hunter2!" * 20, "iloveyou", "secret\ud800secret"):
        with pytest.raises(ValidationError) as rejected:
            new_passwords.validate_python(SecretStr(password))
        text = rejected.value.errors()[0]["msg"]
        assert password not in text
        assert text.endswith(".")
    assert "15" in str(_error("hunter2"))


def _error(password: str) -> ValidationError:
    with pytest.raises(ValidationError) as rejected:
        new_passwords.validate_python(SecretStr(password))
    return rejected.value


def test_require_acceptable_names_field_and_code() -> None:
    with pytest.raises(UnacceptablePasswordError) as rejected:
        require_acceptable("Ada.Lovelace.1815", email="ada@example.com", name="Ada Lovelace")
    error = rejected.value
    assert (error.status, error.code) == (422, "validation_error")
    assert [one.model_dump() for one in error.errors] == [
        {"pointer": "/password", "code": "password_personal", "detail": error.reason}
    ]
    assert "Ada.Lovelace.1815" not in f"{error.reason}{error.message}{error.args}"


def test_require_acceptable_names_the_field_of_the_request() -> None:
    with pytest.raises(UnacceptablePasswordError) as rejected:
        require_acceptable("short", email="ada@example.com", name="Ada", pointer="/new_password")
    assert [(error.pointer, error.code) for error in rejected.value.errors] == [
        ("/new_password", "password_too_short")
    ]


@pytest.mark.parametrize("password", ["password", "x" * 129, "x\ud800" * 8, "1234567"])
def test_require_acceptable_checks_everything_that_the_type_checks(password: str) -> None:
    with pytest.raises(UnacceptablePasswordError) as rejected:
        require_acceptable(password, email="ada@example.com", name="Ada")
    assert rejected.value.errors[0].code == rejection(password)


def test_require_acceptable_accepts_a_good_password() -> None:
    require_acceptable("the analytical engine", email="ada@example.com", name="Ada Lovelace")


@given(st.text())
def test_a_password_has_one_normal_form(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert normalize(text) == normalize(composed) == normalize(decomposed)
    assert normalize(normalize(text)) == normalize(text)


def test_different_characters_remain_different() -> None:
    assert normalize("\ufb01ne \uff11\u00b2") == "\ufb01ne \uff11\u00b2"  # a ligature, a wide 1, a square


@given(st.text(max_size=140))
def test_every_spelling_gets_the_same_result(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert rejection(composed) == rejection(decomposed) == rejection(text)


@given(st.text(st.characters(), max_size=140), st.emails(), st.text(max_size=20))
def test_any_text_is_accepted_or_rejected_for_a_reason(text: str, email: str, name: str) -> None:
    try:
        require_acceptable(text, email=email, name=name)
    except UnacceptablePasswordError:
        return
    assert MINIMUM_LENGTH <= len(normalize(text)) <= MAXIMUM_LENGTH
    assert rejection(text) is None
