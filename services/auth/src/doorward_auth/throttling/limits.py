"""What is limited, how much of it is free, and how long whoever does more has to wait.

After the free ones each further failure doubles the wait, so that guessing slows down to a few an hour
while somebody who mistyped waits a second (OWASP, "slow down online guessing attacks with device cookies").
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final

_IPV6_SITE: Final = 64
"""Bits that one subscriber has to himself: whoever rotates through the rest is one source."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on one kind of subject. Times are in seconds.

    `memory` is how long a subject is remembered after its last failure; with `is_budget` it is the
    length of a window that begins with the first one, and waiting means waiting for its end.
    """

    name: str
    free: int
    memory: int
    first_wait: int = 0
    longest_wait: int = 0
    is_budget: bool = False

    def waits(self) -> list[int]:
        """Return the waits after the failures past the free ones, up to the longest."""
        waits = [self.first_wait]
        while waits[-1] * 2 < self.longest_wait:
            waits.append(waits[-1] * 2)
        return waits


_QUARTER: Final = 900
_HOUR: Final = 3_600
_DAY: Final = 86_400

LOGIN_BY_STRANGERS: Final = Limit("login-account", 5, _HOUR, first_wait=1, longest_wait=_QUARTER)
"""Wrong passwords for one account, from all devices together that it does not know."""

LOGIN_BY_DEVICE: Final = Limit("login-device", 10, _HOUR, first_wait=1, longest_wait=_QUARTER)
"""Wrong passwords from one device that the account knows: strangers have no part in it."""

LOGIN_BY_SOURCE: Final = Limit("login-source", 50, _HOUR, first_wait=1, longest_wait=_QUARTER)
"""Wrong passwords from one address for whatever accounts: an office has one, too."""

CODE_GUESSES: Final = Limit("code-guesses", 20, _DAY, is_budget=True)
"""Wrong codes for one account; a new code does not give new guesses."""

CODES_BY_SOURCE: Final = Limit("code-source", 50, _HOUR, first_wait=1, longest_wait=_QUARTER)
"""Wrong codes from one address."""

MAILS_TO_ADDRESS: Final = Limit("mail-address", 5, _HOUR, is_budget=True)
"""Mails that anybody may have sent to one address."""

MAILS_BY_SOURCE: Final = Limit("mail-source", 30, _HOUR, is_budget=True)
"""Mails that one address may have sent to others."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody or something under a limit."""

    limit: Limit
    key: bytes

    @classmethod
    def of(cls, limit: Limit, what: str | bytes) -> "Subject":
        """Name a subject by a hash: neither addresses nor accounts are kept in clear."""
        raw = what.encode("utf-8", "surrogatepass") if isinstance(what, str) else what
        return cls(limit, hashlib.sha256(limit.name.encode("ascii") + b"\0" + raw).digest())

    @classmethod
    def of_source(cls, limit: Limit, address: str) -> "Subject":
        """Name the source that an address belongs to: an IPv4 address, or an IPv6 site."""
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address):
            site = ipaddress.ip_network((int(parsed) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE))
            return cls.of(limit, str(site))
        return cls.of(limit, str(parsed))
