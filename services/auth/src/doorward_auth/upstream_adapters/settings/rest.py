"""Settings of a `rest` upstream: its paths, fields, answers and errors."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from doorward_auth.upstream_adapters.settings.member_types import (
    BodyKind,
    FieldName,
    HeaderName,
    Pointer,
    SecretOfFile,
    SecretOfVariable,
    ShortText,
    UrlPath,
)
from doorward_auth.upstream_adapters.settings.provider import (
    ProviderSettings,
    TokenPointers,
    UpstreamModel,
    UserPointers,
)


class Operation(UpstreamModel):
    """A request of the upstream's API."""

    path: UrlPath = Field(description='path below base_url: "/api/login"')
    body: BodyKind = Field(description="multipart, form, or json")
    fields: Mapping[FieldName, str] = Field(description="the upstream's field names and ours")
    constants: dict[FieldName, ShortText] = Field(
        default_factory=dict, description='fields with the same value in every request: {"client": "web"}'
    )


class RegisterOperation(Operation):
    """Creates an account."""

    fields: Mapping[FieldName, Literal["email", "password", "name", "username"]] = Field(
        description="the upstream's field names and ours: email, password, name, username"
    )
    image_field: FieldName | None = Field(default=None, description="name of the field of the user's picture")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        _require(self.fields.values(), {"email", "password"})
        if self.image_field and self.body != "multipart":
            raise ValueError('/body: write "multipart", which image_field needs')
        return self


class LoginOperation(Operation):
    """Logs in."""

    fields: Mapping[FieldName, Literal["email", "username", "password"]] = Field(
        description="the upstream's field names and ours: email or username, password"
    )


class RefreshOperation(Operation):
    """Exchanges a refresh token. `answer` is for an answer of another shape than the login's."""

    fields: Mapping[FieldName, Literal["refresh_token"]] = Field(
        description='the upstream\'s field name and ours: {"refresh": "refresh_token"}'
    )
    answer: TokenPointers | None = Field(
        default=None, description="JSON pointers, if they differ from the login's"
    )

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        _require(self.fields.values(), {"refresh_token"})
        return self


class RevokeOperation(Operation):
    """Revokes tokens."""

    fields: Mapping[FieldName, Literal["refresh_token", "access_token"]] = Field(
        default_factory=dict, description="the upstream's field names and ours: refresh_token, access_token"
    )
    bearer: bool = Field(default=False, description="true to send the access token as the bearer token, too")


class ErrorMatch(UpstreamModel):
    """An answer with this status, and this value (or any) at the pointer if there is one."""

    status: Annotated[int, Field(ge=200, le=599)] = Field(description="HTTP status, such as 400")
    pointer: Pointer | None = Field(default=None, description="JSON pointer into the body")
    value: str | int | bool | None = Field(default=None, description="value at the pointer; any if left out")

    @model_validator(mode="after")
    def _check_value_place(self) -> Self:
        if self.value is not None and self.pointer is None:
            raise ValueError("/pointer: write where the value is")
        return self


class TakenMatch(ErrorMatch):
    """An error because an account with the value exists."""

    member: Literal["email", "name", "username"] | None = Field(
        default=None, description="our name of the field that is taken: email, name, or username"
    )


class RestErrors(UpstreamModel):
    """Which errors mean what. An empty list: none does."""

    taken: tuple[TakenMatch, ...] = Field(
        default=(TakenMatch(status=409),), max_length=16, description="a list of error answers"
    )
    wrong_password: tuple[ErrorMatch, ...] | None = Field(
        default=None, max_length=16, description="a list of error answers"
    )
    invalid_grant: tuple[ErrorMatch, ...] | None = Field(
        default=None, max_length=16, description="a list of error answers"
    )


class RestAnswer(UserPointers, TokenPointers):
    """JSON pointers of the answers to registration and login."""


class RestSettings(ProviderSettings):
    """A JSON or form API that registers, logs in and refreshes."""

    adapter: Literal["rest"] = Field(description="rest, oidc, or oauth2")
    base_url: str = Field(description="URL that every path is appended to: https://identity.example.com")
    login_by: Literal["email", "username"] = Field(default="email", description="email or username")
    register_: RegisterOperation | None = Field(
        default=None, alias="register", description="the request that creates an account"
    )
    login: LoginOperation = Field(description="the request that logs in")
    refresh: RefreshOperation | None = Field(
        default=None, description="the request that exchanges a refresh token"
    )
    revoke: RevokeOperation | None = Field(default=None, description="the request that revokes tokens")
    answer: RestAnswer = Field(description="JSON pointers of the answers' tokens and user")
    errors: RestErrors = Field(default_factory=RestErrors, description="which error answers mean what")
    api_key_header: HeaderName | None = Field(
        default=None, description="name of a header with an API key in every request"
    )
    api_key_file: SecretOfFile | None = Field(default=None, description="path of a file with the API key")
    api_key_env: SecretOfVariable | None = Field(
        default=None, description="name of an environment variable with the API key"
    )

    @property
    def api_key(self) -> str | None:
        secret = self.api_key_file or self.api_key_env
        return secret.get_secret_value() if secret else None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        self._check_urls({"base_url": self.base_url})
        self._check_picture(self.answer.picture)
        if set(self.login.fields.values()) != {self.login_by, "password"}:
            raise ValueError(f'/login/fields: write one field for "{self.login_by}" and one for "password"')
        if self.login_by == "username" and self.register_:
            _require(self.register_.fields.values(), {"username"}, at="/register/fields")
        if bool(self.refresh) != bool(self.answer.refresh_token):
            raise ValueError("/refresh and /answer/refresh_token go together: write both or neither")
        if bool(self.api_key_header) != bool(self.api_key):
            raise ValueError("/api_key_header goes with api_key_file or api_key_env: write both or neither")
        if self.api_key_file and self.api_key_env:
            raise ValueError("/api_key_env: write it or api_key_file, not both")
        return self


def _require(fields: Iterable[str], needed: set[str], *, at: str = "/fields") -> None:
    missing = needed - set(fields)
    if missing:
        raise ValueError(f'{at}: write a field for "{min(missing)}"')
