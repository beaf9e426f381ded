"""Everything that auth does with upstreams' tables, for tests of database privileges."""

import secrets
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.events import repository as events
from doorward_auth.events.event import Event, EventName
from doorward_auth.upstream import identities, registrations
from doorward_auth.upstream.grants import leases, repository
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream.grants.service import AnswerStatus, IssuedGrant
from doorward_auth.upstream.pictures import repository as pictures
from doorward_auth.upstream.redirects import repository as authorizations
from doorward_auth.upstream.redirects.repository import NewAuthorization
from doorward_auth.upstream.registrations import IdempotencyDecision, RegistrationKey
from doorward_auth.upstream.revocations import repository as outbox
from doorward_auth.upstream.roles import UpstreamRoles
from doorward_auth.upstream.stored_grants import StoredGrants
from doorward_auth.upstream_adapters.base import FailedError, InvalidGrantError, UnusedTokens, UpstreamUser
from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings
from doorward_auth.vault.rotation import new_key
from doorward_auth.vault.settings import VaultSettings
from doorward_auth.vault.vault import Place, Vault
from doorward_client.permissions import Role
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.avatars.settings import AvatarStorage
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import upstream_grants, upstream_revocations
from doorward_identity.upstream_revocations import revoke_grants_of_user
from doorward_kit.column_types import utc_now
from doorward_kit.key_rotation import write_key_set
from doorward_kit.metrics import Metrics
from doorward_kit.shutdown import Shutdown
from doorward_kit.unit_of_work import Database
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

PROVIDER = "lifecycle"


async def live(database: Database, user_id: uuid.UUID, session_id: uuid.UUID, folder: Path) -> None:
    """Link, store, refresh, end and unlink; give roles; register."""
    keys = folder / f"vault-{secrets.token_hex(4)}.json"
    write_key_set(keys, {"keys": [new_key()]})
    upstream = RotatingUpstream()
    provider = Provider(PROVIDER, DirectAdapter(upstream))
    resources = SimpleNamespace(database=database, metrics=Metrics(), shutdown=Shutdown())
    grants = StoredGrants.create(
        VaultSettings(vault_keys_file=keys), cast("IdentityResources", resources), [provider]
    )

    def log_in(connection: sa.Connection) -> uuid.UUID:
        assert identities.link(connection, user_id, PROVIDER, "subject", None)
        identities.note_username(connection, user_id, PROVIDER, "ada")
        return grants.service.store(connection, IssuedGrant(user_id, provider, session_id, upstream.issue()))

    grant = await database.write(log_in)
    assert await database.read(partial(identities.find_user, provider=PROVIDER, subject="subject")) == user_id
    assert await refreshed(database, grants, grant) is AnswerStatus.FRESH
    await set_picture(database, user_id)
    await background(database)
    await database.read(partial(repository.measure, provider=PROVIDER))
    await database.read(partial(repository.list_of_user, user_id=user_id))
    await database.read(partial(repository.list_of_session, session_id=session_id))
    upstream.script.append(InvalidGrantError(status=400))
    assert await refreshed(database, grants, grant) is AnswerStatus.REAUTH_REQUIRED

    def leave(connection: sa.Connection) -> None:
        assert [identity.username for identity in identities.list_of(connection, user_id)] == ["ada"]
        repository.end_all(connection, user_id, PROVIDER)
        assert identities.unlink(connection, user_id, PROVIDER)

    await database.write(leave)
    await revoke(database, grants)
    await follow_groups(database, user_id)
    await register(database, user_id)
    await return_from_pages(database, grants.vault)
    await publish_event(database, user_id)


async def revoke(database: Database, grants: StoredGrants) -> None:
    """Deliver what is to be revoked, once after a failure, and give up the rest."""
    tokens = RotatingUpstream().issue()
    for subject in ("subject", None):
        unused = UnusedTokens(tokens, subject)
        await database.write(partial(grants.outbox.add, provider=PROVIDER, unused=unused))
    adapter = grants.providers.all()[0].adapter
    assert isinstance(adapter, DirectAdapter)
    adapter.upstream.revocations.append(FailedError(status=500))
    await grants.revocations.deliver_due()
    await database.read(partial(outbox.count_pending, provider=PROVIDER))
    over = upstream_revocations.update().values(expires_at=utc_now(-1))
    await database.write(lambda connection: connection.execute(over).rowcount)
    assert await grants.revocations.give_up(count=10) == 1


def delete_with_grant(auth: Database, users: Database, user_id: uuid.UUID, folder: Path) -> None:
    """Let the users service store the tokens of a user whom it is about to delete."""
    keys = folder / f"vault-{secrets.token_hex(4)}.json"
    write_key_set(keys, {"keys": [new_key()]})
    upstream = RotatingUpstream()
    provider = Provider(PROVIDER, DirectAdapter(upstream))
    resources = SimpleNamespace(database=auth, metrics=Metrics(), shutdown=Shutdown())
    grants = StoredGrants.create(
        VaultSettings(vault_keys_file=keys), cast("IdentityResources", resources), [provider]
    )
    issued = IssuedGrant(user_id, provider, None, upstream.issue())
    auth.write_now(lambda connection: grants.service.store(connection, issued))
    before = auth.write_now(partial(outbox.count_pending, provider=PROVIDER))
    users.write_now(partial(revoke_grants_of_user, user_id=user_id))
    assert auth.write_now(partial(outbox.count_pending, provider=PROVIDER)) == before + 1
    auth.write_now(partial(repository.end_all, user_id=user_id, provider=PROVIDER))


