"""Fetches the file of a user's picture at an upstream."""

from typing import Final

import httpx2

from doorward_auth.upstream_adapters.base import MalformedAnswerError
from doorward_auth.upstream_adapters.http.client import Call, UpstreamClient
from doorward_auth.upstream_adapters.http.messages import Answer
from doorward_auth.upstream_adapters.picture_hosts import PictureHosts, host_of
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings

MAX_REDIRECTS: Final = 3

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADERS: Final = {"Accept": "image/webp, image/png, image/jpeg"}


class RedirectNotAllowedError(Exception):
    """The host of the picture redirects to a URL that may not be fetched, at `host` if that is known."""

    def __init__(self, host: str | None) -> None:
        super().__init__(host)
        self.host = host


class PictureClient:
    """Fetches pictures of one provider's users, without credentials and cookies.

    It has connections of its own, so that slow pictures delay no login.
    """

    def __init__(self, provider: str, settings: ProviderSettings, *, max_bytes: int) -> None:
        """Raise SettingsError if no client can be made."""
        self.hosts: Final = PictureHosts(settings.picture_hosts, allow_http=settings.allow_http)
        self._http = UpstreamClient(provider, settings)
        self._max_bytes = max_bytes

    async def fetch(self, url: httpx2.URL) -> bytes:
        """Return the file at a URL of `hosts`; raises UpstreamError, RedirectNotAllowedError.

        MalformedAnswerError is an answer without a file, or with one of too many bytes. Redirects lead to
        `hosts` alone, and their answers count to the same deadline.
        """
        async with self._http.call("picture") as call:
            answer = await self._get(call, url)
            for _ in range(MAX_REDIRECTS):
                if answer.status not in _REDIRECTS or answer.location is None:
                    break
                target = self.hosts.join(url, answer.location)
                if target is None:
                    raise RedirectNotAllowedError(host_of(answer.location))
                url = target
                answer = await self._get(call, url)
            if not answer.is_success:
                raise answer.failure()
            if not answer.content:
                raise answer.error(MalformedAnswerError)
            return answer.content

    async def _get(self, call: Call, url: httpx2.URL) -> Answer:
        return await call.get(url, headers=_HEADERS, max_bytes=self._max_bytes)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
