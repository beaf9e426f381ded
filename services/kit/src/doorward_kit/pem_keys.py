"""Private keys in PEM (RFC 7468), as charts, certificate managers and OpenSSL write them, as a JWK set."""

import re
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from doorward_client.keys.key_set import InvalidKeySetError, KeySet
from doorward_kit.key_rotation import elliptic_jwk, rsa_jwk

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


def is_pem(text: bytes) -> bool:
    """Tell whether a file is PEM rather than JSON."""
    return text.lstrip().startswith(b"-----BEGIN ")


def parse_key_set(text: bytes) -> KeySet:
    """Read a JWK set or PEM; raises InvalidKeySetError."""
    return KeySet.parse(orjson.dumps(jwks_of_pem(text)) if is_pem(text) else text)


def jwks_of_pem(text: bytes) -> dict[str, Any]:
    """Return the private keys of a text as a JWK set: RSA for RS256, P-256 for ES256.

    Raises InvalidKeySetError for another kind of key, and for a key that a password protects.
    """
    return {"keys": [_jwk(match[0]) for match in _BLOCK.finditer(text)]}


def _jwk(block: bytes) -> dict[str, Any]:
    try:
        key = load_pem_private_key(block, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidKeySetError("has a PEM key that is damaged or needs a password") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return rsa_jwk(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return elliptic_jwk(key)
    raise InvalidKeySetError("has a PEM key that is neither RSA nor P-256")
