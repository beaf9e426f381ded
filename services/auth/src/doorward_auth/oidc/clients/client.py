"""A registered client."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from doorward_auth.grant_types import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from doorward_auth.redirect_uris import is_registered
from doorward_client.keys.key_set import ES256, RS256


class ClientKind(StrEnum):
    """The kind of a client, which decides on authentication and grants."""

    PUBLIC = "public"
    """A browser or a device: it can keep no secret, so it proves with PKCE that a code is its own."""

    CONFIDENTIAL = "confidential"
    """A server with a secret, to which users sign in."""

    MACHINE = "machine"
    """A program with a secret that acts for itself, without a user."""


class IdTokenAlgorithm(StrEnum):
    """Signature of a client's id tokens, and of its access tokens for other audiences than Doorward's."""

    RS256 = RS256
    ES256 = ES256


class IdTokenClaims(StrEnum):
    """Whether id tokens carry what `userinfo` answers."""

    FULL = "full"
    MINIMAL = "minimal"


GRANT_TYPES: Final = {
    ClientKind.PUBLIC: frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    ClientKind.CONFIDENTIAL: frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    ClientKind.MACHINE: frozenset({CLIENT_CREDENTIALS}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A client as it is stored. `id` is the row's, `client_id` the client's own name for itself.

    `allowed_groups` is empty if everyone may sign in.
    """

    id: uuid.UUID
    client_id: str
    name: str
    kind: ClientKind
    first_party: bool
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    allowed_groups: tuple[str, ...]
    id_token_alg: IdTokenAlgorithm
    id_token_claims: IdTokenClaims
    require_pkce: bool
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    backchannel_logout_uri: str | None
    managed_by: str | None
    token_version: int
    version: int
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None

    @property
    def has_secret(self) -> bool:
        """Whether the client authenticates with a secret."""
        return self.kind is not ClientKind.PUBLIC

    def has_redirect_uri(self, uri: str) -> bool:
        """Tell whether a request may name the URI.

        A program on a user's machine can keep no secret, so it is a public client.
        """
        return is_registered(uri, self.redirect_uris, any_port=self.kind is ClientKind.PUBLIC)

    def may_use(self, grant_type: str) -> bool:
        """Tell whether the client's kind has a grant type."""
        return grant_type in GRANT_TYPES[self.kind]
