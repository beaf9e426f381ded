"""The example NGINX that protects an application with auth, and its environment."""

import base64
import contextlib
import http.client
import itertools
import json
import os
import re
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from support.chain import Chain
from support.client import USERS, Client
from support.echo import EchoServer, Received
from support.ports import free_port
from support.probes import accepts
from support.processes import Process, inherited_environment
from support.requirements import NGINX, need

TEMPLATE: Final = Path(__file__).parents[2] / "docs" / "examples" / "nginx" / "nginx.conf.template"
WHO: Final = ("x-doorward-user", "x-doorward-role", "x-doorward-session")
FORGED: Final[Mapping[str, str]] = {
    "X-Doorward-User": str(uuid.UUID(int=666)),
    "X-Doorward-Role": "admin",
    "X-Doorward-Session": str(uuid.UUID(int=667)),
}

_PASSWORD: Final = "a long enough phrase"
_numbers = itertools.count(1)


class ProtectedAppNginx(Process):
    """The example's NGINX between clients, auth and an application on ports of 127.0.0.1."""

    def __init__(self, folder: Path, *, auth: int, application: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        state = folder / "state"
        state.mkdir()
        values = {
            "DOORWARD_NGINX_STATE": str(state),
            "DOORWARD_NGINX_LISTEN": f"127.0.0.1:{self.port}",
            "DOORWARD_AUTH_SERVER": f"127.0.0.1:{auth}",
            "DOORWARD_APPLICATION_SERVER": f"127.0.0.1:{application}",
        }
        text = TEMPLATE.read_text(encoding="utf-8")
        config = folder / "nginx.conf"
        config.write_text(
            re.sub(r"\$\{(DOORWARD_[A-Z_]+)\}", lambda match: values[match[1]], text), encoding="utf-8"
        )
        # Workers of a root master would drop to www-data, which cannot enter a test's folder.
        directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        super().__init__(
            "protected_app nginx",
            [need(NGINX), "-c", config, "-e", "stderr", "-g", directives],
            log=folder / "nginx.log",
            ready=lambda: accepts(self.port),
        )

    def check_config(self) -> str:
        """Run NGINX's own check and return its output; raises for an invalid file."""
        return subprocess.run(
            [*self.command[:3], "-e", "stderr", "-t"],
            env=inherited_environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stderr


@dataclass(frozen=True)
class ProtectedApp:
    """NGINX, the auth of the chain, and an application that records requests."""

    nginx: ProtectedAppNginx
    application: EchoServer
    chain: Chain

    def client(self) -> Client:
        """Return a client of NGINX without a token; the caller closes it."""
        return Client(self.nginx.url)

    def admin(self) -> Client:
        """Return a client with an administrator's token."""
        with Client(self.chain.auth.url) as login:
            return self.client().use(login.login_as(self.chain.admin).tokens)

    def user(self) -> Client:
        """Return a client with the token of a new user."""
        body = {
            "email": f"protected_app{next(_numbers)}@example.com",
            "password": _PASSWORD,
            "name": "Somebody",
        }
        with self.admin() as admin:
            headers = {"Authorization": str(admin.http.headers["Authorization"])}
        created = httpx2.post(self.chain.users.url + USERS, json=body, headers=headers, trust_env=False)
        assert created.status_code == 201, created.text
        with Client(self.chain.auth.url) as login:
            return self.client().use(login.login(body["email"], _PASSWORD).tokens)

    def get_as_written(self, path: str, client: Client) -> tuple[int, str]:
        """Send a path without normalization; return status and code of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.nginx.port, timeout=20)
        with contextlib.closing(connection):
            headers = {"Authorization": str(client.http.headers["Authorization"])}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, str(json.loads(response.read()).get("code"))

    def received(self) -> Received:
        """Return the one request that reached the application."""
        assert len(self.application.received) == 1, self.application.received
        return self.application.received[0]


def claims_of(client: Client) -> dict[str, str]:
    """Return the claims of the client's token."""
    payload = str(client.tokens["access_token"]).split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims
