"""Each service's database account has exactly the privileges that the service uses."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.cleanup import cleanup_task
from doorward_auth.sign_in.repository import MAX_ROWS
from doorward_identity import sentinels
from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.settings import AvatarSettings
from doorward_identity.sentinels import Sentinel
from doorward_identity.tables import (
    avatars,
    client_events,
    credentials,
    deleted_users,
    known_devices,
    one_time_codes,
    pending_registrations,
    rate_limits,
    registration_codes,
    revocations,
)
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.oidc import provider_lifecycle
from integration.oidc.provider import provider
from integration.self_service.audit.audit_cases import PROVIDER
from integration.self_service.database_rows import expire_codes, expire_registrations, store_dead_letter
from integration.self_service.flows import Api, Flows
from integration.self_service.grants import granted, watched
from integration.self_service.lifecycle import holds, live
from integration.self_service.mailbox import Mailbox
from integration.self_service.race_setup import RaceSetup
from integration.upstream import grant_lifecycle
from support.images import png
from support.services import Service

on_mariadb = pytest.mark.databases("mariadb")

ADDRESS = "203.0.113.77"


def accounts_url(service: Service) -> str:
    return service.env["DOORWARD_DATABASE_URL"]


@pytest.fixture
def services(race_setup: RaceSetup) -> dict[str, Service]:
    assert race_setup.processes is not None
    return {service.name: service for service in race_setup.processes.all}


@pytest.fixture
def engines(services: dict[str, Service]) -> Iterator[dict[str, sa.Engine]]:
    """A connection for each service's account."""
    engines = {name: sa.create_engine(accounts_url(service)) for name, service in services.items()}
    yield engines
    for engine in engines.values():
        engine.dispose()


def sign_in_by_steps(api: Api, behind: Installation, mailbox: Mailbox) -> None:
    """Run a sign-in of several steps, with all its statements."""
    ada = Flows(api, mailbox).join("steps@example.com")
    behind.execute(
        credentials.update().where(credentials.c.user_id == uuid.UUID(ada.id)).values(must_change=True)
    )
    body = {"email": ada.email, "password": ada.password}
    rejections = [api.call("POST", f"{AUTH}/token", json=body).json() for _ in range(MAX_ROWS + 1)]
    for password, status in ((ada.password, 422), ("another phrase of hers", 200)):
        step = {
            "grant_type": "urn:doorward:grant:new-password",
            "sign_in_token": rejections[-1]["sign_in_token"],
            "new_password": password,
        }
        assert api.call("POST", f"{AUTH}/token", json=step).status_code == status


@on_mariadb
def test_the_account_lifecycle_works_with_the_granted_privileges_and_records_the_ip(
    race_setup: RaceSetup,
) -> None:
    request_id = f"life-{uuid.uuid4().hex}"
    headers = {"X-Forwarded-For": ADDRESS, "X-Request-ID": request_id}
    admin = race_setup.admin()
    lived = live(race_setup.api, race_setup.mailbox, admin, headers)
    sign_in_by_steps(race_setup.api, race_setup.behind, race_setup.mailbox)
    mail = store_dead_letter(race_setup.behind, lived.ada.email)
    assert (
        race_setup.api.call("POST", f"{AUTH}/mail/dead-letters/{mail}/retry", admin, headers).status_code
        == 202
    )
    race_setup.mailbox.wait()
    mail = store_dead_letter(race_setup.behind, lived.ada.email)
    assert (
        race_setup.api.call("DELETE", f"{AUTH}/mail/dead-letters/{mail}", admin, headers).status_code == 204
    )
    events = race_setup.api.call("GET", f"{AUTH}/audit", admin, headers, params={"limit": 200}).json()[
        "items"
    ]
    mine = [event for event in events if event["request_id"] == request_id]
    assert len({event["action"] for event in mine}) > 15
    assert {event["ip"] for event in mine} == {ADDRESS}
    assert race_setup.processes is not None
    for service in race_setup.processes.all:
        log = service.log_text()
        assert not [secret for secret in lived.secrets if holds(log, secret)]
        for event in (
            "cleanup.failed",
            "mail.render_failed",
            "mail.worker_failed",
            "database.unavailable",
            "http.unhandled_exception",
        ):
            assert f'"event":"{event}"' not in log
        for private in lived.addresses:
            assert private not in log


