"""PBKDF2 (RFC 8018 section 5.2) as Django, Werkzeug and passlib write it, and in PHC form."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Self

from doorward_identity.passwords.hash_formats.fields import (
    CorruptHashError,
    UntruncatedHash,
    decode_base64,
    decode_passlib,
    match,
    require_lengths,
)

_DJANGO: Final = re.compile(
    r"pbkdf2_(?P<digest>sha1|sha256)\$(?P<iterations>[0-9]{1,10})\$(?P<salt>[^$]{1,128})\$(?P<hash>[^$]+)"
)
_PHC: Final = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha1|sha256|sha512))?\$i=(?P<iterations>[0-9]{1,10})(?:,l=[0-9]{1,3})?"
    r"\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)"
)
_PASSLIB: Final = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha256|sha512))?\$(?P<iterations>[0-9]{1,10})\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)"
)
_WERKZEUG: Final = re.compile(
    r"pbkdf2:(?P<digest>sha1|sha256|sha512):(?P<iterations>[0-9]{1,10})"
    r"\$(?P<salt>[^$]{1,128})\$(?P<hash>(?:[0-9a-f]{2})+)"
)
_BLOCK_BYTES: Final = {"sha1": 20, "sha256": 32, "sha512": 64}
_MOST_ITERATIONS: Final = 3_000_000


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash(UntruncatedHash):
    """A PBKDF2 hash whose cost is bounded."""

    digest: str
    iterations: int
    salt: bytes
    expected: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.iterations <= _MOST_ITERATIONS:
            raise CorruptHashError("too_costly")
        require_lengths(self.salt, self.expected)

    @classmethod
    def parse_django(cls, text: str) -> Self:
        """Read `pbkdf2_sha256$iterations$salt$hash`, the salt as it is; raises CorruptHashError."""
        found = match(_DJANGO, text)
        salt = found["salt"].encode("ascii")
        return cls(found["digest"], int(found["iterations"]), salt, decode_base64(found["hash"]))

    @classmethod
    def parse_werkzeug(cls, text: str) -> Self:
        """Read `pbkdf2:sha256:iterations$salt$hash`, the salt as it is, the hash in hex.

        Raises CorruptHashError.
        """
        found = match(_WERKZEUG, text)
        salt = found["salt"].encode("ascii")
        return cls(found["digest"], int(found["iterations"]), salt, bytes.fromhex(found["hash"]))

    @classmethod
    def parse_phc(cls, text: str) -> Self:
        """Read `$pbkdf2-sha512$i=iterations$salt$hash`, both in base64; raises CorruptHashError.

        Without a name the digest is SHA-1, as in Keycloak's `pbkdf2`. passlib leaves out `i=`, and has its
        own base64.
        """
        if (passlib := _PASSLIB.fullmatch(text)) is not None:
            salt, expected = decode_passlib(passlib["salt"]), decode_passlib(passlib["hash"])
            return cls(passlib["digest"] or "sha1", int(passlib["iterations"]), salt, expected)
        found = match(_PHC, text)
        salt, expected = decode_base64(found["salt"]), decode_base64(found["hash"])
        return cls(found["digest"] or "sha1", int(found["iterations"]), salt, expected)

    def matches(self, secret: bytes) -> bool:
        """Tell whether the hash was made of these bytes.

        Only the first block is computed: each costs all the iterations, depends on no other, and is at
        least 16 bytes long.
        """
        if b"\0" in secret:
            # HMAC pads its key with NUL, so that `a` and `a\0` have the same hash.
            return False
        length = min(len(self.expected), _BLOCK_BYTES[self.digest])
        block = hashlib.pbkdf2_hmac(self.digest, secret, self.salt, self.iterations, length)
        return hmac.compare_digest(block, self.expected[:length])
