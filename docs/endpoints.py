"""The table of a service's endpoints, from its OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

METHODS: Final = ("get", "post", "put", "patch", "delete")

_CALLERS: Final[Mapping[tuple[str, str], str]] = {
    ("http", "basic"): "registered service",
    ("http", "bearer"): "signed in",
}


class UnknownSchemeError(ValueError):
    """A security scheme that the tables have no word for."""


def endpoints_table(document: Mapping[str, Any]) -> str:
    """Return a Markdown table of an OpenAPI document's operations; raises UnknownSchemeError."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    rows = ["| request | does | who may call |", "|---|---|---|"]
    for path, operations in document["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                who = callers(operation.get("security"), schemes)
                rows.append(f"| `{method.upper()} {path}` | {operation['summary']} | {who} |")
    return "\n".join(rows)


def callers(security: Sequence[Mapping[str, Sequence[str]]] | None, schemes: Mapping[str, Any]) -> str:
    """Name who may call an operation: a scheme's callers, or the permissions that it asks for."""
    scopes: dict[str, list[str]] = {}
    for requirement in security or ():
        for scheme, required in requirement.items():
            scopes.setdefault(scheme, []).extend(required)
    if not scopes:
        return "anyone"
    return " or ".join(
        ", ".join(f"`{scope}`" for scope in dict.fromkeys(required)) or _caller(scheme, schemes[scheme])
        for scheme, required in scopes.items()
    )


def _caller(name: str, scheme: Mapping[str, Any]) -> str:
    try:
        return _CALLERS[scheme["type"], scheme.get("scheme", "")]
    except KeyError:
        raise UnknownSchemeError(
            f"docs/endpoints.py has no word for the callers of {name}: {scheme}"
        ) from None