@on_mariadb
async def test_cleanup_works_with_the_granted_privileges(
    race_setup: RaceSetup, services: dict[str, Service]
) -> None:
    flows, admin = race_setup.flows(), race_setup.admin()
    flows.register_with_picture("swept@example.com", png())
    flows.invited(admin, "left@example.com")
    flows.mailed_pin(flows.join("came@example.com").email)
    flows.log_in("swept@example.com", "wrong, so that it is counted")
    expire_codes(race_setup.behind)
    expire_registrations(race_setup.behind)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    race_setup.behind.execute(avatars.update().values(expires_at=long_ago))
    race_setup.behind.execute(rate_limits.update().values(expires_at=long_ago))
    with race_setup.behind.transaction() as connection:
        connection.execute(revocations.delete())
        connection.execute(
            revocations.insert().values(
                kind="user",
                subject_id=uuid.UUID(int=0),
                token_version=1,
                revoked_at=long_ago,
                expires_at=long_ago,
            )
        )
        connection.execute(deleted_users.delete())
        for number in (1, 2):
            values = {
                "position": number,
                "id": uuid.UUID(int=0),
                "user_id": uuid.UUID(int=0),
                "deleted_at": long_ago,
            }
            connection.execute(deleted_users.insert().values(values))
        connection.execute(
            sa.text("UPDATE sessions SET ended_at = :then, idle_expires_at = :then"),
            {"then": long_ago.replace(tzinfo=None) + timedelta(days=1)},
        )
    settings = DatabaseSettings(database_url=SecretStr(accounts_url(services["auth"])))
    database = Database(settings, Metrics(), pool_size=2, timeout=10)
    try:
        pictures = Avatars(AvatarSettings(), database, Metrics())
        await cleanup_task(database, pictures, dead_letter_days=30).run_once()
    finally:
        database.dispose()
    for table in (
        "sessions",
        "revocations",
        "pending_registrations",
        "registration_codes",
        "rate_limits",
        "avatars",
    ):
        column = {"sessions": "ended_at", "rate_limits": "expires_at"}.get(table, "expires_at")
        old = race_setup.behind.execute(f"SELECT COUNT(*) FROM {table} WHERE {column} < '2021-01-01'")
        assert old == [(0,)], table
    kept = "SELECT purpose FROM one_time_codes WHERE expires_at < '2021-01-01'"
    assert race_setup.behind.execute(kept) == [("invitation",)], "that one has expired is told to its owner"
    assert race_setup.behind.execute("SELECT position FROM deleted_users") == [(2,)], "the newest stays"


@on_mariadb
async def test_grants_of_upstreams_work_with_the_granted_privileges(
    race_setup: RaceSetup, services: dict[str, Service], tmp_path: Path
) -> None:
    race_setup.flows().join("upstream@example.com")
    with race_setup.behind.transaction() as connection:
        session, user = grant_lifecycle.newest_session(connection)
    settings = DatabaseSettings(database_url=SecretStr(accounts_url(services["auth"])))
    database = Database(settings, Metrics(), pool_size=2, timeout=10)
    try:
        await grant_lifecycle.live(database, user, session, tmp_path)
        settings = DatabaseSettings(database_url=SecretStr(accounts_url(services["users"])))
        by_users = Database(settings, Metrics(), pool_size=2, timeout=10)
        grant_lifecycle.delete_with_grant(database, by_users, user, tmp_path)
        by_users.dispose()
    finally:
        database.dispose()


@on_mariadb
@pytest.mark.parametrize(
    ("service", "statement", "error"),
    [
        ("auth", "UPDATE audit_events SET actor_id = NULL", 1142),
        ("auth", "DELETE FROM audit_events", 1142),
        ("auth", "TRUNCATE TABLE audit_events", 1142),
        ("users", "UPDATE audit_events SET actor_id = NULL", 1142),
        ("users", "DELETE FROM audit_events", 1142),
        ("users", "TRUNCATE TABLE audit_events", 1142),
        ("auth", "UPDATE users SET status = 'active'", 1143),
        ("auth", "UPDATE users SET name = 'x'", 1143),
        ("auth", "DELETE FROM users", 1142),
        ("auth", "DELETE FROM credentials", 1142),
        ("users", "SELECT password_hash FROM credentials", 1143),
        ("users", "SELECT COUNT(*) FROM credentials WHERE password_hash LIKE '$argon2%'", 1143),
        ("users", "SELECT * FROM credentials", 1142),
        ("users", "DELETE FROM credentials", 1142),
        ("users", "SELECT current_hash FROM sessions", 1143),
        ("users", "UPDATE sessions SET ended_at = NULL, current_hash = ''", 1143),
        ("users", "DELETE FROM sessions", 1142),
        ("users", "SELECT seed FROM one_time_codes", 1143),
        ("users", "SELECT seed FROM registration_codes", 1142),
        ("users", "SELECT password_hash FROM pending_registrations", 1142),
        ("users", "SELECT secret_hash FROM known_devices", 1143),
        ("users", "SELECT recipient FROM outbox", 1142),
        ("users", "DELETE FROM rate_limits", 1142),
        ("users", "DELETE FROM revocations", 1142),
        ("auth", "DELETE FROM upstream_grants", 1142),
        ("users", "SELECT id_token FROM upstream_grants", 1143),
        ("users", "UPDATE upstream_grants SET refresh_token = NULL", 1143),
        ("users", "SELECT username FROM upstream_identities", 1143),
        ("users", "SELECT refresh_token FROM upstream_revocations", 1142),
        ("users", "SELECT secret_hash FROM oauth_client_secrets", 1142),
        ("users", "SELECT secret_hash FROM browser_sessions", 1142),
        ("users", "SELECT secret_hash FROM authorization_codes", 1142),
        ("auth", "INSERT INTO group_members SELECT * FROM group_members", 1142),
    ],
)
def test_other_statements_are_denied(
    engines: dict[str, sa.Engine], service: str, statement: str, error: int
) -> None:
    with engines[service].connect() as connection, pytest.raises(sa.exc.DBAPIError) as rejected:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    assert rejected.value.orig is not None
    assert rejected.value.orig.args[0] == error, rejected.value.orig


