"""Every route of every service, read from the OpenAPI documents."""

import re
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI

from integration.harness.installation import Installation

SQLITE_IN_MEMORY: Final = "sqlite://"


@dataclass(frozen=True)
class Route:
    """One operation of a service."""

    service: str
    method: str
    path: str
    schemes: tuple[str, ...]
    permissions: tuple[str, ...]
    body_types: tuple[str, ...]
    query: tuple[str, ...]
    errors: frozenset[tuple[int, str]]
    """The documented statuses with their codes."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_protected(self) -> bool:
        """Whether it requires an access token."""
        return "bearer" in self.schemes

    @property
    def has_id(self) -> bool:
        return "{" in self.path

    @property
    def takes_json(self) -> bool:
        return "application/json" in self.body_types

    @property
    def takes_image(self) -> bool:
        return "image/png" in self.body_types

    @property
    def takes_forms(self) -> bool:
        return "multipart/form-data" in self.body_types

    def at(self, identity: object) -> str:
        """Return the path with `identity` in place of its parameter."""
        return re.sub(r"\{\w+\}", str(identity), self.path)


def _read(service: str, app: FastAPI) -> list[Route]:
    return [
        Route(
            service,
            method.upper(),
            path,
            schemes=tuple(name for scheme in operation.get("security", []) for name in scheme),
            permissions=tuple(
                scope
                for scheme in operation.get("security", [])
                for scopes in scheme.values()
                for scope in scopes
            ),
            body_types=tuple(operation.get("requestBody", {}).get("content", {})),
            query=tuple(
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter["in"] == "query"
            ),
            errors=frozenset(
                (int(status), code)
                for status, response in operation["responses"].items()
                for content in response.get("content", {}).values()
                for code in content.get("examples", {})
            ),
        )
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def _all_routes() -> tuple[Route, ...]:
    installation = Installation(SQLITE_IN_MEMORY)  # never connected
    return (
        *_read("auth", installation.auth_app),
        *_read("users", installation.users_app),
        *_read("tickets", installation.tickets_app),
    )


ROUTES: Final = _all_routes()
PROTECTED: Final = tuple(route for route in ROUTES if route.is_protected)
# Where OpenID Connect is off, userinfo is 404 before a token is read: see integration/oidc/test_userinfo.py.
PROTECTED_WITHOUT_OPENID: Final = tuple(route for route in PROTECTED if not route.path.endswith("/userinfo"))
WITH_JSON: Final = tuple(route for route in ROUTES if route.takes_json)


def name_of(value: Any) -> str:
    """Name a route in a test's id."""
    return value.name if isinstance(value, Route) else str(value)
