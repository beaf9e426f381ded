"""What is published of the keys and of the endpoints."""

import hashlib

from pydantic import BaseModel, Field

from doorward_auth.sign_in.grants import GRANTS
from doorward_client.errors import NotFoundError
from doorward_client.keys.key_store import KeyStore
from doorward_kit.etags import quote_etag


class JsonWebKeySet(BaseModel):
    """RFC 7517. Empty with HS256: a shared key is never published."""

    keys: list[dict[str, str]]


class ServerMetadata(BaseModel):
    """RFC 8414 section 2."""

    issuer: str = Field(examples=["https://api.example.com/api/v1/auth"])
    token_endpoint: str
    jwks_uri: str
    revocation_endpoint: str
    introspection_endpoint: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]


class NoMetadataError(NotFoundError):
    """404 unless the issuer is a URL: metadata is bound to one (RFC 8414 section 2)."""

    code = "issuer_is_no_url"
    detail = "Set DOORWARD_ISSUER to the address of this service, for every service, to publish metadata."


class DiscoveryService:
    """Describes the keys and the endpoints of one issuer."""

    def __init__(self, keys: KeyStore, *, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def key_set(self) -> tuple[JsonWebKeySet, str]:
        """Return the public keys that tokens may be signed with, and their entity tag."""
        public = [
            dict(key.public_jwk)
            for key in self._keys.verification_keys.values()
            if key.public_jwk is not None
        ]
        kids = ",".join(sorted(key["kid"] for key in public))
        return JsonWebKeySet(keys=public), quote_etag(hashlib.sha256(kids.encode("ascii")).hexdigest()[:16])

    def metadata(self) -> ServerMetadata:
        """Describe the server; raises NoMetadataError unless the issuer is a URL."""
        issuer = self._issuer
        if not issuer.startswith(("https://", "http://")):
            raise NoMetadataError
        return ServerMetadata(
            issuer=issuer,
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/jwks.json",
            revocation_endpoint=f"{issuer}/revoke",
            introspection_endpoint=f"{issuer}/introspect",
            grant_types_supported=list(GRANTS),
            response_types_supported=[],
            token_endpoint_auth_methods_supported=["none"],
            revocation_endpoint_auth_methods_supported=["client_secret_basic"],
            introspection_endpoint_auth_methods_supported=["client_secret_basic"],
        )
