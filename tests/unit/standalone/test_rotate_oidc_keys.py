import json
import time
from pathlib import Path
from typing import Any

import pytest

from doorward.cli import main
from doorward_client.keys.key_set import ES256, RS256, KeySet


def rotate(path: Path, *options: str) -> list[dict[str, Any]]:
    assert main(["rotate-key", "--set", "oidc", "--file", str(path), *options]) == 0
    KeySet.parse(path.read_bytes())
    keys: list[dict[str, Any]] = json.loads(path.read_bytes())["keys"]
    return keys


def test_the_keys_for_clients_are_announced_an_hour_before_and_kept_for_two_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A secret of Doorward's own services never gets into a set that is published.
    monkeypatch.setenv("DOORWARD_SECRET_KEY", "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5")
    path = tmp_path / "keys.json"
    first = rotate(path)
    assert [key["alg"] for key in first] == [RS256, ES256]
    capsys.readouterr()
    second = rotate(path)
    now = int(time.time())
    assert [key["alg"] for key in second] == [RS256, ES256, RS256, ES256]
    assert [key["kid"] for key in second[2:]] == [key["kid"] for key in first]
    assert all(abs(key["activate_at"] - now - 3_600) < 30 for key in second[:2])
    assert all(key["retire_at"] == second[0]["activate_at"] + 172_800 for key in second[2:])
    assert capsys.readouterr().err.count(" signs in 3") == 2
    assert main(["rotate-key", "--set", "oidc", "--file", str(path)]) == 1  # one rotation at a time


def test_leaked_keys_are_replaced_at_once_by_one_of_each_algorithm(tmp_path: Path) -> None:
    first = rotate(tmp_path / "keys.json")
    second = rotate(tmp_path / "keys.json", "--leaked")
    assert [key["alg"] for key in second] == [RS256, ES256]
    assert {key["kid"] for key in first}.isdisjoint(key["kid"] for key in second)


@pytest.mark.parametrize(("key_set", "algorithm"), [("oidc", "HS256"), ("main", "RS256")])
def test_each_set_has_algorithms_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key_set: str, algorithm: str
) -> None:
    path = tmp_path / "keys.json"
    options = ["--set", key_set, "--file", str(path), "--algorithm", algorithm]
    assert main(["rotate-key", *options]) != 0
    assert f"of the {key_set} set" in capsys.readouterr().err
    assert not path.exists()


def test_the_setting_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_OIDC_JWKS_FILE", str(tmp_path / "named.json"))
    monkeypatch.setenv("DOORWARD_DATA_DIR", str(tmp_path))
    assert main(["rotate-key", "--set", "oidc"]) == 0
    assert (tmp_path / "named.json").exists()
    monkeypatch.delenv("DOORWARD_OIDC_JWKS_FILE")
    assert main(["rotate-key", "--set", "oidc"]) == 0
    assert (tmp_path / "oidc-keys.json").exists()
