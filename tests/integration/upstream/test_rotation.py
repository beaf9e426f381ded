"""`doorward rotate-vault`: every grant gets the new key, and none is lost on the way."""

import fcntl
import json
import os
import stat
import time
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from doorward import vault_rotation
from doorward.vault_rotation import VaultRotation
from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.vault import resealing
from doorward_auth.vault.keys import VaultKeySet
from doorward_auth.vault.rotation import new_key
from doorward_client.settings import SettingsError
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now
from doorward_kit.key_rotation import write_key_set
from doorward_kit.unit_of_work import Database
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.revocation_rows import change, reject, rows, unlink
from integration.upstream.rotating_upstream import RotatingUpstream
from integration.upstream.vault_keys import keys_of_grants, kids, run


def test_the_first_run_makes_a_key(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "vault.json"
    assert run(database, path) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = VaultKeySet.parse(path.read_bytes())
    assert keys.pending(time.time()) is None
    said = capsys.readouterr()
    assert "made the first key" in said.err
    assert orjson.loads(path.read_bytes())["keys"][0]["k"] not in said.err + said.out


async def test_a_rotation_seals_every_grant_with_the_new_key(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resealing, "BATCH_SIZE", 3)
    tokens = [upstream.issue() for _ in range(7)]
    grants = [grant_setup.store(token, grant_setup.open_session()) for token in tokens]
    grant_setup.store(upstream.issue(id_token=None), grant_setup.open_session())
    [old] = kids(keys)
    assert run(database, keys, "--activate-in", "0") == 0
    new, kept = kids(keys)
    assert kept == old, "a process may still seal with it"
    assert keys_of_grants(grant_setup) == {new}
    grant_setup.grants.keys.check()
    for one, grant in zip(tokens, grants, strict=True):
        row = grant_setup.row(grant)
        assert {
            value.key_id.hex() for value in (row.access_token, row.refresh_token, row.id_token) if value
        } == {new}
        stored = grant_setup.grants.service._sealing.open(row)
        assert (stored.access_token, stored.refresh_token, stored.id_token) == (
            one.access_token,
            one.refresh_token,
            one.id_token,
        )
        assert (row.generation, row.state) == (1, GrantState.ACTIVE)
    [(details,)] = grant_setup.execute(
        sa.text("SELECT details FROM audit_events WHERE action = 'command:vault:rotated'")
    )
    assert json.loads(details) == {"key": new, "resealed": 8, "unreadable": 0}
    monkeypatch.setattr(vault_rotation, "DROP_AFTER_SECONDS", 0)
    assert run(database, keys, "--activate-in", "0") == 0
    assert old not in kids(keys)


def test_the_new_key_seals_nothing_before_every_process_has_it(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grant_setup.store(upstream.issue(), grant_setup.open_session())
    [old] = kids(keys)
    began = int(time.time())
    for _ in range(2):
        assert run(database, keys, "--no-wait") == 0
        assert "seals in" in capsys.readouterr().err
    new, _ = kids(keys)
    assert keys_of_grants(grant_setup) == {old}
    grant_setup.grants.keys.check()
    grant_setup.store(upstream.issue(), grant_setup.open_session())
    assert keys_of_grants(grant_setup) == {old}
    store = VaultKeySet.parse(keys.read_bytes())
    pending = store.pending(time.time())
    assert pending is not None
    assert pending.activate_at >= began + 300
    assert store.current(pending.activate_at - 1).kid == old
    assert store.current(pending.activate_at).kid == new


def test_a_rotation_that_was_stopped_goes_on(
    grant_setup: GrantSetup, upstream: RotatingUpstream, database: Database, keys: Path
) -> None:
    """The key is active, and half of the grants have it."""
    grants = [grant_setup.store(upstream.issue(), grant_setup.open_session()) for _ in range(4)]
    rotation = VaultRotation(keys, database)
    rotation.add_key(0)
    grant_setup.grants.keys.check()
    grant_setup.store(upstream.issue(), grant_setup.open_session())
    assert len(keys_of_grants(grant_setup)) == 2
    before = kids(keys)
    assert run(database, keys) == 0
    assert kids(keys) == before, "no further key"
    assert keys_of_grants(grant_setup) == {before[0]}
    assert len(grants) == 4


async def test_a_grant_that_does_not_open_is_left_to_the_services(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = (grant_setup.store(upstream.issue(), grant_setup.open_session()) for _ in range(2))
    [(value,)] = grant_setup.execute(
        sa.select(upstream_grants.c.refresh_token).where(upstream_grants.c.id == good)
    )
    grant_setup.execute(
        upstream_grants.update().where(upstream_grants.c.id == bad).values(refresh_token=value)
    )
    [old] = kids(keys)
    assert run(database, keys, "--activate-in", "0") == 0
    said = capsys.readouterr().err
    assert "1 grants cannot be opened" in said
    assert "revocations cannot" not in said
    assert old in kids(keys)
    row = grant_setup.row(bad)
    assert row.due_at is not None
    assert row.due_at <= row.now
    grant_setup.expire(bad)
    answer = await grant_setup.ensure_fresh(bad, budget=30.0)
    assert answer.status is AnswerStatus.REAUTH_REQUIRED
    assert keys_of_grants(grant_setup) == {kids(keys)[0]}


def test_a_key_that_a_grant_needs_is_not_dropped(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vault_rotation, "DROP_AFTER_SECONDS", 0)
    grant_setup.store(upstream.issue(), grant_setup.open_session())
    [old] = kids(keys)
    rotation = VaultRotation(keys, database)
    rotation.add_key(0)
    assert rotation.drop_unused() == [old]
    rotation.reseal()
    assert rotation.drop_unused() == []
    assert len(kids(keys)) == 1


def test_two_commands_cannot_change_the_keys_at_the_same_time(
    grant_setup: GrantSetup, upstream: RotatingUpstream, database: Database, keys: Path
) -> None:
    """The second would overwrite a key that has sealed something."""
    grant_setup.store(upstream.issue(), grant_setup.open_session())
    before = keys.read_bytes()
    folder = os.open(keys.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(SettingsError, match="another rotate-vault"):
        run(database, keys, "--activate-in", "0")
    assert run(database, keys, "--seal-only") == 0
    os.close(folder)
    assert keys.read_bytes() == before
    assert run(database, keys, "--activate-in", "0") == 0


def test_giving_up_tokens_needs_the_option_that_changes_no_key(database: Database, keys: Path) -> None:
    with pytest.raises(SettingsError, match="needs --seal-only"):
        run(database, keys, "--end-unreadable")


def test_an_unusable_file_is_an_error_of_one_line(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "vault.json"
    path.write_text("{}")
    with pytest.raises(SettingsError, match=r"vault\.json is not a JWK set"):
        run(database, path)
    with pytest.raises(SettingsError, match="cannot be used"):
        run(database, path / "vault.json")


@pytest.mark.parametrize("is_stored", [True, False], ids=["of a grant", "of a login"])
async def test_tokens_to_revoke_get_the_new_key(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_stored: bool,
) -> None:
    monkeypatch.setattr(resealing, "BATCH_SIZE", 2)
    monkeypatch.setattr(vault_rotation, "DROP_AFTER_SECONDS", 0)
    tokens = [upstream.issue() for _ in range(5)]
    for one in tokens:
        if is_stored:
            session = grant_setup.open_session()
            grant_setup.store(one, session)
            unlink(grant_setup, session.user)
        else:
            reject(grant_setup, one)
    rotation = VaultRotation(keys, database)
    rotation.add_key(0)
    new, old = kids(keys)
    assert rotation.unused == [], "they need the old one"
    assert rotation.reseal().resealed == 5
    assert {row.key_id.hex() for row in rows(grant_setup)} == {new}
    assert rotation.drop_unused() == []
    assert kids(keys) == [new]
    assert old != new
    grant_setup.grants.keys.check()
    await grant_setup.deliver()
    revoked = {(one.access_token, one.refresh_token) for one in upstream.revoked}
    assert revoked == {(one.access_token, one.refresh_token) for one in tokens}


def test_tokens_to_revoke_whose_key_is_lost_are_given_up(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reject(grant_setup, upstream.issue())
    write_key_set(keys, {"keys": [new_key()]})
    grant_setup.grants.keys.check()
    reject(grant_setup, upstream.issue())
    rotation = VaultRotation(keys, database)
    assert len(rotation.missing) == 1
    assert run(database, keys, "--seal-only", "--end-unreadable") == 0
    said = capsys.readouterr().err
    assert "gave up 0 grants" in said
    assert "gave up 1 revocations" in said
    assert [row.key_id.hex() for row in rows(grant_setup)] == kids(keys)


def test_tokens_to_revoke_that_do_not_open_are_left_to_the_services(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    database: Database,
    keys: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        reject(grant_setup, upstream.issue())
    good, bad = rows(grant_setup)
    change(grant_setup, bad.id, refresh_token=good.refresh_token, due_at=utc_now(1_000))
    [old] = kids(keys)
    assert run(database, keys, "--activate-in", "0") == 0
    said = capsys.readouterr().err
    assert "sealed 0 grants and 1 revocations" in said
    assert "1 revocations cannot be opened" in said
    assert "log in" not in said
    assert old in kids(keys)
    [left] = [row for row in rows(grant_setup) if row.key_id.hex() == old]
    assert (left.id, left.due_at <= left.now) == (bad.id, True)
