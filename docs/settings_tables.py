"""The tables of a service's settings: the ones that matter first, then the rest by topic."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from doorward_client.settings import PREFIX, DoorwardSettings

_TOPICS: Final[Mapping[str, str]] = {
    "ProcessSettings": "Server",
    "ServiceSettings": "Server",
    "DatabaseSettings": "Database",
    "VerifierSettings": "Access tokens and revocation",
    "IdentitySettings": "Access tokens and revocation",
    "Argon2Settings": "Password hashing",
    "AuthSettings": "Sessions and registration",
    "RegistrationDomainSettings": "Sessions and registration",
    "AvatarSettings": "Pictures",
    "EventSettings": "Event streams",
    "OpenIdKeySettings": "OpenID Connect",
    "PageSettings": "Pages",
    "UpstreamSettings": "Upstreams",
    "VaultSettings": "Upstreams",
    "_TicketsDatabase": "Database",
    "MailSettings": "Mail",
    "MailTransportSettings": "Mail",
    "UsersSettings": "Directory",
    "TicketOptions": "Tickets",
    "TicketsSettings": "Tickets",
    "AdminSettings": "Administration",
    "RetentionSettings": "Administration",
    "StandaloneSettings": "One process",
}
"""By the class that first defines a setting; another class is its own topic."""

_TIMES: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"))
_KIB: Final = 1024


class UnknownSettingError(ValueError):
    """A setting that is named as important and does not exist."""


def settings_tables(
    settings: type[DoorwardSettings],
    important: Sequence[str],
    *,
    computed: Mapping[str, str] = MappingProxyType({}),
    only: Callable[[str], bool] = lambda _name: True,
) -> str:
    """Return one Markdown table of the important settings and one a topic of the others that `only` admits.

    `computed` has the defaults that are computed at the start. Raises UnknownSettingError.
    """
    fields = settings.model_fields
    if unknown := [name for name in (*important, *computed) if name not in fields]:
        raise UnknownSettingError(f"{settings.__name__} has no such settings: {', '.join(unknown)}")
    topics: dict[str, list[str]] = {}
    for name in fields:
        if name not in important and only(name):
            topics.setdefault(topic(settings, name), []).append(name)
    parts = [("Set these first", important), *sorted(topics.items())]
    return "\n\n".join(f"### {title}\n\n{_table(fields, names, computed)}" for title, names in parts)


def topic(settings: type[DoorwardSettings], name: str) -> str:
    """Name what a setting is about, by the class that first defines it."""
    owner = next(base for base in reversed(settings.__mro__) if name in vars(base).get("__annotations__", ()))
    words = re.findall(r"[A-Z][a-z0-9]*", owner.__name__.removesuffix("Settings").removesuffix("Options"))
    return _TOPICS.get(owner.__name__) or " ".join(words).capitalize()


def default_text(name: str, field: FieldInfo) -> str:
    """Return a setting's default as a person writes it, with its unit where that is easier to read."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    text = _text(default)
    if not text:
        return "not set"
    readable = _readable(name, default)
    return f"`{text}` ({readable})" if readable else f"`{text}`"


def _table(fields: Mapping[str, FieldInfo], names: Collection[str], computed: Mapping[str, str]) -> str:
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name in names:
        default = computed.get(name) or default_text(name, fields[name])
        description = (fields[name].description or "").replace("|", r"\|")
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {description} |")
    return "\n".join(rows)


def _text(default: Any) -> str:
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case Enum():
            return str(default.value)
        case SecretStr():
            raise ValueError("a secret with a default")
        case float() if default.is_integer():
            return str(int(default))
        case tuple() | list() | set() | frozenset():
            return ",".join(_text(part) for part in default)
        case _:
            return str(default)


def _readable(name: str, default: Any) -> str | None:
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    unit = name.rpartition("_")[2]
    if unit == "seconds":
        for seconds, word in _TIMES:
            if default >= seconds and default % seconds == 0:
                count = int(default // seconds)
                return f"{count} {word}{'' if count == 1 else 's'}"
    if unit in {"bytes", "kib"} and default >= _KIB and default % _KIB == 0:
        return f"{int(default // _KIB)} {'KiB' if unit == 'bytes' else 'MiB'}"
    return None
