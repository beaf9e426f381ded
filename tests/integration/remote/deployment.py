"""Auth and users with their own private keys, and the users who call a remote service."""

import contextlib
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from doorward_client.keys.key_set import ES256
from doorward_kit.key_rotation import new_jwk
from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.keys.key_deployment import without_secret
from integration.keys.tokens import signed
from integration.remote.own_service import OwnService
from support.databases import Database
from support.services import PATIENT, Service

CLIENT: Final = ("reports", secrets.token_urlsafe(32))


@dataclass(frozen=True)
class SignedIn:
    """A user with an access token."""

    member: Member
    access: str


class RemoteDeployment(Deployment):
    """Both services over one MariaDB, where a client called `reports` is registered."""

    def __init__(self, database: Database, folder: Path, **env: str) -> None:
        self.document = {"keys": [new_jwk(ES256)]}
        self._env = {
            **PATIENT,
            "DOORWARD_JWKS": json.dumps(self.document),
            "DOORWARD_OAUTH_CLIENTS": json.dumps(dict([CLIENT])),
            **env,
        }
        super().__init__(database.url, folder, **self._env)
        self.database = database
        for service in self.services:
            without_secret(service)
        self.admin = self.token_of(enrol(database.url, 1, role="admin")[0])

    def replica(self, log: str, **env: str) -> Service:
        """Prepare another auth process over the same database with the same keys."""
        service = Service(
            "auth", database_url=self.database_url, log=self.folder / log, env={**self._env, **env}
        )
        without_secret(service)
        return service

    def own_service(self, log: str, *, auth_url: str | None = None, **env: str) -> OwnService:
        """Prepare a remote service that trusts this deployment."""
        where = auth_url or f"{self.auth.url}{AUTH}"
        return OwnService(self.folder / log, auth_url=where, client=CLIENT, **env)

    def token_of(self, member: Member, *, role: str = "admin") -> str:
        """Sign a token for a user without calling auth."""
        return signed(self.document, member.id, role=role)

    def sign_in(self, *, role: str = "user") -> SignedIn:
        """Create a user and log in."""
        [member] = enrol(self.database_url, 1, role=role)
        body = {"email": member.email, "password": PASSWORD}
        answer = self.call("POST", f"{AUTH}/token", json=body)
        assert answer.status == 200, answer.response.text
        return SignedIn(member, answer.response.json()["access_token"])

    def log_out(self, user: SignedIn) -> None:
        """End the session of a user."""
        assert self.call("POST", f"{AUTH}/logout", user.access).status == 204

    def change(self, user: SignedIn, **changes: Any) -> None:
        """Change the account of a user as an administrator."""
        answer = self.call("PATCH", user.member.path, self.admin, json=changes)
        assert answer.status == 200, answer.response.text

    def revoke_at_once(self, sessions: Sequence[uuid.UUID], *, seconds: int = 300) -> None:
        """Insert session revocations into the database directly, dated 30 seconds ago."""
        [(now,)] = self.database.execute("SELECT UTC_TIMESTAMP(6)")
        before, until = now - timedelta(seconds=30), now + timedelta(seconds=seconds)
        connection = self.database.server.connect(self.database.name)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO revocations (kind, subject_id, token_version, revoked_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [("session", session.bytes, 0, before, until) for session in sessions],
            )
