"""PyJWT: ES256 access tokens with the published keys, while the signing key is replaced."""

import jwt
from installation import AUDIENCE, AUTH, log_in, report, rotate_keys

# The keys are read again for an unknown one; the pause between two reads is for servers that are attacked.
keys = jwt.PyJWKClient(f"{AUTH}/jwks.json", cooldown_duration=0)


def verify(token: str) -> dict[str, object]:
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=AUTH)


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def rejected(token: str, error: type[Exception]) -> bool:
    try:
        verify(token)
    except error:
        return True
    return False


old = log_in()["access_token"]
assert verify(old)["role"] == "admin"
assert jwt.get_unverified_header(old)["typ"] == "at+jwt"
new = rotate_keys(key_id)
assert key_id(new) != key_id(old)
assert verify(new)["role"] == "admin"  # a key that the client had not seen
assert verify(old)["role"] == "admin"  # tokens of the key before are valid until they expire

header, claims, signature = old.split(".")
assert rejected(f"{header}.{claims}.{new.split('.')[2]}", jwt.InvalidSignatureError)
assert rejected(f"{jwt.encode({}, 'x' * 32, headers={'kid': 'unknown'})}", jwt.PyJWKClientError)

report("pyjwt", "ES256 of jwks.json", "key rotation under way", "forged tokens rejected")
