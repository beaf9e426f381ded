"""A database with users, sessions and grants, and one process's parts over it."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.upstream.grants.events import GrantEvent
from doorward_auth.upstream.grants.models import GrantRow
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.repository import find
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.upstream.grants.service import GrantAnswer, IssuedGrant
from doorward_auth.upstream.stored_grants import StoredGrants
from doorward_auth.upstream_adapters.base import UpstreamAdapter, UpstreamTokens
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.vault import Vault
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import metadata, sessions, upstream_grants
from doorward_kit.column_types import UtcDateTime
from doorward_kit.database import create_engine
from integration.harness.bulk_users import Member, enrol
from integration.harness.databases import transaction
from integration.harness.installation import auth_settings

PROVIDER: Final = "theapi"
PATIENT: Final = RefreshPolicy(requests_per_second=1_000, deadline_seconds=60.0)
"""A deadline that no slow machine reaches while a test holds a request."""

LEASE_SECONDS: Final = PATIENT.lease_seconds + 1
"""After this time a lease is over."""

_TIMES: Final = [column for column in upstream_grants.c if isinstance(column.type, UtcDateTime)]


@dataclass(frozen=True)
class Session:
    """A session and its user."""

    id: uuid.UUID
    user: Member


def new_session(user_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Return the row of a live session."""
    return {
        "id": uuid7s.uuid7(),
        "user_id": user_id,
        "current_hash": bytes(32),
        "created_at": now,
        "last_used_at": now,
        "idle_expires_at": now + timedelta(days=14),
        "absolute_expires_at": now + timedelta(days=90),
        "user_agent": "",
        "ip_address": "",
        "auth_time": now,
        "acr": "aal1",
        "amr": "pwd",
    }


class EventRecorder:
    """A listener that records its events."""

    def __init__(self) -> None:
        self.events: list[GrantEvent] = []

    def notify(self, event: GrantEvent) -> None:
        self.events.append(event)


class GrantSetup:
    """The parts of one process over a migrated database, with one upstream."""

    def __init__(
        self,
        url: str,
        keys: Path,
        adapter: UpstreamAdapter,
        *,
        policy: RefreshPolicy | None = None,
        database_timeout: float = 20.0,
    ) -> None:
        settings = auth_settings(url, vault_keys_file=keys, database_timeout_seconds=database_timeout)
        self.url = url
        self.resources = IdentityResources(settings)
        self.provider = Provider(PROVIDER, adapter, policy or PATIENT)
        self.received = EventRecorder()
        self.grants = StoredGrants.create(settings, self.resources, [self.provider], self.received)
        self.engine = create_engine(url, pool_size=2, timeout=20)
        self.sealing = GrantSealing(Vault(VaultKeyStore(keys)))

    def wipe(self) -> None:
        """Delete all users and all their data."""
        with self.transaction() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))

    def open_session(self, user: Member | None = None, **changes: Any) -> Session:
        """Open a session, of a new user if none is given."""
        owner = user or enrol(self.url, 1)[0]
        values = {**new_session(owner.id, datetime.now(UTC)), **changes}
        self.execute(sessions.insert().values(values))
        return Session(values["id"], owner)

    def store(
        self, tokens: UpstreamTokens, session: Session | None = None, user: Member | None = None
    ) -> uuid.UUID:
        """Store a grant as a login does; return its id."""
        owner = session.user if session is not None else user or enrol(self.url, 1)[0]
        session_id = None if session is None else session.id
        issued = IssuedGrant(owner.id, self.provider, session_id, tokens)
        with self.transaction() as connection:
            return self.grants.service.store(connection, issued)

    def row(self, grant_id: uuid.UUID) -> GrantRow:
        with self.engine.connect() as connection:
            row = find(connection, grant_id)
        assert row is not None
        return row

    def tokens(self, grant_id: uuid.UUID) -> UpstreamTokens:
        """Open the stored tokens."""
        return self.sealing.open(self.row(grant_id))

    async def ensure_fresh(self, grant_id: uuid.UUID, **limits: float) -> GrantAnswer:
        """Read a grant and ask for a fresh access token of it, as callers do."""
        row = await self.resources.database.read(partial(find, grant_id=grant_id))
        assert row is not None
        return await self.grants.service.ensure_fresh(row, **limits)

    async def deliver(self) -> None:
        """Revoke at the upstream what is to be revoked, as the background does."""
        await self.grants.revocations.deliver_due()

    def pass_time(self, grant_id: uuid.UUID, seconds: float) -> None:
        """Move every time of a grant into the past, as if that many seconds had passed."""
        with self.transaction() as connection:
            found = connection.execute(
                sa.select(*_TIMES).where(upstream_grants.c.id == grant_id).with_for_update()
            ).one()
            earlier = timedelta(seconds=seconds)
            values = {
                column: None if value is None else value - earlier
                for column, value in zip(_TIMES, found, strict=True)
            }
            connection.execute(
                upstream_grants.update().where(upstream_grants.c.id == grant_id).values(values)
            )

    def expire(self, grant_id: uuid.UUID) -> None:
        """Let the access token expire, so that a refresh is due."""
        self.expire_in(grant_id, seconds=-1)

    def expire_in(self, grant_id: uuid.UUID, *, seconds: float) -> None:
        """Let time pass until the access token is valid for so long."""
        row = self.row(grant_id)
        assert row.access_expires_at is not None
        self.pass_time(grant_id, (row.access_expires_at - row.now).total_seconds() - seconds)

    def execute(self, statement: sa.Executable) -> Sequence[sa.Row[Any]]:
        with self.engine.connect() as connection:
            result = connection.execute(statement)
            return result.all() if result.returns_rows else []

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        return transaction(self.engine)

    def metric(self, name: str, **labels: str) -> float:
        """Read a metric of the upstream; 0 if it has no sample yet."""
        registry = self.resources.metrics.registry
        return registry.get_sample_value(name, {"provider": PROVIDER, **labels}) or 0.0

    def outcomes(self) -> dict[str, int]:
        """Return the attempts by outcome, those that there were."""
        families = self.resources.metrics.registry.collect()
        return {
            sample.labels["outcome"]: int(sample.value)
            for family in families
            if family.name == "doorward_upstream_refreshes"
            for sample in family.samples
            if sample.name.endswith("_total") and sample.value
        }

    def close(self) -> None:
        self.resources.close()
        self.engine.dispose()
