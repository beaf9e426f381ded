from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from doorward_identity import emails
from doorward_identity.emails import EmailAddress, InvalidEmailError, email_key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("a\u0308da@example.com", "äda@example.com"),
        ("ÄDA@example.com", "äda@example.com"),
        ("ada+tag@example.com", "ada+tag@example.com"),
        ("ada@cluster.local", "ada@cluster.local"),
        ("admin@localhost", "admin@localhost"),
    ],
)
def test_spellings_of_an_address_share_a_key(address: str, key: str) -> None:
    assert email_key(address) == key


@pytest.mark.parametrize(
    "other", ["ädmin@example.com", "admın@example.com", "admin.@example.org", "admin@éxample.com"]
)
def test_another_letter_is_another_account(other: str) -> None:
    try:
        assert email_key(other) != email_key("admin@example.com")
    except InvalidEmailError:
        return


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com ",
        " ada@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\n@example.com",
        "ada\0@example.com",
        "a@b@example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        "ada@[127.0.0.1]",
        '"ada lovelace"@example.com',
        "a" * 65 + "@example.com",
        "ada@" + "a" * 250 + ".com",
        "ada@example..com",
        "\u202eada@example.com",
    ],
)
def test_rejects_invalid_addresses(address: str) -> None:
    with pytest.raises(InvalidEmailError):
        email_key(address)
    with pytest.raises(ValidationError) as rejected:
        TypeAdapter(EmailAddress).validate_python(address)
    assert rejected.value.errors()[0]["type"] in {"email_invalid", "string_too_long"}


@given(st.text(max_size=80))
def test_a_key_is_idempotent(address: str) -> None:
    try:
        key = email_key(address)
    except InvalidEmailError:
        return
    assert email_key(key) == key


@given(st.emails())
def test_case_never_makes_another_account(address: str) -> None:
    try:
        assert email_key(address.upper()) == email_key(address.lower())
    except InvalidEmailError:
        return


@given(
    st.text(max_size=70), st.sampled_from(["example.com", "EXAMPLE.com", "münchen.de", "a..b", "localhost"])
)
@example("x" * 64, "example.com")
@example("x" * 65, "example.com")
@example("!#$%&'*+/=?^_`{|}~-.A", "example.com")
@example("a\n", "example.com")
@example("a", "example.com\n")
@example("a", "x.invalid")
def test_a_plain_address_has_the_key_that_the_library_says(local: str, domain: str) -> None:
    """Plain local parts are not checked by it, and domains once."""
    address = f"{local}@{domain}"
    assert _key_or_none(email_key, address) == _key_or_none(emails._key, address)


def _key_or_none(function: Callable[[str], str], address: str) -> str | None:
    try:
        return function(address)
    except InvalidEmailError:
        return None
