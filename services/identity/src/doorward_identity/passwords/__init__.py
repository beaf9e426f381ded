"""Passwords: which are acceptable, and the only code that hashes and verifies them.

| module | what it is |
|---|---|
| `policy` | what a new password must be; `NewPassword` for bodies, `require_acceptable` for services |
| `blocklist`, `context_words` | passwords that attackers try first |
| `hashing` | Argon2id in a thread pool |
| `hash_formats` | the hashes that can be verified: current ones, and imported ones |
"""

from doorward_identity.passwords.hash_formats import CorruptHashError, parse
from doorward_identity.passwords.hash_formats.keycloak import from_keycloak
from doorward_identity.passwords.hashing import PasswordHashing
from doorward_identity.passwords.normalization import MAXIMUM_LENGTH, MINIMUM_LENGTH, normalize
from doorward_identity.passwords.policy import (
    ADVISED_LENGTH,
    NewPassword,
    UnacceptablePasswordError,
    require_acceptable,
)

__all__ = [
    "ADVISED_LENGTH",
    "MAXIMUM_LENGTH",
    "MINIMUM_LENGTH",
    "CorruptHashError",
    "NewPassword",
    "PasswordHashing",
    "UnacceptablePasswordError",
    "from_keycloak",
    "normalize",
    "parse",
    "require_acceptable",
]
