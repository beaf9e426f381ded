"""The client's wheel works with the oldest and with the newest libraries that it declares.

oldest.lock and newest.lock are from `make lock`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import inherited_environment
from support.redis import Redis

FOLDER = Path(__file__).parent
CLIENT = FOLDER.parents[1] / "services" / "client"
UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, **env: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))}
    done = subprocess.run(
        command,
        env={**inherited_environment(), **kept, **env},
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, CLIENT)
    [found] = folder.glob("*.whl")
    return found


@pytest.mark.parametrize(
    "libraries",
    [
        pytest.param(
            "oldest",
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 13), reason="the oldest pydantic has no wheel for this Python"
            ),
        ),
        "newest",
    ],
)
def test_the_client_works_with(libraries: str, wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    python = environment / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    install = (UV, "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "-r", FOLDER / f"{libraries}.lock")
    run(*install, "--no-deps", wheel)
    suite = tmp_path / "test_suite.py"
    suite.symlink_to(FOLDER / "suite.py")
    with Redis(tmp_path) as redis:
        pytest_options = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tmp_path)
        said = run(python, "-m", "pytest", *pytest_options, suite, REDIS_URL=redis.url)
    assert " passed" in said
    assert "skipped" not in said
