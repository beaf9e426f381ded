"""The published documents: the public keys, and the metadata of the endpoints."""

import hashlib

from pydantic import BaseModel, Field

from doorward_auth import pkce
from doorward_auth.grant_types import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from doorward_auth.oidc.client_authentication import AuthenticationMethod
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.scopes import OPENID_SCOPES
from doorward_client.keys.key_store import KeyStore
from doorward_kit.etags import quote_etag

_ANY_METHOD = [method.value for method in AuthenticationMethod]
_WITH_SECRET = [AuthenticationMethod.BASIC.value, AuthenticationMethod.POST.value]


class JsonWebKeySet(BaseModel):
    """RFC 7517. A shared key (HS256) is never published."""

    keys: list[dict[str, str]]


class ServerMetadata(BaseModel):
    """OpenID Connect Discovery section 3, RFC 8414 section 2, and RFC 9207 section 3."""

    issuer: str = Field(examples=["https://id.example.com/api/v1/auth"])
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    scopes_supported: list[str] = Field(default=list(OPENID_SCOPES))
    response_types_supported: list[str] = ["code"]
    response_modes_supported: list[str] = ["query"]
    grant_types_supported: list[str] = [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS]
    subject_types_supported: list[str] = ["public"]
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str] = _ANY_METHOD
    revocation_endpoint_auth_methods_supported: list[str] = _ANY_METHOD
    introspection_endpoint_auth_methods_supported: list[str] = _WITH_SECRET
    code_challenge_methods_supported: list[str] = [pkce.METHOD]
    prompt_values_supported: list[str] = ["none", "login", "consent", "select_account"]
    acr_values_supported: list[str] = ["aal1"]
    claims_supported: list[str] = [
        *("iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "at_hash", "sid"),
        *("name", "preferred_username", "email", "email_verified", "groups"),
    ]
    authorization_response_iss_parameter_supported: bool = True
    backchannel_logout_supported: bool = True
    backchannel_logout_session_supported: bool = True
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    request_uri_parameter_supported: bool = False
    require_request_uri_registration: bool = False


class DiscoveryService:
    """Describes the keys and the endpoints of one issuer."""

    def __init__(self, keys: KeyStore, provider: OpenIdProvider) -> None:
        self._keys = keys
        self._provider = provider

    def key_set(self) -> tuple[JsonWebKeySet, str]:
        """Return the public keys that tokens may be signed with, of both key sets, and their entity tag."""
        stores = [self._keys, *([self._provider.keys] if self._provider.is_on else [])]
        valid = {kid: key for store in stores for kid, key in store.verification_keys.items()}
        public = [dict(key.public_jwk) for key in valid.values() if key.public_jwk is not None]
        kids = ",".join(sorted(key["kid"] for key in public))
        return JsonWebKeySet(keys=public), quote_etag(hashlib.sha256(kids.encode("ascii")).hexdigest()[:16])

    def metadata(self) -> ServerMetadata:
        """Describe the server; raises OidcNotConfiguredError."""
        issuer = self._provider.issuer
        algorithms = sorted(
            {key.algorithm for key in self._provider.keys.verification_keys.values()}, reverse=True
        )
        return ServerMetadata(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorize",
            token_endpoint=f"{issuer}/token",
            userinfo_endpoint=f"{issuer}/userinfo",
            jwks_uri=f"{issuer}/jwks.json",
            end_session_endpoint=f"{issuer}/end-session",
            revocation_endpoint=f"{issuer}/revoke",
            introspection_endpoint=f"{issuer}/introspect",
            id_token_signing_alg_values_supported=algorithms,
        )
