"""A rotation of the vault's keys: the documents of the key file."""

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from doorward_auth.vault.keys import ALGORITHM, KEY_BYTES, MAX_KEYS, InvalidVaultKeysError
from doorward_client import base64url
from doorward_client.keys.secret_strength import key_id


def new_key(*, activate_at: int = 0) -> dict[str, Any]:
    """Generate a key that seals from a Unix time on."""
    secret = secrets.token_bytes(KEY_BYTES)
    times = {"activate_at": activate_at} if activate_at else {}
    key = {"kty": "oct", "alg": ALGORITHM, "use": "enc", "kid": key_id(secret)}
    return {**key, "k": base64url.encode(secret), **times}


def with_key(document: Mapping[str, Any], *, activate_at: int) -> dict[str, Any]:
    """Add a key in front; raises InvalidVaultKeysError for a full set."""
    if len(document["keys"]) >= MAX_KEYS:
        raise InvalidVaultKeysError(f"has {MAX_KEYS} keys already")
    return {**document, "keys": [new_key(activate_at=activate_at), *document["keys"]]}


def without_keys(document: Mapping[str, Any], kids: Collection[str]) -> dict[str, Any]:
    """Remove the keys with these ids."""
    return {**document, "keys": [key for key in document["keys"] if _id_of(key) not in kids]}


def _id_of(member: Mapping[str, Any]) -> str:
    return key_id(base64url.decode(member["k"]))
