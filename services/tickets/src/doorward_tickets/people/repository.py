"""Queries on the snapshot of people."""

from collections.abc import Iterable

import sqlalchemy as sa

from doorward_common.columns import utc_now
from doorward_common.upserts import upsert
from doorward_tickets.people.directory import Profile
from doorward_tickets.tables import people


def remember(connection: sa.Connection, profiles: Iterable[Profile]) -> None:
    """Store what the directory says of people, where it is not what is known already.

    A look comes first: nearly always nothing has changed, and then no row is locked.
    """
    fresh = {profile.id.bytes: profile for profile in profiles}
    if not fresh:
        return
    known = connection.execute(
        sa.select(people.c.id, people.c.name, people.c.role).where(people.c.id.in_(list(fresh)))
    )
    for row in known:
        profile = fresh[row.id]
        if (row.name, row.role) == (profile.name, profile.role.value):
            del fresh[row.id]
    for person_id in sorted(fresh):  # in one order, so that two who do this do not wait in a circle
        values = {
            "id": person_id,
            "name": fresh[person_id].name,
            "role": fresh[person_id].role.value,
            "updated_at": utc_now(),
        }
        upsert(connection, people, values, changed=("name", "role", "updated_at"))


def find_role(connection: sa.Connection, person_id: bytes) -> str | None:
    """Return the role that somebody had when they were last heard of."""
    found = sa.select(people.c.role).where(people.c.id == person_id)
    return connection.execute(found).scalar_one_or_none()
