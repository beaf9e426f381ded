"""Settings of upstreams: none unless DOORWARD_UPSTREAMS_FILE names a file."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from doorward_auth.upstream_adapters.settings.oauth import OAuth2Settings, OidcSettings
from doorward_auth.upstream_adapters.settings.rest import RestSettings
from doorward_client import strict_json
from doorward_client.settings import DoorwardSettings

AnyProviderSettings = RestSettings | OidcSettings | OAuth2Settings

MAX_PROVIDERS: Final = 32
MAX_FILE_LENGTH: Final = 262_144

RESERVED_NAMES: Final = frozenset(
    {"callback", "doorward", "events", "link", "local", "me", "password", "register", "token"}
)
"""Names that are ours in URLs and in the audit log."""

_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")
_ADAPTERS: Final[Mapping[str, type[AnyProviderSettings]]] = {
    "rest": RestSettings,
    "oidc": OidcSettings,
    "oauth2": OAuth2Settings,
}
_SECRET_NAMES: Final = {"client_secret": "client_secret", "api_key": "api_key"}
_MAX_ERRORS: Final = 10


class UpstreamSettings(DoorwardSettings):
    """Identity APIs and OpenID providers whose users may log in here."""

    upstreams: SecretStr | None = Field(
        default=None,
        description="Other systems whose users may log in: a JSON object of names and their settings"
        " (docs/upstream.md). Unset: none.",
    )

    @field_validator("upstreams")
    @classmethod
    def _usable_upstreams(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_providers(value.get_secret_value())
        return value

    @cached_property
    def providers(self) -> Mapping[str, AnyProviderSettings]:
        """The settings of each upstream by its name."""
        return parse_providers(self.upstreams.get_secret_value()) if self.upstreams else {}

    @cached_property
    def upstream_titles(self) -> Mapping[str, str]:
        """The name of each upstream as users read it, by its name in the settings."""
        return {
            name: provider.title or name.replace("-", " ").title()
            for name, provider in self.providers.items()
        }


def parse_providers(text: str) -> dict[str, AnyProviderSettings]:
    """Read a JSON object of upstreams.

    Raises ValueError that names for each mistake the place, as a JSON pointer, and what to write there.
    """
    if len(text) > MAX_FILE_LENGTH:
        raise ValueError(f"is longer than {MAX_FILE_LENGTH} characters")
    try:
        document = strict_json.loads(text.encode("utf-8"))
    except strict_json.InvalidJsonError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError('is not a JSON object of names and settings: {"theapi": {"adapter": "rest", ...}}')  # noqa: TRY004 - as pydantic wants it
    if len(document) > MAX_PROVIDERS:
        raise ValueError(f"names more than {MAX_PROVIDERS} upstreams")
    return {name: _parse_provider(name, value) for name, value in document.items()}


def _parse_provider(name: str, value: object) -> AnyProviderSettings:
    place = f"/{_escape(name)}"
    if not _NAME.fullmatch(name):
        raise ValueError(f"{place}: write a name of 1 to 32 letters a-z, digits and hyphens")
    if name in RESERVED_NAMES:
        raise ValueError(f"{place}: write another name, because this one is reserved")
    if not isinstance(value, dict):
        raise ValueError(f'{place}: write an object: {{"adapter": "rest", ...}}')  # noqa: TRY004 - as pydantic wants it
    adapter = value.get("adapter")
    model = _ADAPTERS.get(adapter) if isinstance(adapter, str) else None
    if model is None:
        raise ValueError(f"{place}/adapter: write rest, oidc, or oauth2")
    try:
        # From JSON, because strict models accept lists for tuples and text for enums there alone.
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        mistakes = [_format(mistake, place, model) for mistake in error.errors()[:_MAX_ERRORS]]
        raise ValueError("; ".join(mistakes)) from None


def _format(mistake: Mapping[str, Any], place: str, model: type[BaseModel]) -> str:
    location: Sequence[str | int] = mistake["loc"]
    path = place + "".join(f"/{_escape(str(part))}" for part in location if part != "[key]")
    text = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "value_error":
        # A message that begins with a place is of an object's members together.
        return f"{path}{text}" if text.startswith("/") else f"{path} {text}"
    hint = _description(model, location)
    if mistake["type"] == "missing":
        return f"{path} is missing: write {hint}"
    if mistake["type"] == "extra_forbidden":
        return f"{path} {_unknown_member(str(location[-1]))}"
    return f"{path}: {text[:1].lower()}{text[1:]}; write {hint}"


def _unknown_member(name: str) -> str:
    if name in _SECRET_NAMES:
        return f"does not belong into this file: write {name}_file or {name}_env"
    return "is unknown: remove it"


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """Return the description of the innermost member on the way to a mistake."""
    found = ""
    for part in location:
        names = {field.alias or name: field for name, field in model.model_fields.items()}
        field = names.get(str(part))
        if field is None:
            break
        found = field.description or found
        inner = next(_models(field.annotation), None)
        if inner is None:
            break
        model = inner
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation such as `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
