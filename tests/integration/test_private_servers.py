"""The database servers that tests start do not disturb each other."""

from pathlib import Path

import pytest

from support.mariadb import MariaDB
from support.requirements import need_private_database


def test_a_data_folder_is_made_without_the_shared_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, each server that starts deletes the temporary tables of all others."""
    need_private_database()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    MariaDB(tmp_path)
    assert (tmp_path / "data" / "mysql").is_dir()
