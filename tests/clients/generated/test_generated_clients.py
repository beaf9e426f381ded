"""Clients that others' tools generate from docs/api/openapi.json run through the README's tour."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.processes import inherited_environment
from support.standalone import Standalone

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER.parents[2] / "docs" / "api" / "openapi.json"
UV: Final = Path(sys.executable).with_name("uv")
PASSWORD: Final = "correct horse battery staple"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Standalone]:
    with Standalone(tmp_path, DOORWARD_ADMIN_PASSWORD=PASSWORD, DOORWARD_REGISTRATION="open") as server:
        yield server


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a program; return its output, or fail the test with it."""
    passed = ("UV_", "PIP_", "SSL_", "npm_config_", "NODE_", "HOME")
    kept = {name: value for name, value in os.environ.items() if name.startswith(passed)}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited_environment(), **kept, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tour_env(server: Standalone) -> dict[str, str]:
    return {"BASE_URL": server.url, "ADMIN_PASSWORD": PASSWORD, "MAILBOX": str(server.mailbox)}


def test_a_python_client_runs_the_tour(server: Standalone, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    lock = FOLDER / "requirements.lock"
    run(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock, cwd=tmp_path)
    package = tmp_path / "client" / "doorward_api"
    made = run(
        *(python.with_name("openapi-python-client"), "generate", "--meta", "none"),
        *("--path", DOCUMENT, "--output-path", package),
        cwd=tmp_path,
    )
    # Bodies of images are the one thing that the generator does not know; it says so, and goes on.
    unknown = [line for line in made.splitlines() if line.startswith("WARNING parsing")]
    assert all("avatar" in line for line in unknown), made
    said = run(python, FOLDER / "tour.py", cwd=tmp_path, PYTHONPATH=str(package.parent), **tour_env(server))
    assert said == "done\n"


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node.js 20 or newer with npm")
def test_a_typescript_client_runs_the_tour(server: Standalone, tmp_path: Path) -> None:
    project = tmp_path / "client"
    project.mkdir()
    for name in ("package.json", "package-lock.json", "tsconfig.json", "tour.ts"):
        shutil.copy(FOLDER / name, project)
    run("npm", "ci", "--no-audit", "--no-fund", cwd=project)
    bin_folder = project / "node_modules" / ".bin"
    run(bin_folder / "openapi-typescript", DOCUMENT, "--output", "api.ts", cwd=project)
    run(bin_folder / "tsc", cwd=project)  # tsconfig.json: --strict
    assert run("node", "built/tour.js", cwd=project, **tour_env(server)) == "done\n"
