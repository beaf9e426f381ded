"""A Keycloak with one realm, one client and one user, in memory."""

import html
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Final

import httpx2

from support.ports import free_port
from support.probes import http_status
from support.processes import Process
from support.requirements import refuse

CLIENT_ID: Final = "doorward"
CLIENT_SECRET: Final = "the-client-secret-of-the-tests"
REDIRECT_URI: Final = "http://127.0.0.1/callback"
USERNAME: Final = "ada"
PASSWORD: Final = "engine number one"

_VERSION: Final = "26.7.3"
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
            "redirectUris": [REDIRECT_URI],
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
        }
    ],
}


class Keycloak(Process):
    """Runs from a copy of the distribution, because Keycloak writes into its folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/realms/team"
        home = folder / "keycloak"
        shutil.copytree(_distribution(), home, copy_function=_link)
        imports = home / "data" / "import"
        imports.mkdir(parents=True)
        (imports / "team-realm.json").write_text(json.dumps(_REALM), encoding="utf-8")
        super().__init__(
            "keycloak",
            [
                *(home / "bin" / "kc.sh", "start-dev", "--db=dev-mem", "--import-realm"),
                *(f"--http-port={self.port}", "--http-host=127.0.0.1"),
            ],
            log=folder / "keycloak.log",
            ready=lambda: http_status(self.port, "/realms/team/.well-known/openid-configuration") == 200,
            env={"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"},
        )


async def log_in(url: str, *, password: str = PASSWORD) -> dict[str, str]:
    """Fill in the login page as a user does; return the parameters of the redirect."""
    async with httpx2.AsyncClient(timeout=60) as browser:
        page = await browser.get(url)
        form = re.search(r'action="([^"]+)"', page.text)
        assert form is not None, page.text
        # By hand, because the cookies are Secure: browsers send these to loopback addresses, httpx2 does not.
        cookies = "; ".join(one.partition(";")[0] for one in page.headers.get_list("set-cookie"))
        answer = await browser.post(
            html.unescape(form[1]),
            data={"username": USERNAME, "password": password},
            headers={"Cookie": cookies},
        )
        assert answer.status_code == 302, answer.text
        return dict(httpx2.URL(answer.headers["location"]).params)


def _distribution() -> Path:
    cache = Path(os.environ.get("DOORWARD_TEST_CACHE") or Path.home() / ".cache" / "doorward")
    found = cache / f"keycloak-{_VERSION}"
    if not found.is_dir() or shutil.which("java") is None:
        refuse("Keycloak is not installed: `make keycloak-test` installs it")
    return found


def _link(source: str, target: str) -> None:
    """Link a file into the copy, but copy what Keycloak writes again, and into another file system."""
    is_written = "quarkus" in Path(source).parts
    try:
        (shutil.copy2 if is_written else os.link)(source, target)
    except OSError:
        shutil.copy2(source, target)
