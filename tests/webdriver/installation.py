"""An installation with TLS and its applications, as browsers reach them."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx2

from support.administrator import Administrator, User, administrator_of
from support.certificates import self_signed
from support.ports import free_port
from support.services import Admin
from support.serving import serving
from support.standalone import Standalone
from webdriver.applications import Applications
from webdriver.edge import CONSOLE, FRAME, ID, WIKI, Edge, Ports
from webdriver.protocol import TIMEOUT_SECONDS

ADMIN: Final = Admin()
_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass(frozen=True)
class Installation:
    """The addresses of Doorward and of the applications, and what the tests make there."""

    server: Standalone
    development: Standalone
    """One as `make run` starts it: for this machine, without TLS."""
    applications: Applications
    ports: Ports

    def at(self, host: str, path: str = "") -> str:
        """Return the address of a path at a host."""
        return f"https://{host}:{self.ports.port}{path}"

    def page(self, path: str) -> str:
        """Return the address of one of Doorward's pages."""
        return self.at(ID, path)

    def authorization_request(self, client_id: str, redirect_uri: str, **more: str) -> str:
        """Return the address where a registered client sends a user."""
        query = {
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "openid email",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
            "state": "a b&c=d",
            **more,
        }
        return self.page(f"/api/v1/auth/authorize?{urlencode(query)}")

    def add_user(self) -> User:
        """Create a user."""
        with administrator_of(self.server.url, ADMIN) as administrator:
            return administrator.add_user()


@contextmanager
def running_installation(folder: Path, modules: Path) -> Iterator[Installation]:
    """Run it during the block."""
    tls_port, plain_port = free_port(), free_port()
    url = f"https://{ID}:{tls_port}"
    administrator = {
        "DOORWARD_ADMIN_EMAIL": ADMIN.email,
        "DOORWARD_ADMIN_PASSWORD": ADMIN.password,
        "DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE": "false",
    }
    settings = {"DOORWARD_PUBLIC_URL": url, "DOORWARD_ALLOWED_ORIGINS": f"https://{CONSOLE}:{tls_port}"}
    upstream = {
        "title": "GitServer",
        "adapter": "oauth2",
        "authorization_endpoint": f"https://{WIKI}:{tls_port}/welcome",
        "token_endpoint": "https://git.example.com/token",
        "userinfo_endpoint": "https://git.example.com/user",
        "client_id": "doorward",
        "token_auth_method": "none",
        "redirect_uris": ["https://app.example.com/callback"],
        "answer": {"subject": "/id"},
    }
    settings["DOORWARD_UPSTREAMS"] = json.dumps({"git-server": upstream})
    local = {"DOORWARD_ALLOWED_ORIGINS": f"http://localhost:{plain_port}"}
    with ExitStack() as stack:
        server = stack.enter_context(Standalone(_new(folder, "server"), None, **administrator, **settings))
        development = stack.enter_context(Standalone(_new(folder, "local"), None, **administrator, **local))
        ports = Ports(tls_port, server.port, plain_port, development.port)
        applications = Applications(modules, {"API": url, "EMAIL": ADMIN.email, "PASSWORD": ADMIN.password})
        address = stack.enter_context(serving(applications.handler()))
        certificate = self_signed(folder, ID, CONSOLE, FRAME, WIKI)
        stack.enter_context(Edge(folder, certificate, ports, applications=address))
        installation = Installation(server, development, applications, ports)
        with administrator_of(server.url, ADMIN) as caller:
            _register_clients(installation, caller)
        yield installation


def _new(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def _register_clients(installation: Installation, administrator: Administrator) -> None:
    """Register one that asks for consent, one that signs in silently, and the documented one."""
    wiki, console = installation.at(WIKI), installation.at(CONSOLE)
    common = {"kind": "public", "scopes": ["openid", "email"]}
    callback = {"client_id": "wiki", "name": "Wiki", "redirect_uris": [f"{wiki}/callback"]}
    silent = {
        "client_id": "silent",
        "name": "Silent",
        "first_party": True,
        "redirect_uris": [f"{wiki}/silent", f"{console}/silent"],
    }
    spa = {
        "client_id": "spa",
        "name": "Our application",
        "first_party": True,
        "redirect_uris": [f"{wiki}/signed-in"],
        "post_logout_redirect_uris": [f"{wiki}/"],
        "origins": [wiki],
        "scopes": ["openid", "profile", "email"],
    }
    for client in (callback, silent, spa):
        administrator.register({**common, **client})
    _wait_until_readable(installation.server.url, wiki)


def _wait_until_readable(url: str, origin: str) -> None:
    """Wait for the snapshot of registered origins, which follows within two seconds."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with httpx2.Client(base_url=url, headers={"Origin": origin}, trust_env=False) as http:
        while "access-control-allow-origin" not in http.get("/api/v1/auth/userinfo").headers:
            assert time.monotonic() < deadline, "no answer for the application"
            time.sleep(0.05)
