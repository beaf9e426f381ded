"""The revocation list as JSON, rendered once for all verifiers that poll it."""

import time
import zlib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from doorward_client.revocations.models import dump_entries
from doorward_client.revocations.revocation_list import (
    RevocationList,
    RevocationsNotReadError,
    StaleRevocationsError,
)
from doorward_kit.etags import quote_etag

_CACHE_SECONDS: Final = 1.0
"""Lifetimes in a cached response are up to so much too long: an entry that expires later does no harm."""


class RevocationFeed:
    """Renders the list of this process, with the issuer and the audiences that verifiers may expect.

    `resources` returns the audiences other than Doorward's own, of tokens of registered clients.
    """

    def __init__(
        self,
        revocations: RevocationList,
        *,
        issuer: str,
        audience: str,
        resources: Callable[[], AbstractSet[str]] = frozenset,
    ) -> None:
        self._revocations = revocations
        self._issuer = issuer
        self._audience = audience
        self._resources = resources
        self._rendered = b""
        self._rendered_etag = ""
        self._rendered_at = float("-inf")

    @property
    def etag(self) -> str:
        """A tag of the content without lifetimes, equal on all replicas with the same entries."""
        expected = zlib.crc32(" ".join([self._issuer, *self._audiences()]).encode())
        return quote_etag(f"{self._revocations.fingerprint}-{expected:08x}")

    @property
    def age(self) -> int:
        """Seconds since the list was current; raises RevocationsNotReadError or StaleRevocationsError."""
        age = self._revocations.age()
        if age is None:
            raise RevocationsNotReadError
        if self._revocations.is_stale():
            raise StaleRevocationsError
        return round(age)

    def render(self) -> bytes:
        etag, now = self.etag, time.monotonic()
        if etag != self._rendered_etag or now - self._rendered_at > _CACHE_SECONDS:
            self._rendered = dump_entries(
                self._revocations.snapshot(),
                next_cursor=None,
                issuer=self._issuer,
                audience=self._audiences(),
            )
            self._rendered_etag, self._rendered_at = etag, now
        return self._rendered

    def _audiences(self) -> list[str]:
        return [self._audience, *sorted(self._resources() - {self._audience})]
