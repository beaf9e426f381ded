"""joserfc: ES256 access tokens with the published keys, while the signing key is replaced."""

import base64
import json
import urllib.request

from installation import AUDIENCE, AUTH, log_in, report, rotate_keys
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError
from joserfc.jwk import KeySet

rules = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": AUTH},
    aud={"essential": True, "value": AUDIENCE},
    exp={"essential": True},
)


def published() -> KeySet:
    with urllib.request.urlopen(f"{AUTH}/jwks.json", timeout=60) as response:
        return KeySet.import_key_set(json.load(response))


def verify(token: str, keys: KeySet) -> jwt.Token:
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    rules.validate(decoded.claims)
    return decoded


def key_id(token: str) -> str:
    return str(json.loads(urlsafe(token.split(".", maxsplit=1)[0]))["kid"])


def urlsafe(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def rejected(token: str, keys: KeySet, error: type[Exception]) -> bool:
    try:
        verify(token, keys)
    except error:
        return True
    return False


keys = published()
old = log_in()["access_token"]
assert verify(old, keys).header["typ"] == "at+jwt"
assert verify(old, keys).claims["role"] == "admin"
new = rotate_keys(key_id)
assert rejected(new, keys, InvalidKeyIdError)  # so an application reads the keys again
keys = published()
assert verify(new, keys).claims["role"] == "admin"
assert verify(old, keys).claims["role"] == "admin"

header, claims, _ = old.split(".")
assert rejected(f"{header}.{claims}.{new.split('.')[2]}", keys, BadSignatureError)

report("joserfc", "ES256 of jwks.json", "key rotation under way", "forged tokens rejected")
