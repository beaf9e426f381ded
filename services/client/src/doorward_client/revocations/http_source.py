"""The revocation list of auth over HTTP, for services without the identity database."""

import time
from typing import Final

import structlog

from doorward_client.internal_http import AuthCredentials, fetch, internal_http_client
from doorward_client.revocations.models import (
    FetchedRevocations,
    RevocationEntries,
    RevocationListResponse,
)

log = structlog.get_logger(__name__)

MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""About 180,000 entries."""

_TIMEOUT_SECONDS: Final = 3.0
_LOG_INTERVAL_SECONDS: Final = 60.0
_NOT_MODIFIED: Final = 304


class HttpRevocationSource:
    """`GET /revocations` of auth, as a registered client.

    The response also has the issuer and audience of auth's tokens. A service with other settings rejects
    every token, so a difference is logged and is a problem until they agree once. A later difference is only
    a warning: auth is being reconfigured, and the earlier tokens are still valid.
    """

    def __init__(self, auth: AuthCredentials, *, issuer: str, audience: str) -> None:
        self._client = internal_http_client(auth=(auth.client_id, auth.client_secret))
        self._url = f"{auth.url}/revocations"
        self._etag: str | None = None
        self._issuer = issuer
        self._audience = audience
        self._difference: str | None = None
        self._did_agree = False
        self._logged_at = -_LOG_INTERVAL_SECONDS

    async def fetch(self) -> FetchedRevocations:
        """Poll once; raises FetchError, or ValueError for a response that is no list."""
        response = await fetch(
            self._client,
            self._url,
            max_bytes=MAX_LIST_BYTES,
            timeout=_TIMEOUT_SECONDS,
            accept=(200, _NOT_MODIFIED),
            headers={} if self._etag is None else {"If-None-Match": self._etag},
        )
        age = float(int(response.headers.get("Age", "0")))
        entries = RevocationEntries()
        if response.status != _NOT_MODIFIED:
            document = RevocationListResponse.parse(response.content)
            entries = document.entries
            self._difference = self._compare(document)
            self._did_agree = self._did_agree or self._difference is None
            self._etag = response.headers.get("ETag")
        self._log_difference()
        return FetchedRevocations(entries, age)

    def problem(self) -> str | None:
        return None if self._did_agree else self._difference

    def warning(self) -> str | None:
        return self._difference

    async def close(self) -> None:
        await self._client.aclose()

    def _compare(self, document: RevocationListResponse) -> str | None:
        if document.issuer != self._issuer:
            return f"DOORWARD_ISSUER is {self._issuer!r} here and {document.issuer!r} at auth"
        audiences = [document.audience] if isinstance(document.audience, str) else document.audience
        if self._audience not in audiences:
            expected = " or ".join(map(repr, audiences))
            return f"DOORWARD_AUDIENCE is {self._audience!r} here and {expected} at auth"
        return None

    def _log_difference(self) -> None:
        now = time.monotonic()
        if self._difference is not None and now - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._logged_at = now
            log.error("verification.misconfigured", problem=self._difference)
