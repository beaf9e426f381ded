"""Settings of `oidc` and `oauth2` upstreams."""

from typing import Literal, Self

from pydantic import Field, model_validator

from doorward_auth.upstream_adapters.settings.member_types import Scopes, ShortText
from doorward_auth.upstream_adapters.settings.provider import OAuthClientSettings, UserPointers

Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


class OidcSettings(OAuthClientSettings):
    """An OpenID provider. Its endpoints are discovered."""

    adapter: Literal["oidc"] = Field(description="rest, oidc, or oauth2")
    issuer: str = Field(description="the provider's issuer: https://login.example.com/realms/team")
    scopes: Scopes = Field(
        default=("openid", "profile", "email"), description='scopes to ask for, "openid" among them'
    )
    id_token_algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256"),
        min_length=1,
        description="algorithms of id tokens: RS256, RS384, RS512, ES256, ES384, ES512",
    )
    trusted_audiences: tuple[ShortText, ...] = Field(
        default=(), max_length=16, description="further audiences that an id token may name"
    )
    clock_skew_seconds: int = Field(
        default=60, ge=0, le=600, description="seconds that the clocks may differ, 0 to 600"
    )
    userinfo: bool = Field(default=False, description="true to read claims from the userinfo endpoint, too")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        self._check_urls({"issuer": self.issuer})
        if "openid" not in self.scopes:
            raise ValueError('/scopes: write "openid", too')
        return self


class OAuth2Settings(OAuthClientSettings):
    """An OAuth 2.0 server without id tokens, and an endpoint that describes the user."""

    adapter: Literal["oauth2"] = Field(description="rest, oidc, or oauth2")
    authorization_endpoint: str = Field(description="URL of the login page")
    token_endpoint: str = Field(description="URL that exchanges codes and refresh tokens")
    userinfo_endpoint: str = Field(description="URL that describes the user of an access token")
    revocation_endpoint: str | None = Field(default=None, description="URL that revokes tokens (RFC 7009)")
    pkce: bool = Field(default=True, description="false if the server rejects PKCE (RFC 7636)")
    answer: UserPointers = Field(description="JSON pointers of the userinfo endpoint's answer")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint")
        self._check_urls({name: getattr(self, name) for name in names})
        self._check_picture(self.answer.picture)
        return self
