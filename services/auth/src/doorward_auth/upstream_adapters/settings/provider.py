"""The settings of one upstream: what DOORWARD_UPSTREAMS_FILE holds under its name.

Each member's description is what an error tells the operator to write.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.member_types import (
    ClaimName,
    FieldName,
    PictureHost,
    Pointer,
    RedirectUri,
    Scopes,
    SecretOfFile,
    SecretOfVariable,
    ShortText,
    Title,
)
from doorward_auth.upstream_adapters.urls import check_url
from doorward_client.permissions import Role
from doorward_kit.certificates import CaFile
from doorward_kit.routing import StrictModel

MAX_CLAIMS: Final = 16


class UpstreamModel(StrictModel):
    """A part of the upstreams' settings: rejects values of another type, too."""

    model_config = ConfigDict(frozen=True, strict=True)


class ProviderSettings(UpstreamModel):
    """The settings of every upstream."""

    title: Title | None = Field(
        default=None, description="its name in pages and mails, such as GitHub: 40 characters"
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=30, description="seconds for a whole request, up to 30"
    )
    max_connections: int = Field(
        default=36, ge=1, le=200, description="requests of users at once, and as many refreshes, 1 to 200"
    )
    ca_file: CaFile | None = Field(default=None, description="path of a PEM file of certificate authorities")
    allow_http: bool = Field(default=False, description="true to permit http:// to private addresses")
    sessions: Literal["independent", "bound"] = Field(
        default="independent",
        description="bound: sessions here end with the upstream's grant; or independent",
    )
    requests_per_second: float = Field(
        default=50.0, gt=0, le=1_000, description="requests a second of each auth process, up to 1000"
    )
    idle_days: float = Field(
        default=7.0,
        gt=0,
        le=365,
        description="days without use after which a session's tokens are refreshed only on demand",
    )
    keep_alive_hours: float | None = Field(
        default=None,
        gt=0,
        le=8_760,
        description="longest hours between two refreshes, for an upstream that expires unused refresh tokens",
    )
    refresh_token_reuse: bool = Field(
        default=False, description="true if a refresh token stays valid after its use"
    )
    claims: Annotated[dict[ClaimName, Pointer], Field(max_length=MAX_CLAIMS)] = Field(
        default_factory=dict, description='names in `ext` and JSON pointers: {"plan": "/user/plan"}'
    )
    groups: Pointer | None = Field(default=None, description="JSON pointer of the user's groups, for `roles`")
    roles: dict[ShortText, Role] = Field(
        default_factory=dict,
        description='groups and our roles, the one with most permissions wins: {"staff": "auditor"}',
    )
    missing_groups: Literal["no_groups", "keep_role"] = Field(
        default="no_groups",
        description="what a login without the groups means: no_groups, or keep_role if they are unknown",
    )
    token_readers: Annotated[tuple[ShortText, ...], Field(max_length=64)] = Field(
        default=(),
        description='service clients that may read tokens of users: ["billing"]',
    )

    picture_hosts: Annotated[tuple[PictureHost, ...], Field(max_length=16)] = Field(
        default=(),
        description='hosts that pictures of users are fetched from: ["lh3.googleusercontent.com"]',
    )

    @model_validator(mode="after")
    def _groups_and_roles_go_together(self) -> Self:
        if (self.groups is None) == bool(self.roles):
            raise ValueError("/roles and /groups go together: write both or neither")
        return self

    def _check_picture(self, pointer: JsonPointer | None) -> None:
        if self.picture_hosts and pointer is None:
            raise ValueError("/picture_hosts needs /answer/picture: write both")

    def _check_urls(self, urls: Mapping[str, str | None]) -> None:
        for name, url in urls.items():
            if url is None:
                continue
            try:
                check_url(url, allow_http=self.allow_http, allow_query=name.endswith("_endpoint"))
            except ValueError as error:
                raise ValueError(f"/{name}: {error}") from None


class UserPointers(UpstreamModel):
    """JSON pointers of an answer about a user."""

    subject: Pointer = Field(description="JSON pointer of the user's id, which never changes")
    username: Pointer | None = Field(default=None, description="JSON pointer of the user name")
    email: Pointer | None = Field(default=None, description="JSON pointer of the email address")
    email_verified: Pointer | None = Field(
        default=None, description="JSON pointer of `true` for a verified address"
    )
    name: Pointer | None = Field(default=None, description="JSON pointer of the display name")
    picture: Pointer | None = Field(default=None, description="JSON pointer of a picture's URL")


class TokenPointers(UpstreamModel):
    """JSON pointers of an answer with tokens."""

    access_token: Pointer = Field(description="JSON pointer of the access token")
    refresh_token: Pointer | None = Field(default=None, description="JSON pointer of the refresh token")
    id_token: Pointer | None = Field(default=None, description="JSON pointer of the id token")
    expires_in: Pointer | None = Field(
        default=None, description="JSON pointer of the access token's lifetime in seconds"
    )
    refresh_expires_in: Pointer | None = Field(
        default=None, description="JSON pointer of the refresh token's lifetime in seconds"
    )
    scope: Pointer | None = Field(default=None, description="JSON pointer of the granted scope")


class OAuthClientSettings(ProviderSettings):
    """The settings of an upstream with an OAuth token endpoint."""

    client_id: ShortText = Field(description="the client id that the upstream gave you")
    client_secret_file: SecretOfFile | None = Field(
        default=None, description="path of a file with the client secret"
    )
    client_secret_env: SecretOfVariable | None = Field(
        default=None, description="name of an environment variable with the client secret"
    )
    token_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        default="client_secret_basic", description="client_secret_basic, client_secret_post, or none"
    )
    scopes: Scopes = Field(default=(), description='scopes to ask for: ["read:user"]')
    redirect_uris: Annotated[tuple[RedirectUri, ...], Field(max_length=32)] = Field(
        default=(),
        description="URLs of your clients that a login may return to; of http://127.0.0.1/... any port",
    )
    authorization_parameters: dict[FieldName, ShortText] = Field(
        default_factory=dict, description='further parameters of the login page: {"prompt": "consent"}'
    )

    @property
    def client_secret(self) -> str | None:
        secret = self.client_secret_file or self.client_secret_env
        return secret.get_secret_value() if secret else None

    @model_validator(mode="after")
    def _secret_fits_method(self) -> Self:
        if self.client_secret_file and self.client_secret_env:
            raise ValueError("/client_secret_env: write it or client_secret_file, not both")
        if (self.token_auth_method == "none") == bool(self.client_secret):  # noqa: S105 - a method's name
            raise ValueError(
                "/client_secret_file: write client_secret_file or client_secret_env, or"
                ' "token_auth_method": "none" for a public client'
            )
        reserved = _RESERVED_PARAMETERS & self.authorization_parameters.keys()
        if reserved:
            raise ValueError(
                f"/authorization_parameters/{min(reserved)}: remove it, because Doorward sets it"
            )
        return self


_RESERVED_PARAMETERS: Final = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    }
)
