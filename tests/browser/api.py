"""The API of an installation, called without the browser."""

import json
import urllib.request
from typing import Any, Final
from urllib.parse import urlencode

from browser.pages import ADMIN_EMAIL, ADMIN_PASSWORD
from support.standalone import Standalone

_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def register(server: Standalone, callback: str, client_id: str, **members: Any) -> str:
    """Register a client of another team; return its authorization request."""
    token = post(server, "/token", {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})["access_token"]
    client = {
        "client_id": client_id,
        "name": "Wiki",
        "kind": "public",
        "redirect_uris": [callback],
        "scopes": ["openid", "email"],
        **members,
    }
    bearer = f"Bearer {token}"
    post(server, "/clients", client, Authorization=bearer)
    post(server, "/logout", {}, Authorization=bearer)
    request = {
        "client_id": client_id,
        "redirect_uri": callback,
        "response_type": "code",
        "scope": " ".join(client["scopes"]),
        "code_challenge": _CHALLENGE,
        "code_challenge_method": "S256",
        "state": "a b&c=d",
    }
    return f"{server.url}/api/v1/auth/authorize?{urlencode(request)}"


def post(server: Standalone, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Send JSON to auth; return its answer."""
    request = urllib.request.Request(
        f"{server.url}/api/v1/auth{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.loads(response.read() or "{}")
    return answer
