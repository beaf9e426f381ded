"""What is limited, and who is under a limit.

After the free ones each further wrong password doubles the wait, so that guessing slows down to four an
hour while somebody who mistyped waits a second (OWASP, "slow down online guessing attacks with device
cookies").
"""

import hashlib
import ipaddress
import uuid
from dataclasses import dataclass
from typing import Final

from doorward_auth.rate_limiting.algorithms import Backoff, Budget, Limit

_IPV6_SITE: Final = 64
"""Bits that one subscriber has to himself: whoever rotates through the rest is one source."""

_QUARTER: Final = 900
_HOUR: Final = 3_600
_DAY: Final = 86_400

LOGIN_UNKNOWN_DEVICES: Final = Backoff("login-account", 5, _DAY, first_wait=1, longest_wait=_QUARTER)
"""Wrong passwords for one account, from all devices together that it does not know."""

LOGIN_BY_DEVICE: Final = Backoff("login-device", 10, _DAY, first_wait=1, longest_wait=_QUARTER)
"""Wrong passwords from one device that the account knows: strangers have no part in it."""

LOGIN_BY_SOURCE: Final = Budget("login-source", 100, _HOUR)
"""Wrong passwords from one address for whatever accounts.

An office has one, too. So it is a budget, which comes back: one program there that keeps trying an old
password, now and then and for ever, must not come to block everybody beside it.
"""

CODE_GUESSES: Final = Budget("code-guesses", 20, _DAY)
"""Codes entered for one account; a new code does not give new guesses."""

CODES_BY_SOURCE: Final = Budget("code-source", 50, _HOUR)
"""Codes entered from one address."""

MAILS_TO_ADDRESS: Final = Budget("mail-address", 5, _HOUR)
"""Mails that anybody may have sent to one address."""

MAILS_BY_SOURCE: Final = Budget("mail-source", 30, _HOUR)
"""Mails that one address may have sent to others."""

CAPTCHAS_BY_SOURCE: Final = Budget("captcha-source", 60, _HOUR)
"""Tokens of a captcha from one address that did not count: each is a request to somebody else's service."""

KEPT: Final = frozenset({CODE_GUESSES, CODES_BY_SOURCE})
"""Counted in the database wherever the others are: six digits stand few guesses, and a cache forgets."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody or something under a limit."""

    limit: Limit
    key: bytes

    @classmethod
    def of(cls, limit: Limit, what: str | uuid.UUID) -> "Subject":
        """Name a subject by a hash: neither addresses nor accounts are kept in clear."""
        raw = what.encode("utf-8", "surrogatepass") if isinstance(what, str) else what.bytes
        return cls(limit, hashlib.sha256(limit.name.encode("ascii") + b"\0" + raw).digest())

    @classmethod
    def of_source(cls, limit: Limit, address: str) -> "Subject":
        """Name the source that an address belongs to: an IPv4 address, or an IPv6 site."""
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address):
            site = ipaddress.ip_network((int(parsed) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE))
            return cls.of(limit, str(site))
        return cls.of(limit, str(parsed))
