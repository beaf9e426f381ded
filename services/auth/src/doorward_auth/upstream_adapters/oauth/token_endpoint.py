"""The requests of OAuth 2.0 that oidc and oauth2 upstreams share: codes, refreshes, revocations."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from doorward_auth import pkce
from doorward_auth.grant_types import AUTHORIZATION_CODE, REFRESH_TOKEN
from doorward_auth.upstream_adapters.answers.tokens import read_tokens
from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    PendingAuthorization,
    UnusedTokens,
    UpstreamError,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.http.client import Call
from doorward_auth.upstream_adapters.http.messages import Answer, Body
from doorward_auth.upstream_adapters.settings.provider import OAuthClientSettings, TokenPointers

_DEAD_GRANT: Final = frozenset({"invalid_grant", "bad_refresh_token", "bad_verification_code"})
"""RFC 6749 section 5.2, and GitHub's names."""

_OUR_FAULT: Final = frozenset(
    {
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "invalid_target",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
_CODES_COUNT_WITH: Final = frozenset({200, 400, 401, 403})
"""Statuses of answers of a token endpoint. GitHub sends errors with 200; a proxy in between sends others."""

_WE_ARE_REFUSED: Final = frozenset({401, 403})

_POINTERS: Final = TokenPointers.model_validate(
    {
        name: f"/{name}"
        for name in ("access_token", "refresh_token", "id_token", "expires_in", "refresh_expires_in", "scope")
    }
)


class TokenEndpoint:
    """Builds and reads the requests of one client."""

    def __init__(self, provider: str, settings: OAuthClientSettings) -> None:
        self._provider = provider
        self._settings = settings

    def authorization_request(
        self,
        endpoint: str,
        redirect_uri: str,
        *,
        nonce: str | None,
        uses_pkce: bool = True,
        fresh_since: int | None = None,
    ) -> PendingAuthorization:
        """Return a login page's URL with a new state, PKCE challenge (RFC 7636) and the nonce."""
        state, verifier = secrets.token_urlsafe(32), pkce.new_verifier()
        parameters = {
            **self._settings.authorization_parameters,
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
        }
        if self._settings.scopes:
            parameters["scope"] = " ".join(self._settings.scopes)
        if nonce:
            parameters["nonce"] = nonce
        if uses_pkce:
            challenge = pkce.challenge_of(verifier)
            parameters |= {"code_challenge": challenge, "code_challenge_method": pkce.METHOD}
        if fresh_since is not None:
            # The first shows the login page, the second requires `auth_time` (OpenID Connect Core 3.1.2.1).
            prompts = [name for name in parameters.get("prompt", "").split() if name not in {"login", "none"}]
            parameters |= {"prompt": " ".join(["login", *prompts]), "max_age": "0"}
        separator = "&" if "?" in endpoint else "?"
        url = f"{endpoint}{separator}{urlencode(parameters)}"
        return PendingAuthorization(url, state, verifier, nonce, fresh_since)

    async def exchange(
        self, call: Call, endpoint: str, response: AuthorizationCallback, *, uses_pkce: bool = True
    ) -> UpstreamTokens:
        """Exchange a code; raises InvalidGrantError for one that is used or expired.

        The call knows what was issued.
        """
        fields = {
            "grant_type": AUTHORIZATION_CODE,
            "code": response.code,
            "redirect_uri": response.redirect_uri,
        }
        if uses_pkce:
            fields["code_verifier"] = response.code_verifier
        answer, document = await self._request(call, endpoint, fields)
        tokens = read_tokens(answer, document, _POINTERS, provider=self._provider)
        call.issued = UnusedTokens(tokens)
        kind = document.get("token_type", "bearer")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise answer.error(MalformedAnswerError)
        return tokens

    async def refresh(self, call: Call, endpoint: str, refresh_token: str) -> UpstreamTokens:
        """Exchange a refresh token; raises InvalidGrantError."""
        fields = {"grant_type": REFRESH_TOKEN, "refresh_token": refresh_token}
        answer, document = await self._request(call, endpoint, fields)
        return read_tokens(answer, document, _POINTERS, provider=self._provider, is_refresh=True)

    async def revoke(self, call: Call, endpoint: str, tokens: UpstreamTokens) -> None:
        """Revoke the refresh token, and so what came of it, or the access token (RFC 7009)."""
        hint = "refresh_token" if tokens.refresh_token else "access_token"
        fields = {"token": tokens.refresh_token or tokens.access_token, "token_type_hint": hint}
        answer = await self._post(call, endpoint, fields)
        if not answer.is_success:
            error = _error_of(answer, answer.json_or_none())
            if not isinstance(error, InvalidGrantError):  # such a token is dead, which is what was wanted
                raise error

    async def _request(
        self, call: Call, endpoint: str, fields: Mapping[str, str]
    ) -> tuple[Answer, dict[str, Any]]:
        answer = await self._post(call, endpoint, fields)
        document = answer.json() if answer.is_success else answer.json_or_none()
        if not answer.is_success or (isinstance(document, dict) and "error" in document):
            raise _error_of(answer, document)
        if not isinstance(document, dict):
            raise answer.error(MalformedAnswerError)
        if "refresh_token_expires_in" in document:  # GitHub's name
            document.setdefault("refresh_expires_in", document["refresh_token_expires_in"])
        return answer, document

    async def _post(self, call: Call, endpoint: str, fields: Mapping[str, str]) -> Answer:
        client_id, secret = self._settings.client_id, self._settings.client_secret
        headers: dict[str, str] = {}
        if self._settings.token_auth_method == "client_secret_basic" and secret:  # noqa: S105 - a method's name
            # Form-encoded first: RFC 6749 section 2.3.1.
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode("ascii")
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        else:
            fields = {**fields, "client_id": client_id}
            if secret:
                fields = {**fields, "client_secret": secret}
        return await call.post(endpoint, Body("form", fields), headers=headers)


def _error_of(answer: Answer, document: Any) -> UpstreamError:
    code = document.get("error") if isinstance(document, dict) else None
    if answer.status in _CODES_COUNT_WITH and isinstance(code, str):
        if code in _DEAD_GRANT:
            return answer.error(InvalidGrantError)
        if code in _OUR_FAULT:
            return answer.error(MisconfiguredError)
    if answer.status in _WE_ARE_REFUSED:
        return answer.error(MisconfiguredError)
    return answer.error(FailedError) if answer.is_success else answer.failure()
