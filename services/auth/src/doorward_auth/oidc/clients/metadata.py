"""The rules that a client's members must satisfy together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from doorward_auth.oidc.clients.client import ClientKind
from doorward_auth.oidc.clients.errors import InvalidClientMetadataError
from doorward_auth.oidc.clients.uris import is_absolute, is_https
from doorward_auth.oidc.scopes import FIRST_PARTY_SCOPES, OPENID_SCOPES
from doorward_client.errors import FieldError
from doorward_identity.oauth_tables import LIST_LENGTH, SCOPE_LENGTH, URIS_LENGTH

_LENGTHS: Final = {
    "redirect_uris": URIS_LENGTH,
    "post_logout_redirect_uris": URIS_LENGTH,
    "origins": URIS_LENGTH,
    "scopes": SCOPE_LENGTH,
    "audiences": LIST_LENGTH,
    "allowed_groups": LIST_LENGTH,
}
"""Lengths of the columns, which hold the values with a space between them."""

_OF_USERS: Final = ("redirect_uris", "post_logout_redirect_uris", "origins", "allowed_groups")
"""Members of clients to which users sign in."""


Mistake = tuple[str, str, str]
"""The member, a stable code, and what is wrong with the member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPolicy:
    """The limits of an installation for its clients. `own_audience` is that of Doorward's own services.

    `reserved_ids` are names that mean something else: the audience, the issuer, other services' ids. Logout
    tokens may go to http on this machine (`allows_http_logout`) only while all of Doorward is there, too.
    """

    own_audience: str
    reserved_ids: frozenset[str]
    allows_http_logout: bool

    @classmethod
    def of(
        cls, *, audience: str, issuer: str, public_url: str | None, service_clients: Iterable[str]
    ) -> Self:
        """Return the policy of an installation with these settings."""
        return cls(
            own_audience=audience,
            reserved_ids=frozenset({audience, issuer, *service_clients}),
            allows_http_logout=public_url is not None and not is_https(public_url),
        )


def check_metadata(kind: ClientKind, members: Mapping[str, Any], policy: ClientPolicy) -> None:
    """Check all members of a client; raises InvalidClientMetadataError that names each mistake."""
    of_kind = (
        _machine_rules(members, policy.own_audience)
        if kind is ClientKind.MACHINE
        else _sign_in_rules(kind, members, policy.own_audience)
    )
    errors = [
        FieldError(pointer=f"/{member}", code=code, detail=detail)
        for found in (_length_rules(members), _policy_rules(members, policy), of_kind)
        for member, code, detail in found
    ]
    if errors:
        raise InvalidClientMetadataError(errors)


def _length_rules(members: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, most in _LENGTHS.items():
        if len(" ".join(members[name])) > most:
            yield name, "invalid", f"All together they are longer than {most} characters."


def _policy_rules(members: Mapping[str, Any], policy: ClientPolicy) -> Iterator[Mistake]:
    if members.get("client_id") in policy.reserved_ids:
        yield "client_id", "client_id_reserved", "Doorward itself or one of its services has this name."
    for audience in members["audiences"]:
        # So it is never the id of a client, which has no colon.
        if audience != policy.own_audience and not is_absolute(audience):
            detail = "An audience is an absolute URI such as https://reports.example.com."
            yield "audiences", "audience_invalid", detail
    uri = members["backchannel_logout_uri"]
    if uri is not None and not is_https(uri) and not policy.allows_http_logout:
        detail = "Logout tokens go to https alone: auth and the application are on different machines."
        yield "backchannel_logout_uri", "backchannel_logout_uri_invalid", detail


def _machine_rules(members: Mapping[str, Any], own_audience: str) -> Iterator[Mistake]:
    for name in _OF_USERS:
        if members[name]:
            yield name, "invalid", "Users do not sign in to a machine: leave it empty."
    if members["backchannel_logout_uri"] is not None:
        yield "backchannel_logout_uri", "invalid", "Users do not sign in to a machine: leave it out."
    if members["first_party"]:
        yield "first_party", "invalid", "A machine gets no tokens for Doorward's own services."
    if own_audience in members["audiences"]:
        detail = f"A machine gets no tokens for Doorward's own services ({own_audience})."
        yield "audiences", "invalid", detail
    for scope in sorted({*OPENID_SCOPES, *FIRST_PARTY_SCOPES}.intersection(members["scopes"])):
        yield "scopes", "invalid", f"The scope {scope} is about users."


def _sign_in_rules(kind: ClientKind, members: Mapping[str, Any], own_audience: str) -> Iterator[Mistake]:
    if not members["redirect_uris"]:
        yield "redirect_uris", "invalid", "Users must be sent back somewhere: name one or more."
    if kind is ClientKind.CONFIDENTIAL and members["origins"]:
        yield "origins", "invalid", "Only pages of public clients call from a browser."
    if kind is ClientKind.PUBLIC and not members["require_pkce"]:
        yield (
            "require_pkce",
            "invalid",
            "A public client proves with PKCE that a code is its own (RFC 9700 section 2.1.1).",
        )
    if not members["first_party"]:
        for scope in sorted(FIRST_PARTY_SCOPES.intersection(members["scopes"])):
            yield "scopes", "invalid", f"Only a first-party client may have the scope {scope}."
        if own_audience in members["audiences"]:
            yield "audiences", "invalid", f"Only a first-party client may have the audience {own_audience}."
