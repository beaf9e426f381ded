"""One request to a client: a logout token, as a form (OpenID Connect Back-Channel Logout section 2.5)."""

import asyncio
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

SECONDS: Final = 5.0
MAX_CONNECTIONS: Final = 10

_ACCEPTED: Final = frozenset({200, 204})


class LogoutSender:
    """Sends logout tokens: one deadline, no redirects, no cookies. Of an answer only its status is read."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def send(self, uri: str, token: str) -> str | None:
        """Return None once the client has accepted the token, else why it has not, in a word for the log."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._connected().stream("POST", uri, data={"logout_token": token}) as response,
            ):
                return None if response.status_code in _ACCEPTED else f"status_{response.status_code}"
        except TimeoutError:
            return "timeout"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, EOFError):
            # Not the cause, because it may quote the request.
            return "unreachable"

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        # Made with the first use, because reading the certificates takes tens of milliseconds.
        if self._client is None:
            self._client = httpx2.AsyncClient(
                headers={"User-Agent": "doorward"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                follow_redirects=False,
                timeout=SECONDS,
                limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            )
        return self._client
