"""`doorward --env-file`, which `make run` uses for `.env`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from doorward.env_file import load_env_file
from doorward_client.settings import SettingsError
from integration.standalone.test_commands import PASSWORD, accounts, doorward, folder

__all__ = ["folder"]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Replace `os.environ`, which is no environment of processes then: such a test must start none."""
    own: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", own)
    return own


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "settings.env"
    path.write_text(text, encoding=encoding)
    return path


def test_a_file_sets_what_the_environment_does_not(tmp_path: Path, environment: dict[str, str]) -> None:
    environment["DOORWARD_PORT"] = "9000"
    load_env_file(
        written(tmp_path, "# a comment\nDOORWARD_PORT=1\nexport A='b c'\nPASSWORD=pa$$w${rd}\n", "utf-8-sig")
    )
    environment.pop("PYTEST_CURRENT_TEST")
    assert environment == {"DOORWARD_PORT": "9000", "A": "b c", "PASSWORD": "pa$$w${rd}"}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("line", ["NAME", "'open", "= x"])
def test_a_line_that_is_no_setting_is_named_and_not_quoted(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError, match=r"line 2: not NAME=value$"):
        load_env_file(written(tmp_path, f"A=b\n{line}\n"))


def test_commands_read_the_file(folder: Path) -> None:
    file = written(folder, f"DOORWARD_ADMIN_EMAIL=eve@example.com\nDOORWARD_ADMIN_PASSWORD={PASSWORD}\n")
    assert doorward(folder, "--env-file", str(file), "create-admin").returncode == 0
    assert [email for email, *_ in accounts(folder)] == ["eve@example.com"]
    missing = doorward(folder, "--env-file", str(folder / "none"), "create-admin")
    assert (missing.returncode, missing.stderr.startswith("doorward: --env-file cannot be read")) == (1, True)


@pytest.mark.parametrize("target", ["run", "create-admin"])
def test_make_passes_the_file_on(tmp_path: Path, target: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    program = shutil.which("make", path=os.defpath)
    assert program is not None
    for name, is_passed in (("other", False), (".env", True)):
        (tmp_path / name).touch()
        printed = subprocess.run(
            [program, "-n", "-o", ".venv/.runtime", target],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert ("doorward --env-file .env" in printed) is is_passed


def test_the_example_holds_known_settings_and_no_secret() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^#(DOORWARD_[A-Z_]+)=(.*)$", text, flags=re.MULTILINE))
    documented = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "services").glob("*/README.md"))
    for name, value in settings.items():
        assert f"`{name}`" in documented, name
        assert value == "" or "PASSWORD" not in name
    assert re.sub(r"^(#.*)?$", "", text, flags=re.MULTILINE).strip() == ""
