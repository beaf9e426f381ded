"""Signs and verifies access tokens with the services' code, but without a service."""

import uuid
from typing import Final

from doorward_auth.signing import Signer
from doorward_common.keys.ring import KeyRing
from doorward_common.revocations.memory import Revocations
from doorward_common.tokens import Verifier
from support.services import SECRET_KEY

_ISSUER: Final = "doorward"
_TOKEN_SECONDS: Final = 7_200
"""Longer than any run."""


def new_signer() -> Signer:
    return Signer(_keys(), issuer=_ISSUER, audience=_ISSUER, lifetime=_TOKEN_SECONDS)


def new_verifier(revocations: Revocations) -> Verifier:
    return Verifier(_keys(), issuer=_ISSUER, audience=_ISSUER, revocations=revocations)


def sign(signer: Signer, user_id: uuid.UUID, role: str) -> str:
    """Sign a token of a new session."""
    return signer.sign(user_id=user_id, session_id=uuid.uuid4(), role=role, epoch=0)


def _keys() -> KeyRing:
    return KeyRing.of_secret(SECRET_KEY)
