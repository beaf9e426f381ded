"""Who is there: an administrator, and people made by them."""

import secrets
from dataclasses import dataclass
from typing import Final

import httpx2

AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"


@dataclass
class Person:
    """Somebody signed in, with the tokens of their session."""

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


def bearer(person: Person) -> dict[str, str]:
    """Return the header that says who asks."""
    return {"Authorization": f"Bearer {person.access}"}


def make_person(client: httpx2.Client, admin: Person) -> Person:
    """Create somebody and sign them in."""
    email, password = f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)
    body = {"email": email, "name": "Somebody", "password": password}
    answer = client.post(USERS, json=body, headers=bearer(admin))
    assert answer.status_code == 201, answer.text
    return sign_in(client, email, password)
