"""Reads access tokens, and signs them with a key set."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from doorward_auth.signing import Signer
from doorward_client import base64url
from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from integration.keys.mounted_secret import KeyDocument


def header_of(token: str) -> dict[str, Any]:
    """Return a token's header."""
    header: dict[str, Any] = json.loads(base64url.decode(token.split(".", maxsplit=1)[0]))
    return header


def expiry_of(token: str) -> int:
    """Return when a token expires, Unix seconds."""
    return int(json.loads(base64url.decode(token.split(".")[1]))["exp"])


def ring_of(document: KeyDocument) -> KeyStore:
    """Return the key store of a key set."""
    return KeyStore(KeySet.parse(json.dumps(document)))


def signed(
    document: KeyDocument,
    subject: uuid.UUID,
    *,
    role: str = "admin",
    seconds: int = 3600,
    token_version: int = 0,
) -> str:
    """Sign a token with the current signing key, like auth, or an attacker who has the key."""
    signer = Signer(ring_of(document), issuer="doorward", audience="doorward", lifetime=seconds)
    return signer.sign(
        user_id=subject,
        session_id=uuid.uuid4(),
        role=role,
        token_version=token_version,
        auth_time=datetime.now(UTC),
        acr="aal1",
        amr="pwd",
    )
