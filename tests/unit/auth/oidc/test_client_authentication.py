import base64
from urllib.parse import quote, quote_plus

import pytest

from doorward_auth.client_secrets import hash_secret, new_secret
from doorward_auth.oauth_errors import InvalidClientError, InvalidRequestError
from doorward_auth.oidc.client_authentication import (
    AuthenticationMethod,
    PresentedClient,
    is_authentic,
    presented_client,
)
from doorward_auth.oidc.clients.client import ClientKind
from unit.auth.oidc.clients import NOW, client

SECRET = "dwc_" + "Ab3-_x9" * 6 + "z"  # fixed: test ids are made of it
NEXT = "an operator's own: 40% of +, / and = here"
HASHES = [hash_secret(SECRET), hash_secret(NEXT)]
ID = "grafana"

BASIC, POST, NONE = AuthenticationMethod.BASIC, AuthenticationMethod.POST, AuthenticationMethod.NONE


def basic(client_id: str, secret: str, scheme: str = "Basic") -> str:
    return f"{scheme} " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "form", "expected"),
    [
        ([], {}, None),
        ([], {"grant_type": "password", "username": "ada"}, None),
        ([basic(ID, SECRET)], {}, PresentedClient(ID, SECRET, BASIC)),
        ([basic(ID, SECRET, "basic")], {}, PresentedClient(ID, SECRET, BASIC)),
        ([basic(ID, SECRET, "Basic  ")], {}, PresentedClient(ID, SECRET, BASIC)),
        ([basic(ID, SECRET)], {"client_id": ID}, PresentedClient(ID, SECRET, BASIC)),
        ([basic(quote("my.app-1"), SECRET)], {}, PresentedClient("my.app-1", SECRET, BASIC)),
        ([basic(ID, "with:colons")], {}, PresentedClient(ID, "with:colons", BASIC)),
        ([basic(ID, "")], {}, PresentedClient(ID, None, NONE)),
        ([], {"client_id": ID, "client_secret": SECRET}, PresentedClient(ID, SECRET, POST)),
        ([], {"client_id": ID}, PresentedClient(ID, None, NONE)),
    ],
)
def test_a_request_names_its_client_in_one_way(
    headers: list[str], form: dict[str, str], expected: PresentedClient | None
) -> None:
    assert presented_client(headers, form) == expected


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ([basic(ID, SECRET)], {"client_id": ID, "client_secret": SECRET}),
        ([basic(ID, SECRET)], {"client_secret": SECRET}),
        ([basic(ID, SECRET)], {"client_id": "other"}),
        ([], {"client_secret": SECRET}),
    ],
)
def test_two_ways_at_once_are_an_invalid_request(headers: list[str], form: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        presented_client(headers, form)


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        (["Bearer " + SECRET], {}),
        (["Basic"], {}),
        (["Basic !!!"], {"client_id": ID}),
        (["Basic " + base64.b64encode(b"no separator").decode()], {}),
        (["Basic " + base64.b64encode(b"\xff:\xff").decode()], {}),
        ([basic("", SECRET)], {}),
        ([basic("a b", SECRET)], {}),
        ([basic("x" * 65, SECRET)], {}),
        ([basic(ID, "x" * 2000)], {}),
        ([basic(ID, SECRET), basic(ID, SECRET)], {}),
        ([], {"client_id": "../etc", "client_secret": SECRET}),
        ([], {"client_id": "x" * 65}),
        ([], {"client_id": "ä"}),
    ],
)
def test_credentials_that_cannot_be_read_are_no_client(headers: list[str], form: dict[str, str]) -> None:
    with pytest.raises(InvalidClientError) as caught:
        presented_client(headers, form)
    assert caught.value.headers == {"WWW-Authenticate": 'Basic realm="doorward clients"'}


@pytest.mark.parametrize("kind", [ClientKind.CONFIDENTIAL, ClientKind.MACHINE])
@pytest.mark.parametrize("secret", [SECRET, NEXT, quote_plus(NEXT), quote(NEXT, safe="")])
@pytest.mark.parametrize("method", [BASIC, POST])
def test_either_secret_is_right_raw_or_form_encoded(
    kind: ClientKind, secret: str, method: AuthenticationMethod
) -> None:
    assert is_authentic(PresentedClient(ID, secret, method), client(kind), HASHES)


@pytest.mark.parametrize("kind", list(ClientKind))
@pytest.mark.parametrize("secret", [SECRET, SECRET[:-1], SECRET.upper(), "x", None])
def test_only_the_clients_own_way_is_accepted(kind: ClientKind, secret: str | None) -> None:
    presented = PresentedClient(ID, secret, NONE if secret is None else POST)
    is_right = secret is None if kind is ClientKind.PUBLIC else secret == SECRET
    assert is_authentic(presented, client(kind), HASHES) is is_right


@pytest.mark.parametrize("kind", list(ClientKind))
def test_a_disabled_client_an_unknown_one_and_one_without_secrets_are_rejected(kind: ClientKind) -> None:
    presented = PresentedClient(ID, None if kind is ClientKind.PUBLIC else SECRET, POST)
    assert not is_authentic(presented, client(kind, disabled_at=NOW), HASHES)
    assert not is_authentic(presented, None, ())
    if kind is not ClientKind.PUBLIC:
        assert not is_authentic(presented, client(kind), ())


def test_a_new_secret_has_256_bits_and_a_prefix_for_scanners() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(secret.startswith("dwc_") and len(secret) == 47 for secret in secrets)
