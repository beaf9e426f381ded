"""The list over HTTP, from the auth service: for services that have no part in its database."""

from typing import Final

import httpx2

from doorward_client.internal_http import internal_http_client
from doorward_client.revocations import json_codec
from doorward_client.revocations.models import Changes
from doorward_client.settings.verifier import AuthClient

MAX_BYTES: Final = 64 * 1024 * 1024
_TIMEOUT_SECONDS: Final = 3.0


class HttpRevocationSource:
    """`GET /revocations`, as a registered client."""

    def __init__(self, auth: AuthClient) -> None:
        self._client = internal_http_client(
            auth=(auth.client_id, auth.client_secret), timeout=_TIMEOUT_SECONDS
        )
        self._url = f"{auth.url}/revocations"
        self._etag: str | None = None

    async def changes(self, cursor: str | None) -> Changes:
        """Ask once; raises httpx2.HTTPError, or ValueError for an answer that is none."""
        headers, parameters = {}, {}
        if cursor is not None and self._etag is not None:
            headers, parameters = {"If-None-Match": self._etag}, {"after": cursor}
        async with self._client.stream("GET", self._url, headers=headers, params=parameters) as response:
            age = float(response.headers.get("Age", 0))
            if response.status_code == httpx2.codes.NOT_MODIFIED:
                return Changes(cursor=response.headers.get(json_codec.CURSOR_HEADER, cursor), age=age)
            response.raise_for_status()
            text = bytearray()
            async for chunk in response.aiter_bytes():
                text += chunk
                if len(text) > MAX_BYTES:
                    raise ValueError("the list of revoked tokens is too long to be one")
            changes = json_codec.load(bytes(text), age=age)
            self._etag = response.headers.get("ETag")
        return changes

    async def close(self) -> None:
        """Close the connections to auth."""
        await self._client.aclose()
