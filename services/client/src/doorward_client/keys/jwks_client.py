"""Public keys that auth publishes (RFC 7517), for services that verify tokens and hold no secret."""

import asyncio
from typing import Final

import structlog

from doorward_client.internal_http import FetchError, fetch, internal_http_client
from doorward_client.keys.key_set import InvalidKeySetError, KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.keys.watched_file import POLL_INTERVAL_SECONDS
from doorward_client.metrics import VerificationMetrics

log = structlog.get_logger(__name__)

JWKS_POLL_SECONDS: Final = 2.0
"""A rotation leaves verifiers minutes, but a leaked key that was removed must be gone within five seconds."""

MAX_JWKS_BYTES: Final = 65_536
_TIMEOUT_SECONDS: Final = 3.0
_NOT_MODIFIED: Final = 304


class JwksClient:
    """Keeps a key store up to date with the key set at a URL.

    The store is empty and the service not ready until the first response. A failed or unusable response
    keeps the previous keys.
    """

    def __init__(self, keys: KeyStore, url: str, metrics: VerificationMetrics) -> None:
        self._keys = keys
        self._url = url
        self._client = internal_http_client()
        self._metrics = metrics
        self._etag: str | None = None
        metrics.observe_keys(lambda: len(keys.verification_keys))

    async def run(self) -> None:
        """Poll until cancelled."""
        async with self._client:
            while True:
                try:
                    await self.update()
                except (FetchError, InvalidKeySetError) as error:
                    self._metrics.key_set_failed()
                    log.warning("jwks.fetch_failed", error=str(error))
                # Without keys every request is answered 503, so poll more often.
                has_keys = bool(self._keys.verification_keys)
                await asyncio.sleep(JWKS_POLL_SECONDS if has_keys else POLL_INTERVAL_SECONDS)

    async def update(self) -> None:
        """Poll once; raises FetchError or InvalidKeySetError."""
        response = await fetch(
            self._client,
            self._url,
            max_bytes=MAX_JWKS_BYTES,
            timeout=_TIMEOUT_SECONDS,
            accept=(200, _NOT_MODIFIED),
            headers={} if self._etag is None else {"If-None-Match": self._etag},
        )
        if response.status == _NOT_MODIFIED:
            return
        published = KeySet.parse_published(response.content)
        self._keys.replace(published)
        self._etag = response.headers.get("ETag")
        log.info("jwks.loaded", kids=sorted(published.keys))