def test_granted_and_used_privileges_are_the_same(
    installation: Installation, mailbox: Mailbox, people: People, tmp_path: Path
) -> None:
    """The granted privileges equal the used ones."""
    auth, users = installation.auth_app.state.resources, installation.users_app.state.resources
    with (
        provider(installation, tmp_path) as idp,
        watched(auth.database.engine, idp.auth_app.state.resources.database.engine) as by_auth,
        watched(users.database.engine) as by_users,
    ):
        live(installation, mailbox, people.admin.access)
        sign_in_by_steps(installation, installation, mailbox)
        mail = store_dead_letter(installation, people.user.email)
        installation.call("DELETE", f"{AUTH}/mail/dead-letters/{mail}", people.admin.access)
        assert installation.auth.portal is not None
        with installation.transaction() as connection:
            session, user = grant_lifecycle.newest_session(connection)
        installation.auth.portal.call(grant_lifecycle.live, auth.database, user, session, tmp_path)
        grant_lifecycle.delete_with_grant(auth.database, users.database, user, tmp_path)
        provider_lifecycle.live(installation, idp, people)
        actions = installation.execute(sa.text("SELECT DISTINCT action FROM audit_events"))
        assert {action for (action,) in actions} >= {action.value for action in PROVIDER}
        for resources in (auth, users):
            # SQLite has no heartbeat, and one process writes it for all.
            resources.database.write_now(partial(sentinels.write, name=Sentinel.HEARTBEAT))
            resources.database.write_now(sentinels.write_heartbeat)
        _store_expired_rows(installation)
        cleanup = cleanup_task(auth.database, auth.avatars, dead_letter_days=30)
        installation.auth.portal.call(cleanup.run_once)
        for client in (installation.auth, installation.users):
            assert client.get("/readyz").status_code == 200
    for service, used in (("auth", by_auth), ("users", by_users)):
        privileges = granted(service)
        assert used.privileges == privileges.keys(), service
        unused = {
            (privilege, table, column)
            for (privilege, table), columns in privileges.items()
            for column in columns or ()
            if not used.names(privilege, table, column)
        }
        assert unused == set(), service


def _store_expired_rows(installation: Installation) -> None:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    zero, some = uuid.UUID(int=0), bytes(32)
    with installation.transaction() as connection:
        connection.execute(rate_limits.update().values(expires_at=then))
        connection.execute(deleted_users.update().values(deleted_at=then))
        connection.execute(
            pending_registrations.insert().values(
                id=zero,
                email="x",
                email_key="x",
                name="x",
                password_hash="x",
                secret_hash=some,
                expires_at=then,
            )
        )
        connection.execute(
            registration_codes.insert().values(
                id=zero, email="x", spelling_key="x", email_key="x", seed=some[:16], expires_at=then
            )
        )
        connection.execute(
            revocations.insert().values(
                kind="user", subject_id=zero, token_version=1, revoked_at=then, expires_at=then
            )
        )
        connection.execute(
            avatars.insert().values(id=zero, digest=some[:16], storage="database", expires_at=then)
        )
        connection.execute(
            client_events.insert().values(id=zero, user_id=zero, name="bye", data="{}", created_at=then)
        )
        [user_id] = connection.execute(sa.select(known_devices.c.user_id).limit(1)).one()
        connection.execute(
            one_time_codes.insert().values(
                user_id=user_id,
                purpose="x",
                form="x",
                seed=some[:16],
                attempts=0,
                expires_at=then,
                sent_to="x",
            )
        )
        connection.execute(sa.text("UPDATE sessions SET idle_expires_at = '2020-01-01 00:00:00.000000'"))
