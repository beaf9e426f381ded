"""The directory's index follows every change of a user, and the background completes it."""

import asyncio
import uuid

import pytest
import sqlalchemy as sa

from doorward_identity.directory_index import find_outdated
from doorward_identity.tables import user_search_terms, users
from doorward_kit.metrics import Metrics
from doorward_kit.unit_of_work import Database
from doorward_users.directory import index_task
from doorward_users.directory.index_task import DirectoryIndexTask
from integration.harness.installation import USERS, Installation, auth_settings
from integration.harness.people import People

ADA = {"email": "ada@old.example.com", "name": "Ada Byron", "password": "a long enough phrase"}


def find(installation: Installation, people: People, q: str) -> list[str]:
    page = installation.call("GET", USERS, people.admin.access, params={"q": q}).json()
    return [item["name"] for item in page["items"]]


def outdated(installation: Installation) -> list[uuid.UUID]:
    with installation.transaction() as connection:
        return list(find_outdated(connection, uuid.UUID(int=0), 1_000)[0])


def check_all(installation: Installation) -> int:
    settings = auth_settings(installation.database_url)
    database = Database(settings, Metrics(), pool_size=1, timeout=10)
    try:
        return asyncio.run(DirectoryIndexTask(database).check_all())
    finally:
        database.dispose()


def test_every_change_of_a_user_updates_the_index(installation: Installation, people: People) -> None:
    admin = people.admin.access
    created = installation.call("POST", USERS, admin, json=ADA)
    path = f"{USERS}/{created.json()['id']}"
    assert find(installation, people, "byron") == find(installation, people, "ada@old") == ["Ada Byron"]
    installation.call("PATCH", path, admin, json={"name": "Ada Lovelace"})
    assert find(installation, people, "byron") == []
    assert find(installation, people, "lovelace") == find(installation, people, "ada@old") == ["Ada Lovelace"]
    installation.call("PATCH", path, admin, json={"email": "ada@new.example.com"})
    assert find(installation, people, "ada@old") == []
    assert find(installation, people, "@new") == find(installation, people, "lovelace") == ["Ada Lovelace"]
    body = {"email": "l@new.example.com", "name": "Countess", "role": "user", "status": "active"}
    installation.call("PUT", path, admin, json=body)
    assert find(installation, people, "lovelace") == find(installation, people, "ada@new") == []
    assert find(installation, people, "count l@new") == ["Countess"]
    installation.call("PATCH", f"{USERS}/me", people.user.access, json={"name": "Renamed"})
    assert find(installation, people, "renam") == ["Renamed"]
    assert outdated(installation) == []
    installation.call("DELETE", path, admin)
    of_user = user_search_terms.c.user_id == uuid.UUID(created.json()["id"])
    assert installation.execute(sa.select(user_search_terms).where(of_user)) == []


def test_a_failed_change_leaves_the_index(installation: Installation, people: People) -> None:
    taken = {"name": "Taken Name", "email": people.user.email}
    assert installation.call("PATCH", people.other.path, people.admin.access, json=taken).status_code == 409
    assert find(installation, people, "taken") == []
    assert find(installation, people, "other@") == ["Other"]


def test_the_background_completes_what_an_older_release_stored(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_task, "BATCH_SIZE", 2)
    monkeypatch.setattr(index_task, "PAUSE_SECONDS", 0)
    installation.execute(sa.delete(user_search_terms))
    renamed = sa.update(users).where(users.c.id == uuid.UUID(people.other.id))
    before = installation.execute(sa.select(users).order_by(users.c.id))
    assert find(installation, people, "other") == []
    assert check_all(installation) == 4
    assert find(installation, people, "other") == find(installation, people, "other@") == ["Other"]
    assert installation.execute(sa.select(users).order_by(users.c.id)) == before
    installation.execute(renamed.values(name="Other Name"))
    assert check_all(installation) == 1
    assert find(installation, people, "name") == ["Other Name"]
    assert check_all(installation) == 0
