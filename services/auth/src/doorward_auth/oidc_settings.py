"""The setting of the keys that sign for registered clients."""

import time
from pathlib import Path
from typing import Final

from pydantic import Field, field_validator

from doorward_client.keys.key_set import HS256, RS256, InvalidKeySetError, KeySet
from doorward_client.settings import DoorwardSettings
from doorward_kit.pem_keys import parse_key_set


class OpenIdKeySettings(DoorwardSettings):
    """Where the keys of OpenID Connect are."""

    oidc_jwks_file: Path | None = Field(
        default=None,
        description="Path of the private keys that sign id tokens, and access tokens of registered clients: a"
        " JWK set with RS256 and ES256 keys, made by `doorward rotate-key --set oidc`, or PEM (RSA of 2048"
        " bits or more, P-256). For auth alone; reloaded when the file changes. With `DOORWARD_PUBLIC_URL` it"
        " turns OpenID Connect on.",
    )

    @field_validator("oidc_jwks_file")
    @classmethod
    def _usable_oidc_keys(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_oidc_keys(value)
        return value


def read_oidc_keys(path: Path) -> KeySet:
    """Read the key set of a file; raises InvalidKeySetError."""
    try:
        key_set = parse_key_set(path.read_bytes())
    except OSError as error:
        raise InvalidKeySetError(f"names a file that cannot be read: {path} ({error.strerror})") from None
    problem = oidc_key_problem(key_set)
    if problem is not None:
        raise InvalidKeySetError(problem)
    return key_set


def oidc_key_problem(key_set: KeySet) -> str | None:
    """Return what a key set lacks to sign for clients, or None.

    Every client verifies RS256 (OpenID Connect Core section 15.1). A shared secret cannot be published.
    """
    if any(key.algorithm == HS256 for key in key_set.keys.values()):
        return "has an HS256 key, which clients cannot verify with"
    if key_set.signing_key(time.time(), RS256) is None:
        return f"has no {RS256} key that signs now; make one with `{MAKE_KEYS}`"
    return None


MAKE_KEYS: Final = "doorward rotate-key --set oidc"
