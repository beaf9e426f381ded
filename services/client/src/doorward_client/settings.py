"""Settings from DOORWARD_ environment variables and mounted files.

DOORWARD_<NAME> comes before DOORWARD_<NAME>_FILE, which names a file with the value; its last line break is
removed.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX: Final = "DOORWARD_"
_VARIABLE: Final = re.compile(rf"{PREFIX}([A-Z0-9_]+)")
S = TypeVar("S", bound="DoorwardSettings")
Lookup = Callable[[str], str | None]
"""A source of settings: from a field's name to its text."""


class SettingsError(Exception):
    """The configuration is unusable; the message is one line that says what to set."""


class DoorwardSettings(BaseSettings):
    """Base of all settings: their sources."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # `VARIABLE: ${VARIABLE:-}` in a compose file is no setting
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def variable_of(cls, name: str) -> str:
        """Return the variable that a setting was read from, for errors."""
        variable = PREFIX + name.upper()
        file_variable = f"{variable}_FILE"
        is_file = not os.environ.get(variable) and os.environ.get(file_variable)
        return file_variable if is_file else variable

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `lookups` after the environment."""
        found_by = (LookupSource(settings_cls, lookup) for lookup in cls.lookups())
        return init_settings, env_settings, *found_by

    @classmethod
    def lookups(cls) -> Sequence[Lookup]:
        """Return what is asked, in order, for settings that the environment does not have."""
        return [_from_file]


class LookupSource(PydanticBaseSettingsSource):
    """A lookup as pydantic-settings reads it. Fields that an earlier source has set are not looked up."""

    def __init__(self, settings_cls: type[BaseSettings], lookup: Lookup) -> None:
        super().__init__(settings_cls)
        self._lookup = lookup

    def get_field_value(self, _field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, its key, and that the value needs no decoding."""
        return self._lookup(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        # pydantic-settings has `current_state` from 2.3 on. Before that, earlier sources win by the merge.
        known = getattr(self, "current_state", {})
        found = {name: self._lookup(name) for name in self.settings_cls.model_fields if name not in known}
        return {name: value for name, value in found.items() if value is not None}


def raw_value(value: object) -> str | None:
    """Return the text of a setting before its validation."""
    if value is None:
        return None
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _from_file(name: str) -> str | None:
    variable = f"{PREFIX}{name.upper()}_FILE"
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable} names a file that cannot be read: {path} ({error})") from None


def require_together(**settings: object) -> None:
    """Raise ValueError if some of these settings are set (not None), and others are not."""
    present = [PREFIX + name.upper() for name, value in settings.items() if value is not None]
    missing = [PREFIX + name.upper() for name, value in settings.items() if value is None]
    if present and missing:
        raise ValueError(f"{' and '.join(missing)} must be set, too, because {' and '.join(present)} is")


def load_settings(settings_class: type[S], **overrides: Any) -> S:
    """Read settings from the environment; raises SettingsError with one line for the operator."""
    try:
        return settings_class(**overrides)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(_format_error(problem, settings_class) for problem in error.errors())
        ) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _format_error(error: Mapping[str, Any], settings_class: type[DoorwardSettings]) -> str:
    message = _with_variables_that_are_set(str(error["msg"]), settings_class)
    if not error["loc"]:
        # An error of several settings together: its message names them.
        return message.removeprefix("Value error, ")
    name = str(error["loc"][0])
    variable = settings_class.variable_of(name)
    if error["type"] == "missing":
        return f"{variable} is not set (nor {variable}_FILE)"
    if error["type"] == "value_error":
        return f"{variable} {message.removeprefix('Value error, ')}"
    # A message of pydantic, which does not say what the setting is.
    field = settings_class.model_fields.get(name)
    expected = "" if field is None or not field.description else f"; expected: {field.description}"
    return f"{variable}: {message[:1].lower()}{message[1:]}{expected}"


def _with_variables_that_are_set(message: str, settings_class: type[DoorwardSettings]) -> str:
    """Name the variable that a setting was read from wherever a message names the setting."""

    def set_variable(named: re.Match[str]) -> str:
        name = named[1].lower()
        return settings_class.variable_of(name) if name in settings_class.model_fields else named[0]

    return _VARIABLE.sub(set_variable, message)
