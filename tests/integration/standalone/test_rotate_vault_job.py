"""The Job of the chart that encrypts stored tokens with the next key, run as it is written there."""

import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import sqlalchemy as sa

from doorward.cli import main
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.rotation import new_key
from doorward_auth.vault.vault import Place, Vault
from doorward_client.permissions import Role
from doorward_identity.accounts import NewAccount, create_account
from doorward_identity.tables import upstream_grants

TEMPLATE: Final = (
    Path(__file__).parents[3] / "charts" / "doorward" / "templates" / "upstreams" / "rotate-vault.yaml"
)
MOUNTED: Final = "/run/secrets/doorward/vault-keys.json"
PROVIDER: Final = "theapi"


class RotateVaultJob:
    """A database with one stored token, the mounted keys, and the Job."""

    def __init__(self, folder: Path) -> None:
        self._keys = folder / "vault-keys.json"
        self._engine = sa.create_engine(f"sqlite:///{folder / 'doorward.db'}")

    def mount(self, *keys: dict[str, Any]) -> None:
        self._keys.write_bytes(orjson.dumps({"keys": keys}))

    def store_token(self) -> None:
        """Store a token that is encrypted with the current one of the mounted keys."""
        vault, grant_id, user_id = Vault(VaultKeyStore(self._keys)), uuid.uuid4(), uuid.uuid4()
        key, now = vault.current_key, datetime.now(UTC)
        place = Place("upstream_grants", "access_token", grant_id, PROVIDER)
        email = "ada@example.com"
        user = NewAccount(
            id=user_id, email=email, email_key=email, name="Ada", role=Role.USER, is_verified=True
        )
        with self._engine.begin() as connection:
            create_account(connection, user)
            connection.execute(
                upstream_grants.insert().values(
                    id=grant_id,
                    user_id=user_id,
                    provider=PROVIDER,
                    state="active",
                    generation=1,
                    access_token=vault.seal("a token", place, key),
                    key_id=key.id_bytes,
                    scope="",
                    attempts=0,
                    last_refreshed_at=now,
                    created_at=now,
                )
            )

    def lose_key(self) -> str:
        """Mount another key than that of a stored token; return the id of the token's."""
        lost = new_key()
        self.mount(lost)
        self.store_token()
        self.mount(new_key())
        return str(lost["kid"])

    def run(self, *more: str) -> str:
        """Run the Job over a read-only folder; return its log."""
        text = TEMPLATE.read_text(encoding="utf-8")
        (command,), (arguments,) = (re.findall(rf"{name}: \[(.+)\]\n", text) for name in ("command", "args"))
        words = [*command.split(", "), *arguments.split(", "), *more]
        mounted = {"python": sys.executable, MOUNTED: str(self._keys)}
        before = self._keys.read_bytes(), sorted(self._keys.parent.iterdir())
        done = subprocess.run(
            [mounted.get(word, word) for word in words],
            env={"DOORWARD_DATABASE_URL": str(self._engine.url), "PATH": "/usr/bin:/bin"},
            check=True,
            timeout=120,  # it waits for no key
            capture_output=True,
            text=True,
        )
        assert (self._keys.read_bytes(), sorted(self._keys.parent.iterdir())) == before
        return done.stderr

    def key_of_token(self) -> str | None:
        with self._engine.connect() as connection:
            key_id: bytes | None = connection.execute(sa.select(upstream_grants.c.key_id)).scalar_one()
        return None if key_id is None else key_id.hex()

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RotateVaultJob]:
    monkeypatch.setenv("DOORWARD_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("doorward.cli.configure_logging", lambda *_: None)
    assert main(["migrate"]) == 0
    job = RotateVaultJob(tmp_path)
    yield job
    job.close()


def test_stored_tokens_are_encrypted_with_the_next_key(job: RotateVaultJob) -> None:
    first, second = new_key(), new_key(activate_at=int(time.time()) - 1)
    job.mount(first)
    job.store_token()
    job.mount(second, first)
    job.run()
    assert job.key_of_token() == second["kid"]


def test_a_key_that_was_removed_too_early_is_named_and_nothing_is_given_up(job: RotateVaultJob) -> None:
    lost = job.lose_key()
    assert f"does not have: {lost}" in job.run()
    assert job.key_of_token() == lost


def test_tokens_of_a_lost_key_are_given_up_when_the_operator_says_so(job: RotateVaultJob) -> None:
    job.lose_key()
    assert "gave up 1 grants" in job.run("--end-unreadable")
    assert job.key_of_token() is None


def test_a_key_that_is_not_active_yet_encrypts_nothing(job: RotateVaultJob) -> None:
    first, second = new_key(), new_key(activate_at=int(time.time()) + 3_600)
    job.mount(first)
    job.store_token()
    job.mount(second, first)
    job.run()
    assert job.key_of_token() == first["kid"]


def test_without_a_next_key_no_other_key_is_used_than_those_of_the_secret(job: RotateVaultJob) -> None:
    key = new_key()
    job.mount(key)
    job.store_token()
    job.run()
    assert job.key_of_token() == key["kid"]
