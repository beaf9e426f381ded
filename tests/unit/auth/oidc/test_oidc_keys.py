import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from doorward.cli import main
from doorward_auth.oidc.keys import open_oidc_keys
from doorward_client.keys.key_set import ES256, HS256, RS256, InvalidKeySetError
from doorward_kit.key_rotation import new_jwk, next_key_set

RSA, EC = new_jwk(RS256), new_jwk(ES256)
PUBLIC = {name: RSA[name] for name in ("kty", "n", "e", "alg", "use", "kid")}


def write(path: Path, *members: Any) -> Path:
    path.write_text(json.dumps({"keys": members}))
    return path


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([EC], "no RS256 key"),
        ([RSA, new_jwk(HS256)], "HS256"),
        ([PUBLIC], "no RS256 key"),
        ([{**RSA, "activate_at": 4_000_000_000}], "no RS256 key"),
        ([{**RSA, "retire_at": 1}], "no RS256 key"),
        ([], "JWK set"),
    ],
)
def test_a_set_that_no_client_could_verify_with_is_rejected(
    tmp_path: Path, members: list[Any], reason: str
) -> None:
    with pytest.raises(InvalidKeySetError, match=reason):
        open_oidc_keys(write(tmp_path / "keys.json", *members), on_failure=lambda: None)
    with pytest.raises(InvalidKeySetError, match="cannot be read"):
        open_oidc_keys(tmp_path / "none.json", on_failure=lambda: None)


def test_a_rotation_reaches_the_running_process_and_damage_does_not(tmp_path: Path) -> None:
    failures: list[None] = []
    path = write(tmp_path / "keys.json", RSA, EC)
    keys, watcher = open_oidc_keys(path, on_failure=lambda: failures.append(None))
    rotated = next_key_set(json.loads(path.read_text()), (), now=100, activate_in=0, keep_seconds=2**32)
    write(path, *rotated["keys"])
    watcher.check()
    assert keys.signing_with(RS256).kid == rotated["keys"][0]["kid"] != RSA["kid"]
    assert keys.signing_with(ES256).kid == rotated["keys"][1]["kid"] != EC["kid"]
    assert keys.verification_keys.keys() >= {RSA["kid"], EC["kid"]}
    for damaged in ("{", json.dumps({"keys": [EC]}), json.dumps({"keys": [RSA, new_jwk(HS256)]})):
        path.write_text(damaged)
        watcher.check()
        assert keys.signing_with(RS256).kid == rotated["keys"][0]["kid"]
    path.unlink()
    watcher.check()
    assert len(failures) == 4


def pem(key: Any) -> bytes:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return text


def test_keys_may_be_pem_and_keep_their_ids(tmp_path: Path) -> None:
    pair = rsa.generate_private_key(65_537, 2048), ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "keys.pem"
    path.write_bytes(b"".join(map(pem, pair)))
    keys, watcher = open_oidc_keys(path, on_failure=lambda: None)
    kids = {name: keys.signing_with(name).kid for name in (RS256, ES256)}
    again, _ = open_oidc_keys(path, on_failure=lambda: None)
    assert {name: again.signing_with(name).kid for name in (RS256, ES256)} == kids
    # Rotated, it is a JWK set.
    assert main(["rotate-key", "--set", "oidc", "--file", str(path), "--activate-in", "0"]) == 0
    watcher.check()
    assert set(kids.values()) < set(keys.verification_keys)
    assert keys.signing_with(RS256).kid not in kids.values()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (pem(ec.generate_private_key(ec.SECP384R1())), "neither RSA nor P-256"),
        (pem(rsa.generate_private_key(65_537, 1024)), "damaged"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "JWK set"),
    ],
)
def test_other_pem_is_rejected(tmp_path: Path, text: bytes, reason: str) -> None:
    path = tmp_path / "keys.pem"
    path.write_bytes(text)
    with pytest.raises(InvalidKeySetError, match=reason):
        open_oidc_keys(path, on_failure=lambda: None)
