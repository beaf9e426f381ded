"""A hand-written OpenID provider on a scripted server: one user, tokens that a test may forge at will."""

import base64
import functools
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk
from jose.backends.base import Key

from support.scripted_upstream import Received, Reply, ScriptedUpstream, answer, scripted_upstream

CLIENT_ID: Final = "doorward"
ACCESS_TOKEN: Final = "access-1"


@functools.cache
def rsa_pem(_number: int = 1, bits: int = 2048) -> bytes:
    """An RSA key, made once: numbers name different ones."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


@functools.cache
def ec_pem() -> bytes:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@functools.cache
def _key(pem: bytes, algorithm: str) -> Key:
    return jwk.construct(pem.decode(), algorithm)


def public_jwk(pem: bytes, algorithm: str, **members: Any) -> dict[str, Any]:
    found = _key(pem, algorithm).public_key().to_dict()
    return {
        name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()
    } | members


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def signed(header: object, payload: object, key: bytes, algorithm: str) -> str:
    """A JWS of a header and payload: objects or bytes as they are."""
    segments = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(encode(part) for part in segments)
    signature = _key(key, algorithm).sign(text.encode("ascii"))
    return f"{text}.{encode(signature)}"


def at_hash(access_token: str = ACCESS_TOKEN) -> str:
    return encode(hashlib.sha256(access_token.encode()).digest()[:16])


@dataclass
class OpenIdProvider:
    """Its documents may be changed between requests."""

    upstream: ScriptedUpstream
    keys: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: Reply = field(default_factory=lambda: answer(404))
    revocation: Reply = field(default_factory=lambda: answer(200))
    token_answer: dict[str, Any] | Reply | None = None
    nonce: str = ""

    def __post_init__(self) -> None:
        self.upstream.otherwise = self._serve
        self.keys = [public_jwk(rsa_pem(), "RS256", kid="k1", use="sig")]

    @property
    def issuer(self) -> str:
        return self.upstream.url

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "revocation_endpoint": f"{self.issuer}/revoke",
            **self.metadata,
        }

    def payload(self) -> dict[str, Any]:
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "sub": "user-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "at_hash": at_hash(),
            "preferred_username": "ada",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
            **self.claims,
        }
        return {name: value for name, value in good.items() if value is not ...}

    def id_token(self) -> str:
        header = {"alg": "RS256", "kid": "k1", "typ": "JWT", **self.header}
        return signed(header, self.payload(), rsa_pem(), "RS256")

    def requests(self, path: str) -> list[Received]:
        return [request for request in self.upstream.received if request.target.partition("?")[0] == path]

    def forms(self, path: str) -> list[dict[str, str]]:
        return [
            {
                name: value
                for name, (value,) in parse_qs(request.body.decode(), keep_blank_values=True).items()
            }
            for request in self.requests(path)
        ]

    def _serve(self, request: Received) -> Reply:
        documents: dict[str, Callable[[], Reply]] = {
            "/.well-known/openid-configuration": lambda: answer(200, self.discovery()),
            "/jwks": lambda: answer(200, {"keys": self.keys}),
            "/token": self._tokens,
            "/userinfo": lambda: self.userinfo,
            "/revoke": lambda: self.revocation,
        }
        return documents[request.target]()

    def _tokens(self) -> Reply:
        if isinstance(self.token_answer, Reply):
            return self.token_answer
        return answer(
            200,
            {
                "access_token": ACCESS_TOKEN,
                "token_type": "Bearer",
                "refresh_token": "refresh-1",
                "expires_in": 60,
                "id_token": self.id_token(),
                **(self.token_answer or {}),
            },
        )


@asynccontextmanager
async def openid_provider() -> AsyncIterator[OpenIdProvider]:
    async with scripted_upstream() as upstream:
        yield OpenIdProvider(upstream)
