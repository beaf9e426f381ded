"""Access tokens made with hmac and json alone, because libraries reject to make most forgeries."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from doorward_client.keys.secret_strength import key_id
from integration.harness.installation import SECRET_KEY

TokenForgery = Callable[[str], str]
"""From a good access token to a forged one."""

_DEEP: Final = 1_500
ABSENT: Final = object()


def b64(raw: bytes) -> str:
    """Encode base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a token's header and claims."""
    header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(claims)


def sign(header: Any, claims: Any, *, secret: bytes = SECRET_KEY.encode(), digest: str = "sha256") -> str:
    """Sign any header and claims; bytes are used unchanged."""
    segments = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(map(b64, segments))
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), digest))}"


def good_token(user_id: str, **changes: Any) -> str:
    """Return a token that is accepted, unless `changes` of its claims prevent it."""
    now = int(time.time())
    claims = {
        "iss": "doorward",
        "aud": "doorward",
        "sub": user_id,
        "sid": str(uuid.uuid4()),
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 300,
        "role": "admin",
        "token_version": 0,
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not ABSENT}
    return sign({"alg": "HS256", "typ": "at+jwt", "kid": key_id(SECRET_KEY.encode())}, kept)


def with_header(changes: Mapping[str, Any], **options: Any) -> TokenForgery:
    """Change members of the header (ABSENT removes one) and sign again."""

    def forge(token: str) -> str:
        header, claims = parts(token)
        header = {name: value for name, value in {**header, **changes}.items() if value is not ABSENT}
        return sign(header, claims, **options)

    return forge


def with_claims(changes: Mapping[str, Any]) -> TokenForgery:
    """Change claims (ABSENT removes one) and sign again with the right key."""

    def forge(token: str) -> str:
        header, claims = parts(token)
        return sign(header, {name: v for name, v in {**claims, **changes}.items() if v is not ABSENT})

    return forge


def with_raw_claims(edit: Callable[[str], str]) -> TokenForgery:
    """Edit the claims' JSON text and sign again with the right key."""

    def forge(token: str) -> str:
        header, claims = parts(token)
        return sign(header, edit(json.dumps(claims)).encode("utf-8", "surrogatepass"))

    return forge


def unsigned(algorithm: str, signature: str = "") -> TokenForgery:
    """Claim an algorithm without a signature."""

    def forge(token: str) -> str:
        header, claims = parts(token)
        head = b64(json.dumps({**header, "alg": algorithm}).encode())
        return f"{head}.{b64(json.dumps(claims).encode())}.{signature}"

    return forge


def _deep_header(token: str) -> str:
    _, claims = parts(token)
    nested = b"[" * _DEEP + b"]" * _DEEP
    return sign(b'{"alg":"HS256","typ":"at+jwt","kid":"x","x":' + nested + b"}", claims)


def _quotes_header(token: str) -> str:
    """Within 4 KB, and expensive for a parser that searches the end of each string again."""
    _, claims = parts(token)
    return sign(b"[" * 33 + b'"' + b'\\"' * 900, claims)


def _swapped(token: str) -> str:
    header, claims, _ = token.split(".")
    return f"{claims}.{header}.{token.split('.')[2]}"


def _public_key_confusion(token: str) -> str:
    """Sign with the published key id, as in confusions of public keys with secrets."""
    header, claims = parts(token)
    return sign(header, claims, secret=str(header["kid"]).encode())


def _malleable(token: str) -> str:
    """Spell the same signature differently: the last character has two unused bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def text_forgeries() -> Iterator[tuple[str, TokenForgery]]:
    """Yield tokens with malformed text."""
    for name, suffix in {"!!": "!!", "dot": ".", "space": " x", "=": "=", "NUL": "%00", "é": "é"}.items():
        yield f"14 suffix {name}", lambda token, suffix=suffix: token + suffix  # type: ignore[misc]
    yield "14 other spelling of the signature", _malleable
    yield "empty", lambda _token: ""
    yield "two parts", lambda token: token.rpartition(".")[0]
    yield "no signature", lambda token: token.rpartition(".")[0] + "."
    yield "five parts", lambda token: token + ".x.y"
    yield "swapped parts", _swapped
    yield "not base64", lambda _token: "!.!.!"
    yield "not JSON", lambda _token: "AAAA.AAAA.AAAA"
    yield "too long", lambda token: token + "A" * 5_000
    yield "longest that is looked at", lambda token: (token + "A" * 5_000)[:4_096]
    yield (
        "flipped signature bit",
        lambda token: token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:],
    )
    yield (
        "other claims under the same signature",
        lambda token: ".".join(
            [
                token.split(".")[0],
                b64(json.dumps({**parts(token)[1], "role": "admin"}).encode() + b" "),
                token.split(".")[2],
            ]
        ),
    )
    yield "12 header nested 1,500 deep", _deep_header
    yield "12 header of quotes", _quotes_header
    yield "public key confusion", _public_key_confusion
    yield "hash of nothing", lambda token: token.rpartition(".")[0] + "." + b64(hashlib.sha256(b"").digest())
