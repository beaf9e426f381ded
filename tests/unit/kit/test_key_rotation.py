import json
import stat
from pathlib import Path
from typing import Any

import pytest

from doorward_client.keys.key_set import ES256, HS256, RS256, InvalidKeySetError, KeySet
from doorward_kit.key_rotation import (
    LONGEST_TOKEN_SECONDS,
    RotationPendingError,
    new_jwk,
    next_key_set,
    replacing_key_set,
    write_key_set,
)

NOW = 1_800_000_000


def parsed(document: dict[str, Any]) -> KeySet:
    return KeySet.parse(json.dumps(document))


def first() -> dict[str, Any]:
    return {"keys": [new_jwk(HS256)]}


def test_the_old_key_verifies_until_its_last_token_expires() -> None:
    before = first()
    old = before["keys"][0]["kid"]
    after = next_key_set(before, (), now=NOW, activate_in=300)
    keys = parsed(after)
    signing = keys.signing_key(NOW + 299)
    assert signing is not None
    assert signing.kid == old
    following = keys.signing_key(NOW + 300)
    assert following is not None
    assert following.kid != old
    assert set(keys.verification_keys(NOW)) == {old, following.kid}
    assert old in keys.verification_keys(NOW + 300 + LONGEST_TOKEN_SECONDS)
    assert set(keys.verification_keys(NOW + 300 + LONGEST_TOKEN_SECONDS + 200)) == {following.kid}


def test_a_further_rotation_drops_what_has_retired_and_prolongs_nothing() -> None:
    document = first()
    for day in range(5):
        document = next_key_set(document, (), now=NOW + day * 86_400, activate_in=300)
        assert len(document["keys"]) == 2
    hourly = next_key_set(document, (), now=NOW + 4 * 86_400 + 600, activate_in=300)
    assert hourly["keys"][2]["retire_at"] == document["keys"][1]["retire_at"]


def test_one_rotation_at_a_time() -> None:
    pending = next_key_set(first(), (), now=NOW, activate_in=300)
    with pytest.raises(RotationPendingError, match="in 200 s"):
        next_key_set(pending, (), now=NOW + 100, activate_in=300)


def test_the_algorithm_is_kept_by_default() -> None:
    turned = next_key_set(first(), (ES256,), now=NOW, activate_in=0)
    assert [key["alg"] for key in turned["keys"]] == [ES256, HS256]
    again = next_key_set(turned, (), now=NOW + 1, activate_in=0)
    assert [key["alg"] for key in again["keys"]] == [ES256, ES256, HS256]


def test_a_set_that_signs_with_several_algorithms_gets_a_new_key_of_each() -> None:
    before = {"keys": [new_jwk(RS256), new_jwk(ES256)]}
    after = next_key_set(before, (), now=NOW, activate_in=3_600, keep_seconds=172_800)
    old = {key["alg"]: key["kid"] for key in before["keys"]}
    new = {key["alg"]: key["kid"] for key in after["keys"][:2]}
    keys = parsed(after)
    assert {name: key.kid for name, key in keys.signing_keys(NOW + 3_599).items()} == old
    assert {name: key.kid for name, key in keys.signing_keys(NOW + 3_600).items()} == new
    assert set(keys.verification_keys(NOW + 3_600 + 172_799)) == {*old.values(), *new.values()}
    assert set(keys.verification_keys(NOW + 3_600 + 172_800)) == {*new.values()}


def test_a_leaked_key_is_removed_at_once() -> None:
    before = first()
    after = parsed(replacing_key_set(before, (), now=NOW))
    assert before["keys"][0]["kid"] not in after.keys
    assert after.signing_key(0) is not None


def test_other_members_of_the_document_are_kept() -> None:
    assert next_key_set(first() | {"note": "ours"}, (), now=NOW, activate_in=0)["note"] == "ours"
    with pytest.raises(InvalidKeySetError):
        next_key_set({"keys": "none"}, (), now=NOW, activate_in=0)


def test_the_file_is_replaced_atomically_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_key_set(path, first())
    write_key_set(path, second := first())
    assert json.loads(path.read_bytes()) == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
