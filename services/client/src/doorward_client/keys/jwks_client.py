"""Keys that auth publishes (RFC 7517): for services that verify and hold no secret of tokens."""

import asyncio
from typing import Final

import httpx2
import structlog

from doorward_client.internal_http import internal_http_client
from doorward_client.keys.key_set import ES256, InvalidKeySetError, KeySet
from doorward_client.keys.key_store import POLL_INTERVAL_SECONDS, KeyStore
from doorward_kit.metrics import Metrics

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 2.0
"""A rotation gives verifiers minutes; a key taken out because it leaked must be gone within five seconds."""

MAX_BYTES: Final = 65_536
_TIMEOUT_SECONDS: Final = 3.0


class JwksClient:
    """Keeps a ring up to date with the key set at an address.

    Until the first answer the ring is empty, and the service is not ready. An answer that cannot be
    used, or none, changes nothing: the keys from before stay.
    """

    def __init__(self, ring: KeyStore, url: str, metrics: Metrics) -> None:
        self._ring = ring
        self._url = url
        self._client = internal_http_client(timeout=_TIMEOUT_SECONDS)
        self._failures = metrics.key_set_failures
        self._etag: str | None = None
        metrics.keys.set_function(lambda: len(ring.believed))

    async def run(self) -> None:
        """Ask again and again, for as long as the process serves."""
        async with self._client:
            while True:
                try:
                    await self.update()
                except (httpx2.HTTPError, InvalidKeySetError) as error:
                    self._failures.inc()
                    log.warning("jwks.fetch_failed", error=repr(error))
                # Until there are keys nobody can be let in, so ask more often.
                await asyncio.sleep(POLL_SECONDS if self._ring.believed else POLL_INTERVAL_SECONDS)

    async def update(self) -> None:
        """Ask once; raises httpx2.HTTPError or InvalidKeySetError."""
        headers = {} if self._etag is None else {"If-None-Match": self._etag}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            if response.status_code == httpx2.codes.NOT_MODIFIED:
                return
            response.raise_for_status()
            document = b""
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_BYTES:
                    raise InvalidKeySetError(f"is longer than {MAX_BYTES} bytes")
        published = KeySet.parse(document)
        if any(key.algorithm != ES256 for key in published.keys.values()):
            # What everybody can read proves nothing when it is the secret itself.
            raise InvalidKeySetError("publishes a key that should be secret")
        self._ring.replace(published)
        self._etag = response.headers.get("ETag")
        log.info("jwks.loaded", kids=sorted(published.keys))
