"""The limits of an installation for its clients, by its settings."""

from typing import Any

import pytest

from doorward_auth.oidc.clients.errors import InvalidClientMetadataError
from doorward_auth.oidc.clients.metadata import ClientPolicy, check_metadata
from doorward_auth.oidc.clients.schemas import ClientCreate

ON_THIS_MACHINE = {"backchannel_logout_uri": "http://127.0.0.1:8081/logout"}


def policy(public_url: str | None = "https://id.example.com") -> ClientPolicy:
    return ClientPolicy.of(
        audience="api", issuer="doorward", public_url=public_url, service_clients=("tickets",)
    )


def mistakes(allowed: ClientPolicy, **changed: Any) -> list[str]:
    """Return the codes of a client's mistakes."""
    given = {
        "client_id": "app",
        "kind": "confidential",
        "name": "App",
        "redirect_uris": ["https://app.example.com/callback"],
        **changed,
    }
    new = ClientCreate.model_validate(given)
    try:
        check_metadata(new.kind, new.model_dump(), allowed)
    except InvalidClientMetadataError as error:
        return [one.code for one in error.errors or ()]
    return []


@pytest.mark.parametrize(
    ("public_url", "codes"),
    [
        ("http://127.0.0.1:8080", []),
        ("https://id.example.com", ["backchannel_logout_uri_invalid"]),
        (None, ["backchannel_logout_uri_invalid"]),
    ],
)
def test_logout_tokens_go_to_http_only_where_all_of_doorward_is(
    public_url: str | None, codes: list[str]
) -> None:
    assert mistakes(policy(public_url), **ON_THIS_MACHINE) == codes


@pytest.mark.parametrize("client_id", ["api", "doorward", "tickets"])
def test_names_of_doorward_are_of_no_client(client_id: str) -> None:
    assert mistakes(policy(), client_id=client_id) == ["client_id_reserved"]


@pytest.mark.parametrize(
    ("audience", "codes"),
    [
        ("https://reports.example.com", []),
        ("urn:example:reports", []),
        ("api", []),
        ("other", ["audience_invalid"]),
        ("app", ["audience_invalid"]),
        ("/reports", ["audience_invalid"]),
        ("//reports.example.com", ["audience_invalid"]),
        ("https:", ["audience_invalid"]),
    ],
)
def test_an_audience_is_an_absolute_uri_or_that_of_doorward(audience: str, codes: list[str]) -> None:
    assert mistakes(policy(), first_party=True, audiences=[audience]) == codes
