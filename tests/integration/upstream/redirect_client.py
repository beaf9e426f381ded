"""A client of logins at an OpenID provider's own pages."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal

from doorward_identity.tables import upstream_revocations
from integration.harness.deployment import wait_until
from integration.harness.installation import Installation
from integration.upstream.installation import UPSTREAM, installed_with
from support.openid_provider import CLIENT_ID, OpenIdProvider, openid_provider

PUBLIC_URL: Final = "https://api.example.com"
CLIENT_URL: Final = "https://app.example.com/callback"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Client:
    """An application and the user's browser."""

    def __init__(self, api: Installation, provider: OpenIdProvider) -> None:
        self.api = api
        self.provider = provider

    def begin(self, **changes: Any) -> httpx2.Response:
        body = {"redirect_uri": CLIENT_URL, "code_challenge": CHALLENGE, "state": "mine", **changes}
        return self.api.call("POST", f"{UPSTREAM}/kc/authorization", json=body)

    def browse(self, *, prompt: str | None = None, **changes: str) -> httpx2.Response:
        """Log in at the provider; return the answer of the callback."""
        url = httpx2.URL(self.begin(prompt=prompt).json()["authorization_url"])
        self.provider.nonce = url.params["nonce"]
        returned = {"state": url.params["state"], "code": "upstream-code", **changes}
        return self.api.call("GET", f"{UPSTREAM}/kc/callback", params=returned, follow_redirects=False)

    def code(self) -> str:
        return str(query_of(self.browse())["code"])

    def revoked(self) -> list[str]:
        """Return the tokens that were revoked at the provider, once there are no more to revoke."""
        wait_until(lambda: not self.pending_revocations(), "revoked")
        return self.revocation_requests()

    def pending_revocations(self) -> int:
        """Count the tokens that are to be revoked."""
        return len(self.api.execute(sa.select(upstream_revocations.c.id)))

    def revocation_requests(self) -> list[str]:
        """Return the tokens of the requests so far."""
        return [form["token"] for form in self.provider.forms("/revoke")]

    def redeem(self, code: str, verifier: str = VERIFIER, **options: Any) -> httpx2.Response:
        body = {"code": code, "code_verifier": verifier}
        return self.api.call("POST", f"{UPSTREAM}/kc/token", json=body, **options)


def query_of(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    location = httpx2.URL(response.headers["location"])
    assert str(location).startswith(CLIENT_URL + "?")
    return dict(location.params)


@contextmanager
def redirect_client(
    folder: Path, changes: dict[str, Any] | None = None, **overrides: Any
) -> Iterator[Client]:
    """Start every service with a provider as the upstream `kc`, whose settings are changed by `changes`.

    Overrides go to the services' settings.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(openid_provider()) as provider,
    ):
        settings = {
            "adapter": "oidc",
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "token_auth_method": "none",
            "redirect_uris": [CLIENT_URL, "http://127.0.0.1/done"],
            "claims": {"team": "/team"},
            "groups": "/groups",
            "roles": {"auditors": "auditor", "admins": "admin"},
            **(changes or {}),
        }
        with installed_with(folder, {"kc": settings}, public_url=PUBLIC_URL, **overrides) as api:
            yield Client(api, provider)
