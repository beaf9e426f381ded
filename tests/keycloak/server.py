"""A Keycloak with one realm, one client and two users, in memory."""

import html
import re
from pathlib import Path
from typing import Any, Final

import httpx2

from support.keycloak import KeycloakProcess

CLIENT_ID: Final = "doorward"
CLIENT_SECRET: Final = "the-client-secret-of-the-tests"
REDIRECT_URI: Final = "http://127.0.0.1/callback"
PUBLIC_URL: Final = "https://api.example.com"
"""Public URL of an installation whose upstream `kc` is this Keycloak."""
USERNAME: Final = "ada"
PASSWORD: Final = "engine number one"
WITHOUT_GROUPS: Final = "charles"
"""Another user, with the same password."""

_REALM: Final[dict[str, Any]] = {
    "realm": "team",
    "enabled": True,
    "sslRequired": "none",
    "revokeRefreshToken": True,
    "refreshTokenMaxReuse": 0,
    "accessTokenLifespan": 60,
    "groups": [{"name": "staff"}],
    "clients": [
        {
            "clientId": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "enabled": True,
            "standardFlowEnabled": True,
            "redirectUris": [REDIRECT_URI, f"{PUBLIC_URL}/api/v1/auth/upstream/kc/callback"],
            "attributes": {"pkce.code.challenge.method": "S256"},
            "protocolMappers": [
                {
                    "name": "groups",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-group-membership-mapper",
                    "config": {"claim.name": "groups", "full.path": "false", "id.token.claim": "true"},
                },
            ],
        }
    ],
    "users": [
        {
            "username": USERNAME,
            "email": "ada@example.com",
            "emailVerified": True,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "enabled": True,
            "groups": ["/staff"],
            "credentials": [{"type": "password", "value": PASSWORD}],
        },
        {
            "username": WITHOUT_GROUPS,
            "email": "charles@example.com",
            "firstName": "Charles",
            "lastName": "Babbage",
            "enabled": True,
            "credentials": [{"type": "password", "value": PASSWORD}],
        },
    ],
}


class Keycloak(KeycloakProcess):
    """In development mode, with the realm above."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder, _REALM, ["start-dev", "--db=dev-mem"], env={"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"}
        )

    def upstream_settings(self, folder: Path, secret: str = CLIENT_SECRET) -> dict[str, Any]:
        """Return the settings of this Keycloak as an upstream, whose secret is a file in the folder."""
        file = folder / "secret"
        file.write_text(secret + "\n", encoding="utf-8")
        return {
            "adapter": "oidc",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret_file": str(file),
            "timeout_seconds": 30,
            "claims": {"family_name": "/family_name"},
            "groups": "/groups",
            "roles": {"staff": "auditor"},
        }


async def log_in(url: str, *, username: str = USERNAME, password: str = PASSWORD) -> dict[str, str]:
    """Fill in the login page as a user does; return the parameters of the redirect."""
    async with httpx2.AsyncClient(timeout=60) as browser:
        page = await browser.get(url)
        form = re.search(r'action="([^"]+)"', page.text)
        assert form is not None, page.text
        # By hand, because the cookies are Secure: browsers send these to loopback addresses, httpx2 does not.
        cookies = "; ".join(one.partition(";")[0] for one in page.headers.get_list("set-cookie"))
        answer = await browser.post(
            html.unescape(form[1]),
            data={"username": username, "password": password},
            headers={"Cookie": cookies},
        )
        assert answer.status_code == 302, answer.text
        return dict(httpx2.URL(answer.headers["location"]).params)
