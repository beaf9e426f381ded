"""The grant types of `POST /token` (RFC 6749 section 4), by name: a new one is one more entry."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.grant_types import EMAIL_CODE, NEW_PASSWORD, PASSWORD, REFRESH_TOKEN
from doorward_auth.oidc.token.service import ClientTokenService
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.schemas import EmailCodeRequest, LoginRequest, NewPasswordRequest
from doorward_auth.sign_in.service import SignInService
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_auth.tokens.schemas import RefreshRequest
from doorward_auth.tokens.token_pair import TokenPair

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class GrantContext:
    """The context of a grant: the services, and the source and captcha of the request."""

    sign_ins: SignInService
    refreshes: RefreshService
    clients: ClientTokenService
    source: RequestSource
    captcha: CaptchaToken


@dataclass(frozen=True, slots=True)
class GrantHandler(Generic[M]):
    """A grant type: its parameters, and what it does. `form_names` are those that a form names otherwise."""

    parameters: type[M]
    handle: Callable[[GrantContext, M], Awaitable[TokenPair]]
    form_names: Mapping[str, str] = field(default_factory=dict)

    def from_form(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a form; it may have further fields (RFC 6749 section 3.2)."""
        names = {name: self.form_names.get(name, name) for name in self.parameters.model_fields}
        return {name: form[form_name] for name, form_name in names.items() if form_name in form}


async def _log_in(context: GrantContext, body: LoginRequest) -> TokenPair:
    return await context.sign_ins.log_in(
        body.email,
        body.password.get_secret_value(),
        None if body.device_token is None else body.device_token.get_secret_value(),
        context.captcha,
        context.source,
    )


async def _refresh(context: GrantContext, body: RefreshRequest) -> TokenPair:
    return await context.refreshes.refresh(body.refresh_token.get_secret_value())


async def _verify_email(context: GrantContext, body: EmailCodeRequest) -> TokenPair:
    return await context.sign_ins.verify_email(
        body.sign_in_token.get_secret_value(), body.pin.get_secret_value(), context.source
    )


async def _set_password(context: GrantContext, body: NewPasswordRequest) -> TokenPair:
    return await context.sign_ins.set_password(
        body.sign_in_token.get_secret_value(), body.new_password.get_secret_value(), context.source
    )


GRANTS: Final[Mapping[str, GrantHandler[Any]]] = {
    PASSWORD: GrantHandler(LoginRequest, _log_in, {"email": "username"}),
    REFRESH_TOKEN: GrantHandler(RefreshRequest, _refresh),
    EMAIL_CODE: GrantHandler(EmailCodeRequest, _verify_email),
    NEW_PASSWORD: GrantHandler(NewPasswordRequest, _set_password),
}


def json_schema() -> dict[str, Any]:
    """Describe the JSON bodies for OpenAPI; without `grant_type` it is a login."""
    return {"anyOf": [_json_schema(name, handler.parameters) for name, handler in GRANTS.items()]}


def form_schema() -> dict[str, Any]:
    """Describe the forms for OpenAPI."""
    properties: dict[str, Any] = {"grant_type": {"type": "string", "enum": list(GRANTS)}}
    for grant_type, handler in GRANTS.items():
        for name in handler.parameters.model_fields:
            properties[handler.form_names.get(name, name)] = {
                "type": "string",
                "description": f"With `{grant_type}`.",
            }
    return {"title": "TokenForm", "type": "object", "properties": properties}


def _json_schema(grant_type: str, parameters: type[BaseModel]) -> dict[str, Any]:
    schema = parameters.model_json_schema()
    grant = {"type": "string", "const": grant_type}
    is_default = grant_type == PASSWORD
    # A refresh has the same parameters at an endpoint of its own, there without `grant_type`.
    return {
        **schema,
        "title": schema["title"].removesuffix("Request") + "Grant",
        "properties": {"grant_type": grant, **schema["properties"]},
        "required": [*([] if is_default else ["grant_type"]), *schema["required"]],
    }
