"""The hashes that can be verified: Argon2id, and imported ones.

| where from | text |
|---|---|
| here, PHP, Ruby, Go, ... (PHC) | `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, also `argon2i` and `argon2d` |
| PHP, Node, Java, ... (crypt) | `$2b$12$...`, also `$2a$` and `$2y$` |
| Django | `argon2$argon2id$...`, `bcrypt$$2b$...`, `bcrypt_sha256$$2b$...` |
| Django | `pbkdf2_sha256$...`, `pbkdf2_sha1$...`, `scrypt$...` |
| Werkzeug (Flask) | `pbkdf2:sha256:600000$salt$hash`, also `sha1`, `sha512`; `scrypt:32768:8:1$salt$hash` |
| passlib | `$pbkdf2-sha256$29000$salt$hash`, also `-sha512`, SHA-1; `$scrypt$ln=16,r=8,p=1$salt$hash` |
| Keycloak (see `keycloak`) | `$pbkdf2-sha512$i=210000$salt$hash`, also `-sha256`, `-sha1` |
| Keycloak | Argon2 in PHC form |

An imported hash is verified by its own algorithm until its user logs in and it is replaced (but see
`proves`). The cost of a verification is bounded, whatever the row says: about one second of a core for most,
two at worst, and twice that if the password has two spellings. A hash that costs more, or is incomplete, is
corrupt.
"""

from collections.abc import Callable
from typing import Final, Protocol

from doorward_identity.passwords.hash_formats.argon2 import Argon2Hash, Argon2Limits
from doorward_identity.passwords.hash_formats.bcrypt import BcryptHash
from doorward_identity.passwords.hash_formats.fields import CorruptHashError
from doorward_identity.passwords.hash_formats.pbkdf2 import Pbkdf2Hash
from doorward_identity.passwords.hash_formats.scrypt import ScryptHash

__all__ = ["LONGEST_TEXT", "Argon2Limits", "CorruptHashError", "StoredHash", "parse"]


class StoredHash(Protocol):
    """A hash that can be verified at a bounded cost."""

    def matches(self, secret: bytes) -> bool:
        """Tell whether the hash was made of these bytes; raises CorruptHashError."""

    def proves(self, secret: bytes) -> bool:
        """Tell whether no other password than these bytes matches when they do.

        If not, a hash of these bytes must not replace the stored one: it would reject the password.
        """


LONGEST_TEXT: Final = 255  # the column `credentials.password_hash`
_BOUNDED: Final = Argon2Limits()
_FOREIGN: Final[dict[str, Callable[[str], StoredHash]]] = {
    "$2": BcryptHash.parse,
    "bcrypt": BcryptHash.parse,
    "$pbkdf2": Pbkdf2Hash.parse_phc,
    "pbkdf2_": Pbkdf2Hash.parse_django,
    "pbkdf2:": Pbkdf2Hash.parse_werkzeug,
    "scrypt$": ScryptHash.parse_django,
    "scrypt:": ScryptHash.parse_werkzeug,
    "$scrypt$": ScryptHash.parse_phc,
}


def parse(text: str, limits: Argon2Limits = _BOUNDED) -> StoredHash:
    """Read a stored hash; raises CorruptHashError for what is none, not whole or too costly.

    `limits` bounds Argon2, whose parameters are ours to raise.
    """
    if not text.isascii() or len(text) > LONGEST_TEXT:
        raise CorruptHashError("not_storable")
    if text.startswith(("$argon2", "argon2$")):
        return Argon2Hash.parse(text, limits)
    for prefix, read in _FOREIGN.items():
        if text.startswith(prefix):
            return read(text)
    raise CorruptHashError("unknown_format")
