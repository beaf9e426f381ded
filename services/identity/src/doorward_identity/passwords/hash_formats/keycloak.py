"""Keycloak's credentials, as `kc.sh export` and its admin API write them, in one line of text.

Keycloak keeps two JSON texts for a password: `credentialData` has the algorithm and its cost, `secretData`
the salt and the hash. Both together would not fit the column. They are imported as PHC strings, which other
systems read and write too:

    $pbkdf2-sha512$i=210000$salt$hash
    $argon2id$v=19$m=7168,t=5,p=1$salt$hash

Keycloak hashes UTF-8 as it was typed. It may pad short passwords with NUL, which PBKDF2 cannot see.
"""

from typing import Any, Final

from doorward_client import strict_json
from doorward_identity.passwords.hash_formats import parse
from doorward_identity.passwords.hash_formats.fields import CorruptHashError, decode_base64, encode_base64

_PBKDF2: Final = frozenset({"pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"})
_VERSIONS: Final = {"1.0": 16, "1.3": 19}


def from_keycloak(credential_data: str, secret_data: str) -> str:
    """Return the text to import for a Keycloak password; raises CorruptHashError."""
    try:
        data, secret = _members(credential_data), _members(secret_data)
        text = _phc(data, decode_base64(secret["salt"]), decode_base64(secret["value"]))
    except (KeyError, TypeError, AttributeError, IndexError):
        raise CorruptHashError("malformed") from None
    parse(text)
    return text


def _members(text: str) -> dict[str, Any]:
    try:
        members = strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except strict_json.InvalidJsonError:
        raise CorruptHashError("malformed") from None
    if not isinstance(members, dict):
        raise CorruptHashError("malformed")
    return members


def _phc(data: dict[str, Any], salt: bytes, value: bytes) -> str:
    tail = f"{encode_base64(salt)}${encode_base64(value)}"
    algorithm, iterations = data["algorithm"], data["hashIterations"]
    if algorithm in _PBKDF2:
        return f"${algorithm}$i={iterations}${tail}"
    if algorithm != "argon2":
        raise CorruptHashError("unknown_format")
    # Each is a list of one text.
    parameters = {name: values[0] for name, values in data["additionalParameters"].items()}
    variant, version = parameters["type"], _VERSIONS[parameters["version"]]
    memory, lanes = parameters["memory"], parameters["parallelism"]
    return f"$argon2{variant}$v={version}$m={memory},t={iterations},p={lanes}${tail}"
