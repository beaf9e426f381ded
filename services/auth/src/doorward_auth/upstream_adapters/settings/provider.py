"""The settings of one upstream: what DOORWARD_UPSTREAMS_FILE holds under its name.

Each member's description is what an error tells the operator to write.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    StringConstraints,
    model_validator,
)

from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.picture_hosts import check_picture_host
from doorward_auth.upstream_adapters.urls import check_url
from doorward_client.permissions import Role
from doorward_kit.routing import StrictModel

MAX_CLAIMS: Final = 16
_MAX_SECRET_LENGTH: Final = 4096
_HTTP_HEADERS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)


def _pointer(value: object) -> JsonPointer:
    if isinstance(value, JsonPointer):
        return value
    if not isinstance(value, str):
        raise ValueError('is no JSON pointer (RFC 6901): write one like "/user/id"')  # noqa: TRY004 - as pydantic wants it
    return JsonPointer(value)


def _secret(text: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or len(secret) > _MAX_SECRET_LENGTH or not (secret.isascii() and secret.isprintable()):
        raise ValueError(f"holds no secret of 1 to {_MAX_SECRET_LENGTH} printable ASCII characters")
    return secret


def _secret_of_file(path: object) -> str:
    try:
        return _secret(Path(str(path)).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error})") from None


def _secret_of_variable(name: object) -> str:
    if str(name) not in os.environ:
        raise ValueError(f"names an environment variable that is not set: {name}")
    return _secret(os.environ[str(name)])


def _settable_header(name: str) -> str:
    if name.lower() in _HTTP_HEADERS:
        raise ValueError("is a header that HTTP itself needs: write another")
    return name


def _certificates(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"names a file without usable certificates: {path} ({error})") from None
    return path


Pointer = Annotated[JsonPointer, PlainValidator(_pointer)]
SecretOfFile = Annotated[SecretStr, BeforeValidator(_secret_of_file)]
SecretOfVariable = Annotated[SecretStr, BeforeValidator(_secret_of_variable)]
CaFile = Annotated[str, AfterValidator(_certificates)]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[!-\"$-~]{0,255}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,64}$")]
ClaimName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$"), AfterValidator(_settable_header)
]
Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]{1,128}$")]
RedirectUri = Annotated[
    str,
    StringConstraints(
        max_length=512,
        pattern=r"^(https://[!-\"$-~]+|http://(127\.0\.0\.1|\[::1\])(:\d{1,5})?/[!-\"$-~]*|[a-z][a-z0-9+.-]*\.[a-z0-9+.-]*:/[!-\"$-~]+)$",
    ),
]
"""HTTPS, a loopback address (RFC 8252 section 7.3), or a private-use scheme (section 7.1)."""
Scopes = Annotated[tuple[Scope, ...], Field(max_length=32)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=512)]
PictureHost = Annotated[
    str, StringConstraints(to_lower=True, max_length=260), AfterValidator(check_picture_host)
]
Title = Annotated[str, StringConstraints(pattern=r"^\S(.{0,38}\S)?$")]
BodyKind = Literal["multipart", "form", "json"]


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
