"""Bodies about keys and endpoints."""

from pydantic import BaseModel, Field


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
