import base64
import json
from urllib.parse import quote_plus

import pytest

from doorward_auth.oauth_errors import InvalidClientError
from doorward_auth.service_clients.registry import ClientRegistry

SECRET = "Zq3v9y2Bt6w1+5C8F4Ja7/cRfUjXn2r5=="
NEXT = "another Secret of 32 bytes: 0123456789"
REGISTRY = ClientRegistry.parse(json.dumps({"tickets": [SECRET, NEXT], "billing.v2": SECRET[::-1]}))


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("client", "secret"),
    [
        ("tickets", SECRET),
        ("tickets", NEXT),
        ("tickets", quote_plus(SECRET)),
        ("tickets", quote_plus(NEXT)),
        ("billing.v2", SECRET[::-1]),
    ],
)
def test_a_client_authenticates_with_any_of_its_secrets_raw_or_form_encoded(client: str, secret: str) -> None:
    assert REGISTRY.authenticate(basic(client, secret)) == client
    assert REGISTRY.authenticate(basic(client, secret).replace("Basic", "basic")) == client


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer " + SECRET,
        "Basic " + base64.b64encode(b"tickets").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        basic("tickets", ""),
        basic("tickets", SECRET[::-1]),
        basic("billing.v2", SECRET),
        basic("Tickets", SECRET),
        basic("nobody", SECRET),
        basic("", ""),
        basic("nobody", ""),
        basic("tickets", SECRET + "x" * 2000),
        basic("tickets", SECRET) + " ",
    ],
)
def test_other_credentials_are_rejected(header: str | None) -> None:
    with pytest.raises(InvalidClientError):
        REGISTRY.authenticate(header)


def test_without_clients_all_credentials_are_rejected() -> None:
    with pytest.raises(InvalidClientError):
        ClientRegistry.parse("{}").authenticate(basic("tickets", SECRET))
