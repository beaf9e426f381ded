"""An administrator of an installation, who registers clients and makes users and groups over the API."""

import secrets
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from support.services import Admin


@dataclass(frozen=True)
class User:
    """A user, and the login."""

    id: str
    email: str
    password: str


class Administrator:
    """Calls the API with an access token, which is valid for five minutes."""

    def __init__(self, http: httpx2.Client, login: Admin) -> None:
        """Log in; `http` has the address of the installation."""
        self._http = http
        body = {"email": login.email, "password": login.password}
        token = self._call("POST", "/api/v1/auth/token", body)["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"

    def register(self, client: Mapping[str, Any]) -> dict[str, Any]:
        """Register a client; return it, with its secret."""
        return self._call("POST", "/api/v1/auth/clients", client)

    def add_user(self, *groups: str) -> User:
        """Create a user who is in groups; the ids of groups are those of `add_group`."""
        email, password = f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)
        body = {"email": email, "name": "Ada", "password": password}
        user = User(self._call("POST", "/api/v1/users", body)["id"], email, password)
        for group in groups:
            self.join(group, user)
        return user

    def add_group(self, name: str) -> str:
        """Create a group; return its id."""
        created: str = self._call("POST", "/api/v1/users/groups", {"name": name})["id"]
        return created

    def join(self, group: str, user: User) -> None:
        """Put a user into a group."""
        self._call("PUT", f"/api/v1/users/groups/{group}/members/{user.id}")

    def leave(self, group: str, user: User) -> None:
        """Take a user out of a group."""
        self._call("DELETE", f"/api/v1/users/groups/{group}/members/{user.id}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._http.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


@contextmanager
def administrator_of(url: str, login: Admin, *, tls: ssl.SSLContext | None = None) -> Iterator[Administrator]:
    """Log in at an installation for the block."""
    with httpx2.Client(base_url=url, verify=tls or True, trust_env=False, timeout=60) as http:
        yield Administrator(http, login)
