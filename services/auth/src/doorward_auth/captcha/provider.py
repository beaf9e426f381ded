"""Asking the captcha's service: the `siteverify` request that Turnstile, hCaptcha and reCAPTCHA share."""

import asyncio
import json
from typing import Any, Final

import httpx2

from doorward_client.request_context import NO_ADDRESS, current_address
from doorward_kit.executors import OverloadedError

MAX_ANSWER_BYTES: Final = 65_536
MAX_CONCURRENT: Final = 64
"""Who comes on top is refused. To wait for a connection would look like a service that is away."""

_CONFIG_ERROR_CODES: Final = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error"})
"""Of all the error codes those that no token brings about, whatever a caller makes up."""

_ABOUT_THE_TOKEN: Final = frozenset({400, 413, 422})


class ProviderUnavailableError(Exception):
    """Nothing was said about the token; the message says why, without any of what was sent."""


class Provider:
    """One address that says whether a token counts. It counts once: the service sees to that."""

    def __init__(self, url: str, secret: str, *, timeout: float) -> None:
        self._url = url
        self._secret = secret
        self._seconds = timeout
        self._asked = 0
        self._client = httpx2.AsyncClient(
            timeout=None,
            limits=httpx2.Limits(max_connections=MAX_CONCURRENT, max_keepalive_connections=4),
        )

    async def confirms(self, token: str) -> bool:
        """Tell whether a token counts; raises ProviderUnavailableError and OverloadedError."""
        if self._asked >= MAX_CONCURRENT:
            raise OverloadedError
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds):
                status, content = await self._post(token)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        finally:
            self._asked -= 1
        return _verdict(status, content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, token: str) -> tuple[int, bytes]:
        form = {"secret": self._secret, "response": token}
        address = current_address()
        if address != NO_ADDRESS:
            form["remoteip"] = address
        async with self._client.stream("POST", self._url, data=form) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise ProviderUnavailableError("TooLong")
            return response.status_code, bytes(content)


def _verdict(status: int, content: bytes) -> bool:
    """Read the answer: what its body says counts, and its status where that says nothing."""
    try:
        said: Any = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    success = said.get("success") if isinstance(said, dict) else None
    if success is True and status == httpx2.codes.OK:
        return True
    if success is False:
        codes = said.get("error-codes")
        ours = [code for code in codes if code in _CONFIG_ERROR_CODES] if isinstance(codes, list) else []
        if ours:
            raise ProviderUnavailableError(str(ours[0]))
        return False
    if status in _ABOUT_THE_TOKEN:
        return False
    raise ProviderUnavailableError(f"Status{status}")
