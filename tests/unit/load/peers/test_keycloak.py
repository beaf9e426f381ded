"""Where Keycloak cannot run, the run reports the reason."""

import shutil
from pathlib import Path

import pytest

from bench.peers import keycloak
from bench.peers.environments import UnavailableError


def test_without_java_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    (tmp_path / "sh").symlink_to(shell)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as rejected:
        keycloak._install()
    assert str(rejected.value) == (
        "NOT RUN: make bench-peers. Java is not installed (Debian: default-jre-headless). "
        "Doorward was NOT compared with Keycloak."
    )
