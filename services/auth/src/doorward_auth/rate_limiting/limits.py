"""The limits, and the keys that they count.

Guessing a password slows down to four guesses an hour, while a user who mistypes waits a second (OWASP,
"slow down online guessing attacks with device cookies").
"""

import hashlib
import ipaddress
import uuid
from dataclasses import dataclass
from typing import Final

from doorward_auth.rate_limiting.algorithms import ExponentialBackoff, FixedWindow, Limit

_IPV6_SITE_BITS: Final = 64
"""The part of an address that one subscriber shares: rotating the rest makes no new source."""

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400

LOGIN_UNKNOWN_DEVICES: Final = ExponentialBackoff(
    "login-account", 5, DAY, first_wait=1, longest_wait=15 * MINUTE
)
"""Wrong passwords for one account, from all unknown devices together."""

LOGIN_BY_DEVICE: Final = ExponentialBackoff("login-device", 10, DAY, first_wait=1, longest_wait=15 * MINUTE)
"""Wrong passwords from one device that the account knows, or from one session."""

LOGIN_BY_SOURCE: Final = FixedWindow("login-source", 100, HOUR)
"""Wrong passwords from one address, for any account.

Fixed window, not backoff: a whole office may share one address, and one client with a stale password must
not block every user behind it.
"""

CODE_GUESSES: Final = FixedWindow("code-guesses", 20, DAY)
"""Codes entered for one account; a new code gives no new guesses."""

CODES_BY_SOURCE: Final = FixedWindow("code-source", 50, HOUR)
"""Codes entered from one address."""

MAILS_TO_ADDRESS: Final = FixedWindow("mail-address", 5, HOUR)
"""Mails sent to one email address by requests without a login."""

MAILS_BY_SOURCE: Final = FixedWindow("mail-source", 30, HOUR)
"""Mails requested from one IP address."""

CAPTCHAS_BY_SOURCE: Final = FixedWindow("captcha-source", 60, HOUR)
"""Invalid captcha tokens from one address: each costs a request to the provider."""


@dataclass(frozen=True, slots=True)
class LimitKey:
    """A limit, and the hash of what it counts: no address and no account is stored in clear."""

    limit: Limit
    hash: bytes

    @classmethod
    def of(cls, limit: Limit, subject: str | uuid.UUID) -> "LimitKey":
        """Return the key of an email key, an id, or a source."""
        raw = subject.encode("utf-8", "surrogatepass") if isinstance(subject, str) else subject.bytes
        return cls(limit, hashlib.sha256(limit.name.encode("ascii") + b"\0" + raw).digest())

    @classmethod
    def of_source(cls, limit: Limit, ip_address: str) -> "LimitKey":
        """Return the key of a source: an IPv4 address, or an IPv6 network of 64 bits."""
        parsed = ipaddress.ip_address(ip_address)
        if isinstance(parsed, ipaddress.IPv6Address):
            network = int(parsed) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS
            return cls.of(limit, str(ipaddress.ip_network((network, _IPV6_SITE_BITS))))
        return cls.of(limit, str(parsed))
