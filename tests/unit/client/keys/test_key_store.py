import json
import os
import time
from pathlib import Path

import pytest

from doorward_client.keys.key_set import ES256, HS256, InvalidKeySetError, KeySet
from doorward_client.keys.key_store import KeySetWatcher, KeyStore, NoSigningKeyError
from doorward_kit.key_rotation import new_jwk
from doorward_kit.metrics import Metrics


def text(*members: object) -> bytes:
    return json.dumps({"keys": members}).encode()


def cannot_sign(key_set: KeySet) -> str | None:
    return "has no key that signs now" if key_set.signing_key(time.time()) is None else None


def follow(path: Path) -> tuple[KeyStore, KeySetWatcher, Metrics]:
    metrics = Metrics()
    keys = KeyStore(KeySet.parse(path.read_bytes()), problem=cannot_sign)
    return keys, KeySetWatcher(keys, path, metrics.verification), metrics


def test_keys_become_active_and_retire_with_the_clock() -> None:
    now = 100.0
    old, new = new_jwk(HS256) | {"retire_at": 300}, new_jwk(HS256, activate_at=200)
    keys = KeyStore(KeySet.parse(text(old, new)), clock=lambda: now)
    before = keys.verification_keys
    assert keys.signing.kid == old["kid"]
    now = 200
    keys.refresh()
    assert keys.signing.kid == new["kid"]
    assert keys.verification_keys is before  # nothing to forget: both still verify
    now = 300
    keys.refresh()
    assert keys.verification_keys is not before
    assert set(keys.verification_keys) == {new["kid"]}


@pytest.mark.parametrize("algorithm", [HS256, ES256])
def test_equal_keys_change_nothing(tmp_path: Path, algorithm: str) -> None:
    """After a start the watcher reads the file that the process has read already."""
    path = tmp_path / "keys.json"
    member = new_jwk(algorithm)
    path.write_bytes(text(member))
    keys, watcher, _ = follow(path)
    before = keys.verification_keys
    watcher.check()
    path.write_bytes(text(member | {"use": "sig"}))
    watcher.check()
    assert keys.verification_keys is before
    path.write_bytes(text(new_jwk(algorithm) | {"kid": member["kid"]}))
    watcher.check()
    assert keys.verification_keys is not before


def test_a_store_whose_last_key_retired_is_reported() -> None:
    now = 100.0
    keys = KeyStore(KeySet.parse(text(new_jwk(HS256) | {"retire_at": 200})), clock=lambda: now)
    now = 200
    keys.refresh()
    assert not keys.verification_keys
    with pytest.raises(NoSigningKeyError):
        _ = keys.signing


def test_a_changed_file_is_loaded_even_behind_a_replaced_symlink(tmp_path: Path) -> None:
    first, second, third = (new_jwk(HS256) for _ in range(3))
    for name, member in (("one", first), ("two", second)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys.json").write_bytes(text(member))
    link = tmp_path / "data"
    link.symlink_to("one")
    path = link / "keys.json"
    keys, watcher, _ = follow(path)
    watcher.check()
    assert set(keys.verification_keys) == {first["kid"]}
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(link)  # like the kubelet
    watcher.check()
    assert set(keys.verification_keys) == {second["kid"]}
    same_time = path.stat().st_mtime_ns
    path.write_bytes(text(third))
    os.utime(path, ns=(same_time, same_time))
    watcher.check()
    assert set(keys.verification_keys) == {third["kid"]}


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        text(),
        text(new_jwk(HS256, activate_at=4_000_000_000)),
        text({name: value for name, value in new_jwk(ES256).items() if name != "d"}),
    ],
    ids=["empty", "half", "no keys", "none active", "none private"],
)
def test_an_unusable_file_is_counted_and_ignored(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(text(new_jwk(HS256)))
    keys, watcher, metrics = follow(path)
    before = keys.signing
    path.write_bytes(damaged)
    for _ in range(3):
        watcher.check()
    assert keys.signing == before
    assert b"doorward_key_set_reload_failures_total 1.0" in metrics.render()
    path.unlink()
    watcher.check()
    assert keys.signing == before


def test_a_verifying_store_accepts_public_keys() -> None:
    public = {name: value for name, value in new_jwk(ES256).items() if name != "d"}
    keys = KeyStore(KeySet({}))
    keys.replace(KeySet.parse(text(public)))
    assert set(keys.verification_keys) == {public["kid"]}
    assert not keys.can_sign


def test_a_signing_store_rejects_a_set_without_a_signing_key() -> None:
    keys = KeyStore(KeySet.of_secret("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"), problem=cannot_sign)
    with pytest.raises(InvalidKeySetError, match="signs now"):
        keys.replace(KeySet({}))
