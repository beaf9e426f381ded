"""What an earlier start has left open is closed at the next."""

from pathlib import Path

import httpx2
import pytest

from doorward.private_files import make_private
from doorward.settings import StandaloneSettings
from doorward_client.settings import load_settings
from integration.harness.deployment import wait_until
from support.standalone import Standalone


def test_open_files_of_an_earlier_start_are_closed(tmp_path: Path) -> None:
    """Databases with their logs, keys and mail, as they were before Doorward set a umask."""
    with Standalone(tmp_path) as process:
        email = {"email": "admin@example.com"}
        assert httpx2.post(f"{process.url}/api/v1/auth/password/reset", json=email).status_code == 202
        wait_until(lambda: any(process.mailbox.glob("*.eml")), "mailed")
    for log in ("doorward.db-wal", "tickets.db-wal"):  # as a start leaves it that was killed
        (process.data / log).touch()
    (process.data / "vault-keys.json").write_text("{}")
    of_others = process.data / "notes.txt"
    of_others.touch()
    for path in process.data.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with process:
        paths = [path for path in process.data.rglob("*") if path != of_others]
        names = {path.name for path in paths}
        assert {
            "doorward.db",
            "doorward.db-wal",
            "tickets.db",
            "keys.json",
            "vault-keys.json",
            "mailbox",
        } <= names
        assert any(name.endswith(".eml") for name in names)
        assert {path.name: oct(path.stat().st_mode) for path in paths if path.stat().st_mode & 0o077} == {}
        assert of_others.stat().st_mode & 0o777 == 0o644, "it is not Doorward's"


@pytest.mark.parametrize(("name", "mode"), [(None, 0o700), ("shared", 0o755)])
def test_a_folder_that_a_setting_names_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, mode: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOORWARD_DATA_DIR", raising=False)
    if name is not None:
        monkeypatch.setenv("DOORWARD_DATA_DIR", name)
    folder = tmp_path / (name or "var")
    folder.mkdir()
    folder.chmod(0o755)
    make_private(load_settings(StandaloneSettings))
    assert folder.stat().st_mode & 0o777 == mode


def test_a_link_in_the_folder_opens_and_closes_nothing_elsewhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.eml"
    outside.touch(mode=0o644)
    outside.chmod(0o644)
    with Standalone(tmp_path) as process:
        process.mailbox.mkdir(exist_ok=True)
        (process.mailbox / "x.eml").symlink_to(outside)
    with process:
        assert outside.stat().st_mode & 0o777 == 0o644
