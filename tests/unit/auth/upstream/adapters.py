"""Adapters of scripted upstreams."""

import json
from typing import Any, Final

from doorward_auth.upstream.providers import Adapter, create_adapter
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.rest import RestSettings
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from support.scripted_upstream import ScriptedUpstream

REST: Final[dict[str, Any]] = {
    "adapter": "rest",
    "register": {
        "path": "/api/register",
        "body": "multipart",
        "fields": {"username": "email", "email": "email", "password": "password", "name": "name"},
        "image_field": "image",
    },
    "login": {
        "path": "/api/login",
        "body": "json",
        "fields": {"username": "email", "password": "password"},
    },
    "refresh": {
        "path": "/api/token/refresh",
        "body": "form",
        "fields": {"refresh": "refresh_token"},
    },
    "answer": {
        "access_token": "/access",
        "refresh_token": "/refresh",
        "expires_in": "/expires_in",
        "refresh_expires_in": "/refresh_expires_in",
        "subject": "/user/id",
        "username": "/user/username",
    },
    "claims": {"plan": "/user/plan"},
}

LOGIN: Final[dict[str, Any]] = {
    "access": "access-1",
    "refresh": "refresh-1",
    "expires_in": 60,
    "user": {"id": 7, "username": "ada@example.com", "plan": "free"},
}
"""A good answer to a registration or login."""

_made: Final[list[Adapter]] = []


def adapter_of(settings: dict[str, Any]) -> Adapter:
    adapter = create_adapter("theapi", parse_providers(json.dumps({"theapi": settings}))["theapi"])
    _made.append(adapter)
    return adapter


async def close_adapters() -> None:
    """Close every adapter that a test has made."""
    while _made:
        await _made.pop().close()


def rest_adapter(upstream: ScriptedUpstream, **changes: Any) -> RestAdapter:
    adapter = adapter_of({**REST, "base_url": upstream.url, **changes})
    assert isinstance(adapter, RestAdapter)
    return adapter


def rest_settings(**changes: Any) -> RestSettings:
    settings = {**REST, "base_url": "https://identity.example.com", **changes}
    parsed = parse_providers(json.dumps({"theapi": settings}))["theapi"]
    assert isinstance(parsed, RestSettings)
    return parsed
