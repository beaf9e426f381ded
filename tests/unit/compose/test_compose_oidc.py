"""OpenID Connect in deploy/compose: make-env turns it on, with keys that auth alone reads."""

import shutil
import subprocess
from pathlib import Path

import pytest

from doorward_auth.oidc_settings import read_oidc_keys
from doorward_client.keys.key_set import ES256, RS256
from support.compose_file import COMPOSE, composed, required_variables
from support.requirements import Program, need

SECRETS = dict.fromkeys(required_variables(), "0123456789abcdefghijklmnopqrstuvwxyz")
PUBLIC_URL = {"DOORWARD_PUBLIC_URL": "https://id.example.com"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make-env writes."""
    need(Program("openssl", "openssl"))
    made = tmp_path_factory.mktemp("compose")
    shutil.copy(COMPOSE / "make-env", made)
    subprocess.run(["sh", "make-env"], cwd=made, check=True, capture_output=True)
    return made


def test_make_env_writes_an_address_and_a_key_of_each_algorithm(folder: Path) -> None:
    assert "DOORWARD_PUBLIC_URL=https://localhost:8443\n" in (folder / ".env").read_text(encoding="utf-8")
    keys = read_oidc_keys(folder / "certificates" / "oidc-keys.pem").keys.values()
    assert sorted(key.algorithm for key in keys) == [ES256, RS256]


def test_a_further_run_keeps_the_keys(folder: Path) -> None:
    path = folder / "certificates" / "oidc-keys.pem"
    before = path.read_bytes()
    subprocess.run(["sh", "make-env"], cwd=folder, check=True, capture_output=True)
    assert path.read_bytes() == before


def test_auth_alone_reads_the_keys_and_every_service_knows_the_address(folder: Path) -> None:
    services = composed(SECRETS | PUBLIC_URL)
    mounted = services["auth"]["environment"]["DOORWARD_OIDC_JWKS_FILE"]
    (source,) = [volume.split(":")[0] for volume in services["auth"]["volumes"] if f":{mounted}:" in volume]
    assert (folder / source).exists()
    for name in ("auth", "users", "tickets"):
        environment = services[name]["environment"]
        assert environment["DOORWARD_PUBLIC_URL"] == "https://id.example.com"
        assert not environment["DOORWARD_ISSUER"]
        assert name == "auth" or "DOORWARD_OIDC_JWKS_FILE" not in environment
        assert name == "auth" or source not in str(services[name].get("volumes"))


def test_without_an_address_there_is_no_provider() -> None:
    assert not composed(SECRETS)["auth"]["environment"]["DOORWARD_OIDC_JWKS_FILE"]


def test_the_command_of_clients_knows_which_ids_are_taken_and_which_addresses_are_allowed() -> None:
    """What auth rejects at its API, the command rejects, too."""
    services = composed(SECRETS | PUBLIC_URL | {"DOORWARD_ISSUER": "company"})
    names = ("DOORWARD_PUBLIC_URL", "DOORWARD_ISSUER", "DOORWARD_OAUTH_CLIENTS")
    auth, client = ([services[one]["environment"][name] for name in names] for one in ("auth", "client"))
    assert client == auth
    assert all(client)
