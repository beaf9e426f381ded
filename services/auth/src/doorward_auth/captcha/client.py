"""Client of the captcha provider: the `siteverify` request that Turnstile, hCaptcha and reCAPTCHA share."""

import json
from typing import Any, Final

import httpx2

from doorward_client.internal_http import FetchedResponse, FetchError, fetch
from doorward_client.request_context import NO_ADDRESS, current_address
from doorward_kit.executors import OverloadedError

MAX_ANSWER_BYTES: Final = 65_536
MAX_CONCURRENT: Final = 64
"""Excess requests are rejected: waiting for a free connection would be mistaken for a provider outage."""

_CONFIG_ERROR_CODES: Final = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error"})
"""Error codes that no token can cause: our configuration or the provider is at fault."""

_TOKEN_ERROR_STATUSES: Final = frozenset({400, 413, 422})


class ProviderUnavailableError(Exception):
    """The provider gave no verdict on the token. The message says why and quotes nothing that was sent."""


class CaptchaClient:
    """Asks one provider whether a token is valid. The provider accepts each token once."""

    def __init__(self, url: str, secret: str, *, timeout: float) -> None:
        self._url = url
        self._secret = secret
        self._seconds = timeout
        self._open_requests = 0
        self._client = httpx2.AsyncClient(
            timeout=None,
            limits=httpx2.Limits(max_connections=MAX_CONCURRENT, max_keepalive_connections=4),
        )

    async def verify(self, token: str) -> bool:
        """Tell whether a token is valid; raises ProviderUnavailableError and OverloadedError."""
        if self._open_requests >= MAX_CONCURRENT:
            raise OverloadedError
        self._open_requests += 1
        try:
            response = await self._post(token)
        except FetchError as error:
            raise ProviderUnavailableError(str(error)) from None
        finally:
            self._open_requests -= 1
        return _is_success(response.status, response.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, token: str) -> FetchedResponse:
        form = {"secret": self._secret, "response": token}
        ip_address = current_address()
        if ip_address != NO_ADDRESS:
            form["remoteip"] = ip_address
        return await fetch(
            self._client,
            self._url,
            max_bytes=MAX_ANSWER_BYTES,
            timeout=self._seconds,
            accept=range(600),
            method="POST",
            data=form,
        )


def _is_success(status: int, content: bytes) -> bool:
    """Read the answer: its body decides, or the status if the body says nothing."""
    try:
        answer: Any = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    success = answer.get("success") if isinstance(answer, dict) else None
    if success is True and status == httpx2.codes.OK:
        return True
    if success is False:
        codes = answer.get("error-codes")
        listed = codes if isinstance(codes, list) else []
        config_errors = [code for code in listed if code in _CONFIG_ERROR_CODES]
        if config_errors:
            raise ProviderUnavailableError(str(config_errors[0]))
        return False
    if status in _TOKEN_ERROR_STATUSES:
        return False
    raise ProviderUnavailableError(f"Status{status}")
