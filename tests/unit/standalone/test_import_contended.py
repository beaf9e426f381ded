"""`doorward import-users` while another process creates the same users."""

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from doorward import cli, user_commands
from doorward_identity.accounts import EmailTakenError


class ContendedDatabase:
    """A database in which every address is taken at the last moment."""

    def __init__(self) -> None:
        self.attempts = 0

    def write_now(self, _work: object) -> NoReturn:
        self.attempts += 1
        raise EmailTakenError


def test_an_import_gives_up_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database: Any = ContendedDatabase()
    monkeypatch.setattr(cli, "_open", lambda _settings: database)
    monkeypatch.setattr(user_commands, "configure_logging", lambda *_: None)
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    monkeypatch.setenv("DOORWARD_DATABASE_URL", f"sqlite:///{tmp_path / 'doorward.db'}")
    file = tmp_path / "people.jsonl"
    file.write_text(json.dumps({"email": "ada@example.com", "name": "Ada"}))
    assert cli.main(["import-users", str(file)]) == 1
    assert database.attempts == 5
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("doorward: users of the file are being created at the same time")
