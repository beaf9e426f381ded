"""Signs and verifies access tokens with the services' code, but without a service."""

import uuid
from datetime import UTC, datetime
from typing import Final

from doorward_auth.signing import Signer
from doorward_client.keys.key_store import KeyStore
from doorward_client.revocations.revocation_list import RevocationList
from doorward_client.tokens import Verifier
from support.services import SECRET_KEY

_ISSUER: Final = "doorward"
_TOKEN_SECONDS: Final = 7_200
"""Longer than any run."""


def new_signer() -> Signer:
    return Signer(_keys(), issuer=_ISSUER, audience=_ISSUER, lifetime=_TOKEN_SECONDS)


def new_verifier(revocations: RevocationList) -> Verifier:
    return Verifier(_keys(), issuer=_ISSUER, audience=_ISSUER, revocations=revocations)


def sign(signer: Signer, user_id: uuid.UUID, role: str) -> str:
    """Sign a token of a new session."""
    return signer.sign(
        user_id=user_id,
        session_id=uuid.uuid4(),
        role=role,
        token_version=0,
        auth_time=datetime.now(UTC),
        acr="aal1",
        amr="pwd",
    )


def _keys() -> KeyStore:
    return KeyStore.of_secret(SECRET_KEY)
