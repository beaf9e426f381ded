"""An OpenID provider's endpoints and keys (OpenID Connect Discovery), cached."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from jose.backends.base import Key

from doorward_auth.upstream_adapters.base import (
    FailedError,
    MalformedAnswerError,
    MisconfiguredError,
    UnverifiedIdentityError,
    UpstreamError,
)
from doorward_auth.upstream_adapters.http.client import Call
from doorward_auth.upstream_adapters.http.messages import Answer
from doorward_auth.upstream_adapters.openid.signing_keys import SigningKeys
from doorward_auth.upstream_adapters.settings.oauth import OidcSettings
from doorward_auth.upstream_adapters.urls import check_url

CACHE_SECONDS: Final = 3600
COOLDOWN_SECONDS: Final = 60
"""Shortest interval between fetches of the keys: unknown kids come from anyone with a forged token.

Also between attempts to fetch newer endpoints while the known ones serve.
"""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The endpoints. `sends_issuer`: the provider names itself in every response (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    revocation_endpoint: str | None
    sends_issuer: bool

    @classmethod
    def read(cls, answer: Answer, settings: OidcSettings) -> Self:
        """Raise MisconfiguredError for another issuer's document, FailedError for a bad one."""
        document = _object(answer)
        if document.get("issuer") != settings.issuer:
            raise answer.error(MisconfiguredError)
        try:
            return cls(
                authorization_endpoint=_endpoint(document.get("authorization_endpoint"), settings),
                token_endpoint=_endpoint(document.get("token_endpoint"), settings),
                jwks_uri=_endpoint(document.get("jwks_uri"), settings),
                userinfo_endpoint=_optional_endpoint(document.get("userinfo_endpoint"), settings),
                revocation_endpoint=_optional_endpoint(document.get("revocation_endpoint"), settings),
                sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            )
        except ValueError:
            raise answer.error(FailedError) from None


class Discovery:
    """Fetches the endpoints and keys of one provider, at most once at a time.

    Its requests change nothing. So a bad document is a FailedError: MalformedAnswerError would mean that the
    upstream may have acted.
    """

    def __init__(self, settings: OidcSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: tuple[float, ProviderMetadata] | None = None
        self._keys: tuple[float, SigningKeys] | None = None

    async def metadata(self, call: Call) -> ProviderMetadata:
        """Return the endpoints; raises UpstreamError unless earlier ones are known."""
        async with self._lock:
            if self._metadata is None:
                self._metadata = await self._fetch_metadata(call)
            elif self._age(self._metadata) >= CACHE_SECONDS:
                known = self._metadata[1]
                # First, so that the next call does not wait for a slow answer, too.
                self._metadata = self._clock() - CACHE_SECONDS + COOLDOWN_SECONDS, known
                with contextlib.suppress(UpstreamError):
                    self._metadata = await self._fetch_metadata(call)
            return self._metadata[1]

    async def load_keys(self, call: Call, metadata: ProviderMetadata) -> None:
        """Fetch the keys unless they are cached; raises UpstreamError."""
        await self._fetch_keys(call, metadata, max_age=CACHE_SECONDS)

    async def key(self, call: Call, metadata: ProviderMetadata, kid: str | None, algorithm: str) -> Key:
        """Return a key; an unknown one is looked for in a new key set, unless that was just fetched.

        Raises UnverifiedIdentityError if there is none.
        """
        for max_age in (CACHE_SECONDS, COOLDOWN_SECONDS):
            keys = await self._fetch_keys(call, metadata, max_age=max_age)
            found = keys.find(kid, algorithm)
            if found is not None:
                return found
        raise UnverifiedIdentityError("unknown_key")

    async def _fetch_keys(self, call: Call, metadata: ProviderMetadata, *, max_age: float) -> SigningKeys:
        async with self._lock:
            if self._keys is None or self._age(self._keys) >= max_age:
                document = _object(await _fetch(call, metadata.jwks_uri))
                self._keys = self._clock(), SigningKeys(document, self._settings.id_token_algorithms)
            return self._keys[1]

    async def _fetch_metadata(self, call: Call) -> tuple[float, ProviderMetadata]:
        answer = await _fetch(call, self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        return self._clock(), ProviderMetadata.read(answer, self._settings)

    def _age(self, cached: tuple[float, object]) -> float:
        return self._clock() - cached[0]


async def _fetch(call: Call, url: str) -> Answer:
    try:
        answer = await call.get(url)
    except MalformedAnswerError as error:
        raise FailedError(status=error.status, request_id=error.request_id) from None
    if not answer.is_success:
        raise answer.failure()
    return answer


def _object(answer: Answer) -> dict[str, Any]:
    document = answer.json_or_none()
    if not isinstance(document, dict):
        raise answer.error(FailedError)
    return document


def _endpoint(url: object, settings: OidcSettings) -> str:
    if not isinstance(url, str):
        raise ValueError("no URL")  # noqa: TRY004 - one error type for an unusable document
    check_url(url, allow_http=settings.allow_http, allow_query=True)
    return url


def _optional_endpoint(url: object, settings: OidcSettings) -> str | None:
    return None if url is None else _endpoint(url, settings)
