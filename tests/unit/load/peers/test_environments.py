"""The environment of a peer is made once for each lock, and again after an interruption."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.peers.environments import UnavailableError, python_of


class _Uv:
    """Stands in for uv, which needs the network."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.commands: list[list[str]] = []

    def run(self, command: list[Any], **_options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append([str(part) for part in command])
        if "venv" in self.commands[-1]:
            Path(command[-1]).mkdir(parents=True)
        return subprocess.CompletedProcess(command, self.status, "", "no network")


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Uv:
    monkeypatch.setenv("DOORWARD_TEST_CACHE", str(tmp_path))
    uv = _Uv()
    monkeypatch.setattr(subprocess, "run", uv.run)
    return uv


def test_it_is_made_once(uv: _Uv) -> None:
    python = python_of("drf")
    assert python_of("drf") == python
    assert ["venv" in command for command in uv.commands] == [True, False]
    assert "--require-hashes" in uv.commands[1]


def test_each_peer_has_its_own(uv: _Uv) -> None:
    assert python_of("drf") != python_of("fastapi_users_app")
    assert len(uv.commands) == 4


def test_without_the_network_the_peer_is_unavailable_and_is_tried_again(uv: _Uv) -> None:
    uv.status = 1
    with pytest.raises(UnavailableError, match="no network"):
        python_of("drf")
    uv.status = 0
    python_of("drf")
    assert len(uv.commands) == 3
