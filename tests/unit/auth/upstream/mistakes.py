"""Settings of upstreams, and the error of a mistake in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from doorward_auth.upstream_adapters.settings.upstreams import parse_providers

EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "upstream" / "upstreams.json"
OIDC: dict[str, Any] = {
    "adapter": "oidc",
    "issuer": "https://login.example.com/realms/team",
    "client_id": "doorward",
    "token_auth_method": "none",
}
OAUTH2: dict[str, Any] = {
    "adapter": "oauth2",
    "authorization_endpoint": "https://git.example.com/authorize",
    "token_endpoint": "https://git.example.com/token",
    "userinfo_endpoint": "https://api.git.example.com/user",
    "client_id": "doorward",
    "token_auth_method": "none",
    "answer": {"subject": "/id", "username": "/login"},
}


def rest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))["theapi"]
    return found


def error_of(settings: object, name: str = "theapi") -> str:
    with pytest.raises(ValueError, match=r"^/") as rejected:
        parse_providers(json.dumps({name: settings}))
    return str(rejected.value)
