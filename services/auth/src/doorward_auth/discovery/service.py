"""What is published of the keys and of the endpoints."""

import hashlib

from doorward_auth.discovery.schemas import JsonWebKeySet, ServerMetadata
from doorward_client.errors import NotFoundError
from doorward_client.keys.key_store import KeyStore
from doorward_kit.etags import quote_etag


class NoMetadataError(NotFoundError):
    """404 while the issuer is a name and no address: metadata is bound to one (RFC 8414 section 2)."""

    code = "issuer_is_no_url"
    detail = "Set DOORWARD_ISSUER to the address of this service, for every service, to publish metadata."


def published_keys(keys: KeyStore) -> tuple[JsonWebKeySet, str]:
    """Return the public keys that tokens may be signed with, and their entity tag."""
    public = [dict(key.public_jwk) for key in keys.verification_keys.values() if key.public_jwk is not None]
    kids = ",".join(sorted(key["kid"] for key in public))
    return JsonWebKeySet(keys=public), quote_etag(hashlib.sha256(kids.encode("ascii")).hexdigest()[:16])


def server_metadata(issuer: str) -> ServerMetadata:
    """Describe the server at `issuer`; raises NoMetadataError unless that is a URL."""
    if not issuer.startswith(("https://", "http://")):
        raise NoMetadataError
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=f"{issuer}/token",
        jwks_uri=f"{issuer}/jwks.json",
        revocation_endpoint=f"{issuer}/revoke",
        introspection_endpoint=f"{issuer}/introspect",
        grant_types_supported=["password", "refresh_token"],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=["none"],
        revocation_endpoint_auth_methods_supported=["client_secret_basic"],
        introspection_endpoint_auth_methods_supported=["client_secret_basic"],
    )
