"""Values of answers: lifetimes, users, roles and claims, within their limits."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from doorward_auth.upstream_adapters.answers import values
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.provider import UserPointers
from doorward_identity.tables import sessions
from doorward_kit.column_types import JsonObject
from unit.auth.upstream.adapters import rest_settings

POINTERS = UserPointers.model_validate(
    {
        **{name: f"/{name}" for name in ("subject", "username", "email", "name", "picture")},
        "email_verified": "/verified",
    }
)


def jwt(payload: object) -> str:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"e30.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.c2ln"


@pytest.mark.parametrize(
    ("payload", "seconds"),
    [
        ({"iat": 1000, "exp": 1300}, 300),
        ({"iat": 10**12, "exp": 10**12 + 60}, 60),
        ({"iat": 1000.5, "exp": 1300.5}, 300),
        ({"iat": 1000, "exp": 1000}, None),
        ({"iat": 1000, "exp": "1300"}, None),
        ({"iat": "x", "exp": 1300}, None),
        ({"iat": 1000}, None),
        ({"iat": 0, "exp": 10**15}, None),
        ([], None),
        (b'{"exp": 1e999}', None),
        (b"\xff", None),
        (b'{"exp": 1, "exp": 2}', None),
    ],
)
def test_the_lifetime_of_a_jwt_does_not_depend_on_our_clock(payload: object, seconds: int | None) -> None:
    assert values.lifetime_of_jwt(jwt(payload)) == seconds


def test_without_an_issue_time_the_clock_counts() -> None:
    found = values.lifetime_of_jwt(jwt({"exp": time.time() + 100}))
    assert found is not None
    assert 90 < found <= 100


@pytest.mark.parametrize("text", ["opaque", "a.b", "a.b.c.d", "e30.!!.c2ln", ""])
def test_other_tokens_have_no_lifetime(text: str) -> None:
    assert values.lifetime_of_jwt(text) is None


@pytest.mark.parametrize(("value", "seconds"), [(0, None), (None, None), (5, 5), (5.9, 5)])
def test_a_refresh_lifetime_of_zero_is_none(value: object, seconds: int | None) -> None:
    assert values.refresh_lifetime({"x": value}, JsonPointer("/x")) == seconds


@pytest.mark.parametrize("value", [-0.5, True, "5", [], {}, 1e15])
def test_no_other_value_is_a_lifetime(value: object) -> None:
    with pytest.raises(values.UnusableValueError):
        values.refresh_lifetime({"x": value}, JsonPointer("/x"))


def user(**document: Any) -> UpstreamUser:
    return values.user({"subject": "s", **document}, POINTERS, rest_settings(), "theapi")


def test_a_user_has_what_the_answer_says() -> None:
    assert user(
        subject=583231,
        username=" octocat ",
        email="o@example.com",
        verified=True,
        name="Ada‌Löwe",
        picture="https://x.example/1.png",
    ) == UpstreamUser(
        subject="583231",
        username="octocat",
        email="o@example.com",
        is_email_verified=True,
        name="Ada‌Löwe",
        picture_url="https://x.example/1.png",
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"username": 5},
        {"username": "x" * 255},
        {"username": "a\nb"},
        {"username": "a\u2028b"},
        {"email": "x" * 255},
        {"email": ["a@example.com"]},
        {"name": "\x00"},
        {"name": "  "},
        {"picture": "ftp://x.example/1.png"},
        {"picture": "javascript:alert(1)"},
        {"picture": "https://x.example/" + "x" * 2048},
    ],
)
def test_a_bad_value_is_as_good_as_none(bad: dict[str, Any]) -> None:
    assert user(**bad) == UpstreamUser(subject="s")


@pytest.mark.parametrize("verified", ["true", 1, None, [True]])
def test_only_true_makes_an_address_verified(verified: object) -> None:
    assert not user(email="a@example.com", verified=verified).is_email_verified


def test_no_address_is_not_verified() -> None:
    assert not user(verified=True).is_email_verified


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["x", "staff", "admins"], "admin"),
        (["staff"], "auditor"),
        ("staff", "auditor"),
        (["Staff"], None),
        ([["staff"]], None),
        ([], None),
        (None, None),
        ({"staff": 1}, None),
        (["x"] * 1000 + ["staff"], None),
    ],
)
@pytest.mark.parametrize(
    "roles", [{"admins": "admin", "staff": "auditor"}, {"staff": "auditor", "admins": "admin"}]
)
def test_the_configured_group_with_most_permissions_gives_the_role(
    roles: dict[str, str], groups: object, role: str | None
) -> None:
    assert values.role({"g": groups}, rest_settings(groups="/g", roles=roles)) == role
    assert values.role({"g": groups}, rest_settings()) is None


@pytest.mark.parametrize(
    ("document", "are_missing"),
    [
        ({}, True),
        ({"g": None}, True),
        ({"g": []}, False),
        ({"g": ["x"]}, False),
        ({"g": 1}, False),
        ([], True),
    ],
)
def test_no_groups_are_not_the_same_as_an_empty_list(document: object, *, are_missing: bool) -> None:
    settings = rest_settings(groups="/g", roles={"staff": "auditor"})
    assert values.are_groups_missing(document, settings) == are_missing
    assert not values.are_groups_missing(document, rest_settings())


def claims(**document: Any) -> dict[str, Any]:
    pointers = {name: JsonPointer(f"/{name}") for name in ("a", "b", "c")}
    return values.claims(document, pointers, "theapi")


def test_claims_are_the_scalars_among_the_configured_ones() -> None:
    assert claims(a="x", b=True, c=1.5, d="other") == {"a": "x", "b": True, "c": 1.5}
    assert claims(a=[1], b={}, c=None) == {}


def test_claims_that_are_too_long_are_left_out_and_the_others_are_not() -> None:
    assert claims(a="x", b="y" * 512, c="z") == {"a": "x", "c": "z"}


@given(st.lists(st.text(max_size=400) | st.integers(-(2**53), 2**53) | st.booleans(), min_size=3, max_size=3))
def test_claims_always_fit(given_values: list[Any]) -> None:
    kept = claims(**dict(zip("abc", given_values, strict=True)))
    column_type = sessions.c.extensions.type
    assert isinstance(column_type, JsonObject)
    stored = column_type.process_bind_param(kept, mysql.dialect())
    assert json.loads(stored or "{}") == kept


def test_claims_in_other_scripts_are_measured_as_they_are_stored() -> None:
    """200 Cyrillic letters are 417 bytes of JSON in UTF-8, and 1,217 in ASCII."""
    assert claims(a="\u044f" * 200, b="\u044f" * 80) == {"b": "\u044f" * 80}
