"""Deletes users, and reads the feed of deletions as a registered client."""

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx2

from doorward_identity import deleted_users_feed as feed
from doorward_identity.tables import deleted_users
from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import People, Person


def delete(installation: Installation, people: People, person: Person) -> None:
    response = installation.call("DELETE", person.path, people.admin.access)
    assert response.status_code == 204, response.text


def ask(installation: Installation, path: str, **options: Any) -> httpx2.Response:
    response: httpx2.Response = installation.auth.get(f"{AUTH}/{path}", auth=CLIENT, **options)
    return response


def read_feed(installation: Installation, after: str | None = None) -> dict[str, Any]:
    response = ask(installation, "deleted-users", params={} if after is None else {"after": after})
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def age_all(installation: Installation, people: list[Person]) -> None:
    """Date these deletions back beyond their retention."""
    ids = [uuid.UUID(person.id) for person in people]
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    installation.execute(
        deleted_users.update().where(deleted_users.c.user_id.in_(ids)).values(deleted_at=long_ago)
    )


def clean_up(installation: Installation) -> int:
    with installation.transaction() as connection:
        return feed.delete_expired(connection, 500)
