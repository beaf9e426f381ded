"""With an upstream, `doorward serve` needs no further setting: it makes the first key of the vault."""

import stat
from pathlib import Path

import pytest

from doorward.settings import StandaloneSettings
from doorward_auth.vault.keys import VaultKeySet
from doorward_client.settings import load_settings

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "upstream" / "upstreams.json"


def test_the_first_key_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DOORWARD_UPSTREAMS_FILE", str(EXAMPLE))
    monkeypatch.setenv("DOORWARD_PORT", "9000")
    settings = load_settings(StandaloneSettings)
    path = tmp_path / "vault-keys.json"
    assert settings.vault_keys_file == path
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.providers.keys() == {"theapi"}
    made = path.read_bytes()
    assert len(VaultKeySet.parse(made).keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load_settings(StandaloneSettings)
    assert path.read_bytes() == made


def test_without_an_upstream_there_is_no_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATA_DIR", str(tmp_path))
    assert load_settings(StandaloneSettings).vault_keys_file is None
    assert not (tmp_path / "vault-keys.json").exists()
