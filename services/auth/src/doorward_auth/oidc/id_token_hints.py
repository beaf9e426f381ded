"""Id tokens that clients send back as a hint of who was signed in (OpenID Connect RP-Initiated Logout)."""

import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from doorward_auth.oidc.signing import ID_TOKEN_TYPE
from doorward_client import base64url, strict_json
from doorward_client.keys.key_set import Key
from doorward_client.keys.key_store import KeyStore

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ"})
_MAX_LENGTH: Final = 8_192


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """The client, user and session of an id token that this issuer signed."""

    client_id: str
    user_id: uuid.UUID
    session_id: uuid.UUID


def read_hint(keys: KeyStore, issuer: str, text: str) -> IdTokenHint | None:
    """Return what an id token of this issuer says; None for every other text.

    Its expiry does not matter: a hint grants nothing, and users sign out after hours.
    """
    parts = _COMPACT.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if parts is None:
        return None
    try:
        key = _key_of(keys, strict_json.loads(base64url.decode(parts[1])))
        signed = f"{parts[1]}.{parts[2]}".encode("ascii")
        if key is None or not key.verifying.verify(signed, base64url.decode(parts[3])):
            return None
        claims = strict_json.loads(base64url.decode(parts[2]))
        if claims["iss"] != issuer:
            return None
        return IdTokenHint(str(claims["aud"]), uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]))
    except Exception:  # noqa: BLE001 - a text that cannot be read is no hint, whatever is wrong with it
        return None


def _key_of(keys: KeyStore, header: Any) -> Key | None:
    if header.keys() != _HEADER_MEMBERS or header["typ"] != ID_TOKEN_TYPE:
        return None
    key = keys.verification_keys.get(header["kid"])
    return key if key is not None and header["alg"] == key.algorithm else None
