"""Signs users of Kubernetes in as kubelogin and kubectl do."""

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import yaml
from playwright.sync_api import Page

from cluster.api_server import ApiServer
from support.administrator import User
from support.certificates import Certificate
from support.chromium import sign_in
from support.documentation import at, documented_line
from support.serving import serving
from support.standalone import Standalone

PAGE: Final = "applications.md"
_VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass(frozen=True)
class Provider:
    """An installation behind HAProxy, because the API server wants https."""

    server: Standalone
    url: str
    certificate: Certificate

    @property
    def auth(self) -> str:
        return f"{self.url}/api/v1/auth"

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        """Send a form as a client does."""
        with httpx2.Client(verify=self.certificate.client_context(), trust_env=False, timeout=60) as http:
            response: httpx2.Response = http.post(self.auth + path, data=form)
        return response

    def refreshed(self, token: str) -> dict[str, Any]:
        """Refresh the tokens of kubectl."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "kubernetes"}
        response = self.post("/token", form)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


class _Return(BaseHTTPRequestHandler):
    """Where kubelogin waits for the browser."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Signed in")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class SignIn:
    """Gets the tokens of a user as kubelogin does: with a browser, and a server on this machine."""

    provider: Provider
    page: Page

    def __call__(self, user: User, client_id: str = "kubernetes") -> dict[str, Any]:
        with serving(_Return, port=8000) as url:  # as kubelogin, and as the client is registered
            redirect = url.replace("127.0.0.1", "localhost")
            request = {
                "response_type": "code",
                "client_id": client_id,
                "redirect_uri": redirect,
                "scope": "openid email groups",
                "code_challenge": _CHALLENGE,
                "code_challenge_method": "S256",
            }
            self.page.goto(f"{self.provider.auth}/authorize?{urlencode(request)}")
            sign_in(self.page, user.email, user.password)
            self.page.get_by_role("button", name="Allow", exact=True).click()
            self.page.wait_for_url(f"{redirect}/**")
        [code] = parse_qs(urlsplit(self.page.url).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
        response = self.provider.post("/token", {**form, "code_verifier": _VERIFIER, "client_id": client_id})
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


class UserOfKubectl:
    """kubectl with the configuration of one user, in which it stores what it gets."""

    def __init__(self, api: ApiServer, provider: Provider, config: Path) -> None:
        self._api = api
        self._provider = provider
        self._config = config

    def set_credentials(self, refresh_token: str) -> None:
        """Run the documented command with a refresh token."""
        here = {"https://id.example.com": self._provider.url, '"$REFRESH_TOKEN"': refresh_token}
        command = at(
            documented_line(PAGE, "kubectl config set-credentials doorward --auth-provider=oidc"), here
        )
        authority = f"--auth-provider-arg=idp-certificate-authority={self._provider.certificate.authority}"
        status, said = self._api.run(*command.split()[1:], authority, config=self._config)
        assert status == 0, said

    def run(self, *words: str) -> tuple[int, str]:
        """Run kubectl as the user; return its status and what it said."""
        return self._api.run(*words, "--user", "doorward", config=self._config)

    @property
    def refresh_token(self) -> str:
        """The refresh token that kubectl has stored."""
        token: str = self._stored()["users"][0]["user"]["auth-provider"]["config"]["refresh-token"]
        return token

    def forget_id_token(self) -> None:
        """Let kubectl refresh, as it does when its ID token has expired."""
        stored = self._stored()
        del stored["users"][0]["user"]["auth-provider"]["config"]["id-token"]
        self._config.write_text(yaml.safe_dump(stored), encoding="utf-8")

    def _stored(self) -> dict[str, Any]:
        stored: dict[str, Any] = yaml.safe_load(self._config.read_text(encoding="utf-8"))
        return stored
