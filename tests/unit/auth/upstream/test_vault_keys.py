"""The key file of the vault: what is valid, which key seals, and when a change is read."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from doorward_auth.vault.errors import UnknownVaultKeyError
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.keys import MAX_KEYS, InvalidVaultKeysError, VaultKeySet
from doorward_auth.vault.rotation import new_key, with_key, without_keys
from doorward_auth.vault.settings import VaultSettings, open_key_store
from doorward_client import base64url
from doorward_client.settings import SettingsError, load_settings
from doorward_kit.key_rotation import write_key_set

NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def parsed(document: dict[str, Any]) -> VaultKeySet:
    return VaultKeySet.parse(json.dumps(document).encode())


def id_of(document: dict[str, Any], position: int = 0) -> str:
    kid: str = document["keys"][position]["kid"]
    return kid


KEY = new_key()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "is not JSON"),
        (b"[]", "is not a JWK set"),
        (b'{"keys": []}', "is not a JWK set"),
        (json.dumps({"keys": [new_key() for _ in range(MAX_KEYS + 1)]}).encode(), "1 to 16"),
        (json.dumps({"keys": [KEY, KEY]}).encode(), "the same key twice"),
        (json.dumps({"keys": ["k"]}).encode(), "is no key at position 1"),
        (json.dumps({"keys": [KEY | {"kty": "EC"}]}).encode(), "position 1"),
        (json.dumps({"keys": [KEY | {"alg": "HS256"}]}).encode(), "position 1"),
        (json.dumps({"keys": [KEY | {"use": "sig"}]}).encode(), "position 1"),
        (json.dumps({"keys": [KEY | {"k": "="}]}).encode(), "no base64url"),
        (json.dumps({"keys": [KEY | {"k": base64url.encode(bytes(32))}]}).encode(), "repetitive"),
        (json.dumps({"keys": [KEY | {"k": base64url.encode(bytes(range(48)))}]}).encode(), "32 bytes"),
        (json.dumps({"keys": [KEY | {"activate_at": "soon"}]}).encode(), "activate_at"),
        (json.dumps({"keys": [KEY | {"k": new_key()["k"]}]}).encode(), "under the id of an older one"),
    ],
    # The keys are random, and workers must agree on the names of tests.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_other_files_are_rejected_and_no_error_quotes_a_key(text: bytes, reason: str) -> None:
    with pytest.raises(InvalidVaultKeysError, match=reason) as rejected:
        VaultKeySet.parse(text)
    assert KEY["k"] not in str(rejected.value)


def test_a_key_needs_nothing_but_its_bytes() -> None:
    key = new_key()
    keys = parsed({"keys": [{"kty": "oct", "k": key["k"]}]})
    assert keys.current(NOW).kid == key["kid"]


def test_a_new_key_seals_from_its_time_on_and_the_old_one_still_opens() -> None:
    first = {"keys": [new_key()]}
    following = with_key(first, activate_at=NOW + 300)
    keys = parsed(following)
    assert keys.current(NOW + 299).kid == id_of(first)
    assert keys.current(NOW + 300).kid == id_of(following)
    assert {key.kid for key in keys.keys.values()} == {id_of(first), id_of(following)}
    pending = keys.pending(NOW)
    assert pending is not None
    assert pending.kid == id_of(following)
    assert keys.pending(NOW + 300) is None
    assert without_keys(following, [id_of(first)])["keys"] == [following["keys"][0]]


def test_there_is_always_a_key_that_seals() -> None:
    """A refresh token that was just issued is lost if it cannot be sealed."""
    document = with_key(with_key({"keys": []}, activate_at=NOW + 20), activate_at=NOW + 10)
    assert parsed(document).current(NOW).kid == id_of(document)


def test_a_full_file_is_not_extended() -> None:
    with pytest.raises(InvalidVaultKeysError, match="16 keys already"):
        with_key({"keys": [new_key() for _ in range(MAX_KEYS)]}, activate_at=NOW)


def test_a_change_of_the_file_is_read_and_a_damaged_file_keeps_the_keys(tmp_path: Path) -> None:
    path, clock, failures = tmp_path / "vault.json", Clock(), []
    first = {"keys": [new_key()]}
    write_key_set(path, first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store = VaultKeyStore(path, clock=clock, on_failure=lambda: failures.append(1))
    following = with_key(first, activate_at=NOW + 300)
    write_key_set(path, following)
    with capture_logs() as lines:
        store.check()
        path.write_text("{}")
        store.check()
        store.check()
        path.unlink()
        store.check()
        store.check()
    events = [line["event"] for line in lines]
    assert events == ["vault_keys.loaded", "vault_keys.invalid", "vault_keys.unreadable"]
    assert len(failures) == 2
    assert not [line for line in lines if following["keys"][0]["k"] in str(line)]
    assert store.current.kid == id_of(first)
    clock.now += 300
    assert store.current.kid == id_of(following)


def test_an_unknown_key_makes_the_file_be_read_at_once(tmp_path: Path) -> None:
    """Another process has read the file a moment earlier, and sealed with its new key."""
    path = tmp_path / "vault.json"
    first = {"keys": [new_key()]}
    write_key_set(path, first)
    store = VaultKeyStore(path)
    following = with_key(first, activate_at=0)
    new_id = bytes.fromhex(id_of(following))
    with pytest.raises(UnknownVaultKeyError):
        store.find(new_id)
    write_key_set(path, following)
    assert store.find(new_id).kid == id_of(following)


def test_an_upstream_without_a_vault_refuses_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"DOORWARD_VAULT_KEYS_FILE is not set.*rotate-vault"):
        open_key_store(VaultSettings(), has_upstreams=True)
    path = tmp_path / "vault.json"
    monkeypatch.setenv("DOORWARD_VAULT_KEYS_FILE", str(path))
    with pytest.raises(SettingsError, match="DOORWARD_VAULT_KEYS_FILE names a file that cannot be read"):
        load_settings(VaultSettings)
    path.write_text('{"keys": []}')
    with pytest.raises(SettingsError, match="DOORWARD_VAULT_KEYS_FILE is not a JWK set"):
        load_settings(VaultSettings)
    write_key_set(path, {"keys": [KEY]})
    assert open_key_store(load_settings(VaultSettings), has_upstreams=True).current.kid == KEY["kid"]
