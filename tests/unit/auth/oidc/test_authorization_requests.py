"""What an authorization request asks for, and why one is rejected."""

from typing import Any

import pytest

from doorward_auth.oidc.authorization.errors import AuthorizationError as Error
from doorward_auth.oidc.authorization.errors import ErrorResponse
from doorward_auth.oidc.authorization.query import (
    INTERACTION,
    MAX_LENGTH,
    MAX_PARAMETERS,
    MAX_STATE_LENGTH,
    read_query,
)
from doorward_auth.oidc.authorization.request import (
    AuthorizationRequest,
    Prompt,
    read_request,
    state_of,
)
from doorward_auth.oidc.clients.client import ClientKind, RegisteredClient
from unit.auth.oidc.authorization_requests import CHALLENGE, PARAMETERS, REDIRECT, query
from unit.auth.oidc.clients import client


def read(*more: tuple[str, str], of: RegisteredClient | None = None, **changed: Any) -> Any:
    return read_request(query(*more, **changed), of or client(), REDIRECT)


def error_of(*more: tuple[str, str], of: RegisteredClient | None = None, **changed: Any) -> Error:
    rejection = read(*more, of=of, **changed)
    assert isinstance(rejection, ErrorResponse), rejection
    return rejection.error


def test_a_request_is_read() -> None:
    request = read(prompt="login consent", max_age="60", id_token_hint="a.b.c")
    assert request == AuthorizationRequest(
        redirect_uri=REDIRECT,
        state="af0ifjsldkj",
        scopes=("openid", "email"),
        resource=None,
        nonce="n-0S6_WzA2Mj",
        code_challenge=CHALLENGE,
        prompts=frozenset({Prompt.LOGIN, Prompt.CONSENT}),
        max_age=60,
        id_token_hint="a.b.c",
    )


@pytest.mark.parametrize(
    "ignored",
    [
        *("display", "claims_locales", "claims", "login_hint", "ui_locales", "acr_values", "utm_source"),
        *("interaction", "dpop_jkt", "access_type", "approval_prompt"),
    ],
)
def test_parameters_without_a_rule_are_ignored(ignored: str) -> None:
    assert read((ignored, "anything")) == read()


@pytest.mark.parametrize(
    "name", [*sorted(PARAMETERS.keys() - {"client_id", "redirect_uri"}), "prompt", "max_age"]
)
def test_a_repeated_parameter_is_rejected(name: str) -> None:
    value = {"prompt": "login", "max_age": "1"}.get(name) or PARAMETERS[name]
    once: dict[str, Any] = {name: value}
    assert error_of((name, value), **once) is Error.INVALID_REQUEST


def test_a_repeated_unknown_parameter_is_rejected() -> None:
    assert error_of(("unknown", "1"), ("unknown", "2")) is Error.INVALID_REQUEST


def test_a_parameter_without_a_value_counts_as_omitted() -> None:
    assert read(("prompt", ""), ("max_age", ""), ("request", ""), ("resource", ""), ("nonce", "")) == read()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, Error.INVALID_REQUEST),
        ({"response_type": "token"}, Error.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "id_token"}, Error.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "code id_token"}, Error.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "Code"}, Error.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_mode": "fragment"}, Error.INVALID_REQUEST),
        ({"response_mode": "form_post"}, Error.INVALID_REQUEST),
        ({"request": "eyJ.e30."}, Error.REQUEST_NOT_SUPPORTED),
        ({"request_uri": "https://app.example/r"}, Error.REQUEST_URI_NOT_SUPPORTED),
        ({"registration": "{}"}, Error.REGISTRATION_NOT_SUPPORTED),
        ({"scope": "openid groups"}, Error.INVALID_SCOPE),
        ({"scope": "openid  email"}, Error.INVALID_SCOPE),
        ({"scope": 'openid "'}, Error.INVALID_SCOPE),
        ({"scope": "openid é"}, Error.INVALID_SCOPE),
        ({"scope": "openid " * 100}, Error.INVALID_SCOPE),
        ({"resource": "https://other.example.com"}, Error.INVALID_TARGET),
        ({"nonce": "n" * 256}, Error.INVALID_REQUEST),
        ({"prompt": "none login"}, Error.INVALID_REQUEST),
        ({"prompt": "create"}, Error.INVALID_REQUEST),
        ({"prompt": "Login"}, Error.INVALID_REQUEST),
        ({"max_age": "-1"}, Error.INVALID_REQUEST),
        ({"max_age": "1.5"}, Error.INVALID_REQUEST),
        ({"max_age": "1" * 10}, Error.INVALID_REQUEST),
        ({"max_age": "٣"}, Error.INVALID_REQUEST),
        ({"code_challenge": None, "code_challenge_method": None}, Error.INVALID_REQUEST),
        ({"code_challenge": None}, Error.INVALID_REQUEST),
        ({"code_challenge_method": None}, Error.INVALID_REQUEST),
        ({"code_challenge_method": "plain"}, Error.INVALID_REQUEST),
        ({"code_challenge_method": "s256"}, Error.INVALID_REQUEST),
        ({"code_challenge": CHALLENGE[:-1]}, Error.INVALID_REQUEST),
        ({"code_challenge": CHALLENGE + "="}, Error.INVALID_REQUEST),
        ({"code_challenge": "+" + CHALLENGE[1:]}, Error.INVALID_REQUEST),
    ],
)
def test_what_is_rejected(changed: dict[str, Any], error: Error) -> None:
    assert error_of(**changed) is error


