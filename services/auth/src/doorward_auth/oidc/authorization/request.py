"""Parses authorization requests: a pure function of the parameters and the client."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doorward_auth import pkce
from doorward_auth.grant_types import AUTHORIZATION_CODE
from doorward_auth.oidc import scopes
from doorward_auth.oidc.authorization.errors import AuthorizationError, ErrorResponse
from doorward_auth.oidc.authorization.query import Query, is_text
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_identity.oauth_tables import NONCE_LENGTH, SCOPE_LENGTH

CODE: Final = "code"
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_NOT_SUPPORTED: Final = {
    "request": AuthorizationError.REQUEST_NOT_SUPPORTED,
    "request_uri": AuthorizationError.REQUEST_URI_NOT_SUPPORTED,
    "registration": AuthorizationError.REGISTRATION_NOT_SUPPORTED,
}


class Prompt(StrEnum):
    """Pages that a request asks for, or forbids (OpenID Connect Core section 3.1.2.1)."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A valid request. `max_age` is in seconds; `id_token_hint` is not verified yet."""

    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    resource: str | None
    nonce: str | None
    code_challenge: str | None
    prompts: frozenset[Prompt]
    max_age: int | None
    id_token_hint: str | None


class _InvalidRequest(Exception):  # noqa: N818 - ends the checks, and never leaves this module
    def __init__(self, error: AuthorizationError, description: str) -> None:
        super().__init__(description)
        self.response = ErrorResponse(error, description)


def state_of(query: Query) -> str | None:
    """Return the `state` of an answer: none if the request has two."""
    return query.get("state") if query.count("state") == 1 else None


def read_request(
    query: Query, client: RegisteredClient, redirect_uri: str
) -> AuthorizationRequest | ErrorResponse:
    """Read a request of a client whose redirect URI is registered."""
    try:
        return _read(query, client, redirect_uri)
    except _InvalidRequest as invalid:
        return invalid.response


def _read(query: Query, client: RegisteredClient, redirect_uri: str) -> AuthorizationRequest:
    _check_names(query)
    response_type = query.get("response_type")
    if response_type is None:
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "response_type is missing")
    if response_type != CODE:
        raise _InvalidRequest(AuthorizationError.UNSUPPORTED_RESPONSE_TYPE, "the only response_type is code")
    if not client.may_use(AUTHORIZATION_CODE):
        raise _InvalidRequest(AuthorizationError.UNAUTHORIZED_CLIENT, "users cannot sign in to this client")
    if query.get("response_mode") not in {None, "query"}:
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "the only response_mode is query")
    return AuthorizationRequest(
        redirect_uri=redirect_uri,
        state=query.get("state"),
        scopes=_scopes(query, client),
        resource=_resource(query, client),
        nonce=_nonce(query),
        code_challenge=_code_challenge(query, client),
        prompts=_prompts(query),
        max_age=_max_age(query),
        id_token_hint=query.get("id_token_hint"),
    )


def _check_names(query: Query) -> None:
    for name, error in _NOT_SUPPORTED.items():
        if query.get(name) is not None:
            raise _InvalidRequest(error, f"{name} is not supported")
    if query.count("resource") > 1:
        raise _InvalidRequest(AuthorizationError.INVALID_TARGET, "name one resource")
    if query.repeated() is not None:
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "a parameter comes twice")


def _scopes(query: Query, client: RegisteredClient) -> tuple[str, ...]:
    text = query.get("scope") or ""
    requested = scopes.parse(text) if len(text) <= SCOPE_LENGTH else None
    if requested is None:
        raise _InvalidRequest(AuthorizationError.INVALID_SCOPE, "scope is no list of scopes")
    if not set(requested) <= set(client.scopes):
        raise _InvalidRequest(
            AuthorizationError.INVALID_SCOPE, "the client may not ask for one of the scopes"
        )
    return requested


def _resource(query: Query, client: RegisteredClient) -> str | None:
    resource = query.get("resource")
    if resource is not None and resource not in client.audiences:
        raise _InvalidRequest(
            AuthorizationError.INVALID_TARGET, "the resource is not registered for the client"
        )
    return resource


def _nonce(query: Query) -> str | None:
    nonce = query.get("nonce")
    if nonce is not None and (len(nonce) > NONCE_LENGTH or not is_text(nonce)):
        raise _InvalidRequest(
            AuthorizationError.INVALID_REQUEST, f"nonce is longer than {NONCE_LENGTH} characters, or no text"
        )
    return nonce


def _code_challenge(query: Query, client: RegisteredClient) -> str | None:
    """Return the challenge of PKCE, which only a confidential client can be registered to do without."""
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    if challenge is None:
        if client.require_pkce or not client.has_secret or method is not None:
            raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "code_challenge is missing")
        return None
    if method != pkce.METHOD:
        # Without a method it would be `plain` (RFC 7636 section 4.3).
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "the only code_challenge_method is S256")
    if not pkce.is_challenge(challenge):
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "code_challenge is no SHA-256 in base64url")
    return challenge


def _prompts(query: Query) -> frozenset[Prompt]:
    names = (query.get("prompt") or "").split()
    if not set(names) <= set(Prompt):
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "prompt has an unknown value")
    prompts = frozenset(map(Prompt, names))
    if Prompt.NONE in prompts and len(prompts) > 1:
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "prompt=none goes with no other value")
    return prompts


def _max_age(query: Query) -> int | None:
    text = query.get("max_age")
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise _InvalidRequest(AuthorizationError.INVALID_REQUEST, "max_age is no number of seconds")
    return int(text)