async def refreshed(database: Database, grants: StoredGrants, grant: uuid.UUID) -> AnswerStatus:
    """Let the access token expire, and ask for another one."""
    expired = upstream_grants.update().where(upstream_grants.c.id == grant)
    past = expired.values(access_expires_at=upstream_grants.c.created_at)
    await database.write(lambda connection: connection.execute(past).rowcount)
    row = await database.read(partial(repository.find, grant_id=grant))
    assert row is not None
    return (await grants.service.ensure_fresh(row, budget=60.0)).status


async def set_picture(database: Database, user_id: uuid.UUID) -> None:
    """Give the user a picture from the upstream."""
    new = AvatarReference(uuid.uuid4(), secrets.token_bytes(16))
    some = secrets.token_bytes(32)
    await database.execute_single(
        partial(pictures.note_answer, user_id=user_id, provider=PROVIDER, url_hash=some)
    )

    def store(connection: sa.Connection) -> None:
        assert pictures.lock_state(connection, user_id, PROVIDER) is not None
        avatars.insert(connection, new, AvatarStorage.DATABASE)
        assert avatars.keep(connection, new.id)
        pictures.set_picture(connection, user_id, PROVIDER, new, url_hash=some, file_hash=some)

    await database.write(store)
    state = await database.read(partial(pictures.find_state, user_id=user_id, provider=PROVIDER))
    assert state is not None
    assert (state.avatar_id, state.picture_id, state.is_recent) == (new.id, new.id, True)


async def background(database: Database) -> None:
    """Look for due grants and ended sessions."""
    await database.read(partial(leases.is_any_due, provider=PROVIDER))
    due = partial(leases.lease_due, provider=PROVIDER, policy=RefreshPolicy(), count=1, lease_id=uuid.uuid4())
    assert (await database.write(due)).leased == []
    await database.write(partial(repository.make_ended_due, count=10))


async def register(database: Database, user_id: uuid.UUID) -> None:
    key = RegistrationKey.of(PROVIDER, secrets.token_hex(8), "ada@example.com", b"Ada")
    claim = partial(registrations.claim, key=key, seconds=30.0)
    assert await database.write(claim) is IdempotencyDecision.SEND
    await database.write(partial(registrations.mark_unknown, key=key))
    assert await database.write(claim) is IdempotencyDecision.LOG_IN_FIRST
    await database.write(partial(registrations.finish, key=key, user_id=user_id))
    assert await database.write(claim) is IdempotencyDecision.REPEAT
    await database.write(partial(registrations.withdraw, key=key))
    await database.write(partial(registrations.delete_expired, count=10))


async def return_from_pages(database: Database, vault: Vault) -> None:
    """Begin and finish a login at the upstream's own pages."""
    row_id, some = uuid.uuid4(), secrets.token_bytes(32)
    sealed = vault.seal(
        "{}", Place("upstream_authorizations", "secrets", row_id, PROVIDER), vault.current_key
    )
    begun = NewAuthorization(row_id, PROVIDER, some, sealed, "https://app.example.com", None, "c" * 43)
    await database.write(partial(authorizations.insert, begun=begun, seconds=60))
    taken = await database.write(partial(authorizations.take_returned, provider=PROVIDER, state_hash=some))
    assert taken is not None
    await database.write(
        partial(authorizations.store_login, row_id=row_id, login=sealed, code_hash=some, seconds=60)
    )
    assert await database.write(partial(authorizations.take_redeemable, row_id=row_id)) is not None
    await database.write(partial(authorizations.delete, row_id=row_id))
    await database.write(partial(authorizations.delete_expired, count=10))
    await database.write(partial(authorizations.take_abandoned, key_ids=vault.key_ids, count=10))


async def follow_groups(database: Database, user_id: uuid.UUID) -> None:
    """Give the role of groups at the upstream, and at last the user's own again."""
    settings = ProviderSettings(groups=JsonPointer("/groups"), roles={"admins": Role.ADMIN})
    roles = UpstreamRoles({PROVIDER: settings}, token_seconds=300)

    def log_in(connection: sa.Connection, role: str) -> str:
        account = account_repository.find_by_id(connection, user_id)
        assert account is not None
        return roles.apply(connection, PROVIDER, UpstreamUser("subject", role=role), account).role

    account = await database.read(partial(account_repository.find_by_id, user_id=user_id))
    assert account is not None
    for role in (Role.ADMIN, Role.AUDITOR, account.role):
        assert await database.write(partial(log_in, role=role)) == role


async def publish_event(database: Database, user_id: uuid.UUID) -> None:
    """Publish an event, and read it as every process does."""
    event = Event.of(EventName.BYE)
    await database.write(partial(events.add, user_id=user_id, session_id=None, event=event))
    found = await database.read(partial(events.read_since, since=None, overlap=timedelta(minutes=1)))
    assert found.events


def newest_session(connection: sa.Connection) -> Any:
    """Return the ids of a live session and its user."""
    live_one = "SELECT id, user_id FROM sessions WHERE ended_at IS NULL ORDER BY id DESC LIMIT 1"
    row = connection.execute(sa.text(live_one)).one()
    return uuid.UUID(bytes=row[0]), uuid.UUID(bytes=row[1])
