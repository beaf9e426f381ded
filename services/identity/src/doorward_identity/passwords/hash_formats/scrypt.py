"""scrypt (RFC 7914) as Django, Werkzeug and passlib write it."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Self

from doorward_identity.passwords.hash_formats.fields import (
    CorruptHashError,
    UntruncatedHash,
    decode_base64,
    match,
    require_lengths,
)

_DJANGO: Final = re.compile(
    r"scrypt\$(?P<n>[0-9]{1,10})\$(?P<salt>[^$]{1,128})"
    r"\$(?P<r>[0-9]{1,10})\$(?P<p>[0-9]{1,10})\$(?P<hash>[^$]+)"
)
_WERKZEUG: Final = re.compile(
    r"scrypt:(?P<n>[0-9]{1,10}):(?P<r>[0-9]{1,10}):(?P<p>[0-9]{1,10})"
    r"\$(?P<salt>[^$]{1,128})\$(?P<hash>(?:[0-9a-f]{2})+)"
)
_PHC: Final = re.compile(
    r"\$scrypt\$ln=(?P<ln>[0-9]{1,2}),r=(?P<r>[0-9]{1,10}),p=(?P<p>[0-9]{1,10})"
    r"\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)"
)
_MOST_MEMORY: Final = 2**27
"""Bytes, 128 * N * r: those of N=2^17, r=8, the most that OWASP advises."""
_MOST_WORK: Final = 2**21
"""N * r * p: a second of one core. Django's default is a third of that, Werkzeug's an eighth."""
_SMALLEST_N: Final = 2
_LARGEST_R: Final = 64
_LARGEST_P: Final = 64


@dataclass(frozen=True, slots=True)
class ScryptHash(UntruncatedHash):
    """A scrypt hash whose memory and time are bounded."""

    n: int
    r: int
    p: int
    salt: bytes
    expected: bytes

    def __post_init__(self) -> None:
        if self.n < _SMALLEST_N or self.n & (self.n - 1) or self.r < 1 or self.p < 1:
            raise CorruptHashError("malformed")
        require_lengths(self.salt, self.expected)
        if (
            self.r > _LARGEST_R
            or self.p > _LARGEST_P
            or 128 * self.n * self.r > _MOST_MEMORY
            or self.n * self.r * self.p > _MOST_WORK
        ):
            raise CorruptHashError("too_costly")

    @classmethod
    def parse_django(cls, text: str) -> Self:
        """Read `scrypt$N$salt$r$p$hash`, the salt as it is; raises CorruptHashError."""
        found = match(_DJANGO, text)
        salt = found["salt"].encode("ascii")
        return cls(int(found["n"]), int(found["r"]), int(found["p"]), salt, decode_base64(found["hash"]))

    @classmethod
    def parse_werkzeug(cls, text: str) -> Self:
        """Read `scrypt:N:r:p$salt$hash`, the salt as it is, the hash in hex; raises CorruptHashError."""
        found = match(_WERKZEUG, text)
        salt = found["salt"].encode("ascii")
        return cls(int(found["n"]), int(found["r"]), int(found["p"]), salt, bytes.fromhex(found["hash"]))

    @classmethod
    def parse_phc(cls, text: str) -> Self:
        """Read `$scrypt$ln=log2(N),r=r,p=p$salt$hash`, both in base64; raises CorruptHashError."""
        found = match(_PHC, text)
        salt, expected = decode_base64(found["salt"]), decode_base64(found["hash"])
        return cls(2 ** int(found["ln"]), int(found["r"]), int(found["p"]), salt, expected)

    def matches(self, secret: bytes) -> bool:
        """Tell whether the hash was made of these bytes."""
        if b"\0" in secret:
            # HMAC, which scrypt starts with, pads its key with NUL: `a` and `a\0` have the same hash.
            return False
        made = hashlib.scrypt(
            secret,
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            # OpenSSL counts some blocks more than the two arrays of RFC 7914.
            maxmem=2 * _MOST_MEMORY,
            dklen=len(self.expected),
        )
        return hmac.compare_digest(made, self.expected)
