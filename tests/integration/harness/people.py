"""The users that tests act as."""

import itertools
import time
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from doorward import create_admin
from doorward_identity.passwords import PasswordHashing
from doorward_identity.tables import metadata, users
from doorward_kit.metrics import Metrics
from doorward_kit.unit_of_work import Database
from integration.harness import contents
from integration.harness.installation import AUTH, USERS, Installation, auth_settings

PASSWORD: Final = "a long enough phrase"
_numbers = itertools.count(1)
_FRESH_SECONDS: Final = 60
"""Users are shared by tests for this time, well within the lifetime of their access tokens."""


@dataclass(frozen=True)
class Person:
    """An account, signed in."""

    id: str
    email: str
    access: str
    refresh: str
    password: str = PASSWORD

    @property
    def path(self) -> str:
        """The path of the account in the directory."""
        return f"{USERS}/{self.id}"


@dataclass(frozen=True)
class People:
    """Two administrators (`admin` acts, `deputy` exists) and two ordinary users."""

    admin: Person
    deputy: Person
    user: Person
    other: Person


@dataclass(frozen=True)
class _Snapshot:
    """The rows of newly created users, which a few statements restore."""

    people: People
    rows: contents.Rows
    taken_at: float


_snapshots: dict[str, _Snapshot] = {}


def populate(installation: Installation) -> People:
    """Reset the directory to these four users, signed in."""
    snapshot = _snapshots.get(installation.database_url)
    if snapshot is not None and time.monotonic() - snapshot.taken_at < _FRESH_SECONDS:
        installation.fill(snapshot.rows)
        return snapshot.people
    installation.wipe()
    taken_at = time.monotonic()
    people = _make(installation)
    rows = contents.take(installation.engine, metadata)
    _snapshots[installation.database_url] = _Snapshot(people, rows, taken_at)
    return people


def _make(installation: Installation) -> People:
    """Create them as an operator does: the first administrator by command, the others by the API."""
    bootstrap(installation, "admin@example.com")
    admin = sign_in(installation, "admin@example.com")
    return People(
        admin=admin,
        deputy=enrol(installation, admin, email="deputy@example.com", name="Deputy", role="admin"),
        user=enrol(installation, admin, email="user@example.com", name="User"),
        other=enrol(installation, admin, email="other@example.com", name="Other"),
    )


def bootstrap(installation: Installation, email: str) -> None:
    """Create the first administrator as `doorward create-admin` does."""
    metrics = Metrics()
    settings = auth_settings(installation.database_url)
    database = Database(settings, metrics, pool_size=1, timeout=10)
    hashing = PasswordHashing(settings, metrics)
    try:
        create_admin.create_admin(database, hashing, email, PASSWORD)
    finally:
        hashing.shutdown()
        database.dispose()


def sign_in(installation: Installation, email: str, password: str = PASSWORD) -> Person:
    """Log in as an existing user."""
    tokens = installation.log_in(email, password)
    identity = installation.call("GET", f"{AUTH}/me", tokens.access).json()["id"]
    return Person(identity, email, tokens.access, tokens.refresh, password)


def new_user(**changes: Any) -> dict[str, Any]:
    """Return a valid body for a creation, with a unique address."""
    number = next(_numbers)
    return {
        "email": f"person{number}@example.com",
        "name": f"Person {number}",
        "password": PASSWORD,
        **changes,
    }


def enrol(installation: Installation, admin: Person, **changes: Any) -> Person:
    """Create an account by the API and sign in."""
    body = new_user(**changes)
    response = installation.call("POST", USERS, admin.access, json=body)
    assert response.status_code == 201, response.text
    return sign_in(installation, body["email"], body["password"])


def disable(installation: Installation, admin: Person, person: Person) -> None:
    """Disable a user, who still holds tokens."""
    response = installation.call("PATCH", person.path, admin.access, json={"status": "disabled"})
    assert response.status_code == 200, response.text


def half_made(installation: Installation) -> list[tuple[Any, ...]]:
    """Return accounts without credentials, which must not exist."""
    return installation.execute(
        "SELECT email_key FROM users WHERE id NOT IN (SELECT user_id FROM credentials)"
    )


def count_users(installation: Installation) -> int:
    """Count the users in the database."""
    return int(installation.execute(sa.select(sa.func.count()).select_from(users))[0][0])