def test_an_exact_resource_is_taken_and_two_are_rejected() -> None:
    reports = client(audiences=("https://reports.example.com", "https://other.example.com"))
    one = ("resource", "https://reports.example.com")
    assert read(one, of=reports).resource == "https://reports.example.com"
    assert error_of(one, ("resource", "https://other.example.com"), of=reports) is Error.INVALID_TARGET
    assert error_of(("resource", "https://reports.example.com/"), of=reports) is Error.INVALID_TARGET


def test_a_request_without_openid_or_any_scope_is_plain_oauth() -> None:
    assert read(scope="email").scopes == ("email",)
    assert read(scope=None).scopes == ()
    assert read(scope="email openid email").scopes == ("email", "openid")


@pytest.mark.parametrize(
    ("kind", "require_pkce", "is_allowed"),
    [
        (ClientKind.CONFIDENTIAL, False, True),
        (ClientKind.CONFIDENTIAL, True, False),
        # Whatever its row says: a public client has nothing else to prove that a code is its own.
        (ClientKind.PUBLIC, False, False),
        (ClientKind.PUBLIC, True, False),
    ],
)
def test_only_a_confidential_client_can_do_without_pkce(
    kind: ClientKind, *, require_pkce: bool, is_allowed: bool
) -> None:
    found = read(of=client(kind, require_pkce=require_pkce), code_challenge=None, code_challenge_method=None)
    assert isinstance(found, AuthorizationRequest) == is_allowed


def test_a_challenge_is_checked_where_none_is_required() -> None:
    lax = client(require_pkce=False)
    assert read(of=lax).code_challenge == CHALLENGE
    assert error_of(of=lax, code_challenge_method="plain") is Error.INVALID_REQUEST
    assert error_of(of=lax, code_challenge=None) is Error.INVALID_REQUEST, "a method alone"


def test_users_cannot_sign_in_to_a_machine() -> None:
    assert error_of(of=client(ClientKind.MACHINE)) is Error.UNAUTHORIZED_CLIENT


@pytest.mark.parametrize("raw", ["%C3%A4%20%26%3D%2B", "%FF%FE", "a" * 128, "%00%0D%0A", "%22%5C"])
def test_state_returns_byte_for_byte(raw: str) -> None:
    found = read_query(f"state={raw}")
    assert found is not None
    state = state_of(found)
    assert state is not None
    again = read_query(str(found))
    assert again == found
    assert str(found).removeprefix("state=").replace("+", "%20") == raw


def test_of_two_states_none_returns() -> None:
    assert state_of(query(("state", "two"))) is None


def test_lengths_are_limited() -> None:
    assert read_query("state=" + "s" * MAX_STATE_LENGTH) is not None
    assert read_query("state=" + "s" * (MAX_STATE_LENGTH + 1)) is None
    # As the query of a page carries it: "=" takes three bytes, and an encoded "ä" ten.
    for character, taken in (("s", 1), ("%C3%A4", 10), ("+", 3)):
        most = (MAX_LENGTH - len("x%3D")) // taken
        assert read_query("x=" + character * most) is not None
        assert read_query("x=" + character * (most + 1)) is None
    assert read_query("&".join(f"p{n}=1" for n in range(MAX_PARAMETERS))) is not None
    assert read_query("&".join(f"p{n}=1" for n in range(MAX_PARAMETERS + 1))) is None


@pytest.mark.parametrize(
    "longest",
    ["x=" + "s" * (MAX_LENGTH - len("x%3D")), "&".join(f"p{n}=1" for n in range(MAX_PARAMETERS))],
)
def test_the_parameter_of_the_pages_does_not_count(longest: str) -> None:
    """The pages add it to a request that was accepted."""
    accepted = read_query(longest)
    assert accepted is not None
    added = accepted.with_value(INTERACTION, "i" * 130)
    assert read_query(str(added)) == added
