"""Bodies of logins at an upstream's own pages."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from doorward_auth.pkce import CHALLENGE_PATTERN
from doorward_identity.upstream_tables import CLIENT_STATE_LENGTH, REDIRECT_URI_LENGTH
from doorward_kit.routing import StrictModel


class UpstreamAuthorizationRequest(StrictModel):
    """A login to begin."""

    redirect_uri: str = Field(
        min_length=1,
        max_length=REDIRECT_URI_LENGTH,
        description="Where the browser goes afterwards: one of the upstream's `redirect_uris`.",
        examples=["https://app.example.com/callback"],
    )
    code_challenge: str = Field(
        pattern=CHALLENGE_PATTERN,
        description="BASE64URL(SHA-256(code_verifier)), RFC 7636: the method S256.",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    )
    state: Annotated[str, StringConstraints(min_length=1, max_length=CLIENT_STATE_LENGTH)] | None = Field(
        default=None, description="Comes back with the code."
    )
    prompt: Literal["login"] | None = Field(
        default=None,
        description="`login`: the user must log in there anew. Only an `oidc` upstream can be asked for it.",
    )


class UpstreamAuthorizationResponse(BaseModel):
    """Where to send the user's browser."""

    authorization_url: str
    expires_in: int = Field(description="Seconds until the login must have returned.", examples=[600])


class UpstreamCodeRequest(StrictModel):
    """The one-time code that the browser brought, and the secret of who began."""

    code: SecretStr = Field(min_length=1, max_length=128)
    code_verifier: Annotated[SecretStr, Field(min_length=43, max_length=128)]
