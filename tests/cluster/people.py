"""An administrator and users, with their sessions."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Final

import httpx2

AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"


@dataclass
class Person:
    """A user with the tokens of a session."""

    email: str
    password: str
    access: str
    refresh: str


def sign_in(client: httpx2.Client, email: str, password: str) -> Person:
    """Log in."""
    answer = client.post(f"{AUTH}/token", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    return Person(email, password, tokens["access_token"], tokens["refresh_token"])


def token_header(token: str) -> dict[str, str]:
    """Return the header of a token (`alg`, `kid`, `typ`), unverified."""
    head = token.split(".", maxsplit=1)[0]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return found


def wait_for_login(client: httpx2.Client, email: str, password: str, seconds: float) -> Person:
    """Log in as soon as possible."""
    deadline = time.monotonic() + seconds
    while client.post(f"{AUTH}/token", json={"email": email, "password": password}).status_code != 200:
        assert time.monotonic() < deadline, f"no login within {seconds} s"
        time.sleep(0.5)
    return sign_in(client, email, password)


def wait_for_routes(client: httpx2.Client, person: Person, seconds: float) -> None:
    """Wait until the ingress controller knows the ready pods of users and tickets, too."""
    deadline = time.monotonic() + seconds
    for path in (f"{USERS}/me", TICKETS):
        while (status := client.get(path, headers=bearer(person)).status_code) != 200:
            assert time.monotonic() < deadline, f"{path} is still {status} after {seconds} s"
            time.sleep(0.5)


def bearer(person: Person) -> dict[str, str]:
    """Return the Authorization header."""
    return {"Authorization": f"Bearer {person.access}"}


def make_person(client: httpx2.Client, admin: Person) -> Person:
    """Create a user and log in."""
    email, password = f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)
    body = {"email": email, "name": "Ada", "password": password}
    answer = client.post(USERS, json=body, headers=bearer(admin))
    assert answer.status_code == 201, answer.text
    return sign_in(client, email, password)
