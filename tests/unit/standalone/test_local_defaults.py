"""`doorward serve` needs no setting: it makes its keys, and knows its address."""

import stat
from pathlib import Path

import pytest

from doorward.settings import StandaloneSettings
from doorward_auth.vault.keys import VaultKeySet
from doorward_client.keys.key_set import ES256, RS256, KeySet
from doorward_client.settings import SettingsError, load_settings

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "upstream" / "upstreams.json"


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATA_DIR", str(tmp_path))


def test_with_an_upstream_the_first_key_of_the_vault_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORWARD_UPSTREAMS_FILE", str(EXAMPLE))
    settings = load_settings(StandaloneSettings)
    path = tmp_path / "vault-keys.json"
    assert settings.vault_keys_file == path
    assert settings.providers.keys() == {"theapi"}
    made = path.read_bytes()
    assert len(VaultKeySet.parse(made).keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load_settings(StandaloneSettings)
    assert path.read_bytes() == made


def test_without_an_upstream_there_is_no_vault(tmp_path: Path) -> None:
    assert load_settings(StandaloneSettings).vault_keys_file is None
    assert not (tmp_path / "vault-keys.json").exists()


def test_openid_connect_is_on_with_keys_that_are_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORWARD_PORT", "9000")
    settings = load_settings(StandaloneSettings)
    path = tmp_path / "oidc-keys.json"
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.issuer == "http://127.0.0.1:9000/api/v1/auth"
    assert settings.oidc_jwks_file == path
    made = path.read_bytes()
    assert {key.algorithm for key in KeySet.parse(made).keys.values()} == {RS256, ES256}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    load_settings(StandaloneSettings)
    assert path.read_bytes() == made


def test_an_issuer_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_ISSUER", "team")
    settings = load_settings(StandaloneSettings)
    assert (settings.issuer, settings.public_url) == ("team", None)


def test_a_port_that_is_not_known_yet_makes_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_PORT", "0")
    assert load_settings(StandaloneSettings).public_url is None


def test_a_port_that_is_no_number_is_an_error_about_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_PORT", "eighty")
    with pytest.raises(SettingsError, match=r"^DOORWARD_PORT: input should be a valid integer"):
        load_settings(StandaloneSettings)
