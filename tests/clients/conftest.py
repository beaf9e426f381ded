"""A real server with ES256 keys, and the report of what the libraries did with it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from support.administrator import Administrator, administrator_of
from support.chromium import TIMEOUT_MS, running_chromium
from support.echo import EchoServer
from support.processes import inherited_environment
from support.services import Admin
from support.standalone import Standalone

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER.parents[1] / "docs" / "clients.md"
ADMIN: Final = Admin()
SERVICE: Final = ("reports", "a registered service of the tests: 0123456789")
UV: Final = Path(sys.executable).with_name("uv")
_TABLE: Final = "| library | version | what it did |\n|---|---|---|\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write the versions into docs/clients.md")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """An installation with an administrator and a service client."""
    settings = {
        "DOORWARD_SIGNING_ALGORITHM": "ES256",
        "DOORWARD_OAUTH_CLIENTS": json.dumps(dict([SERVICE])),
        "DOORWARD_ADMIN_EMAIL": ADMIN.email,
        "DOORWARD_ADMIN_PASSWORD": ADMIN.password,
    }
    with Standalone(tmp_path_factory.mktemp("installation"), None, **settings) as server:
        yield server


@pytest.fixture(scope="session")
def application() -> Iterator[str]:
    """The address of the application that the programs of libraries are."""
    with EchoServer() as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="session")
def environment(
    server: Standalone, application: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """What a program of a library gets: a server, an account, two clients, and two commands."""
    rotate = ["env", f"DOORWARD_DATA_DIR={server.data}"]
    rotate += [sys.executable, "-m", "doorward", "rotate-key", "--activate-in", "0"]
    visit = ["env", f"PYTHONPATH={FOLDER.parent}", sys.executable, "-m", "clients.visit"]
    with administrator_of(server.url, ADMIN) as administrator:
        client = {
            "client_id": "library",
            "kind": "confidential",
            "name": "Library",
            "first_party": True,
            "redirect_uris": [f"{application}/signed-in"],
            "post_logout_redirect_uris": [f"{application}/signed-out"],
            "scopes": ["openid", "profile", "email"],
        }
        secret = administrator.register(client)["client_secret"]
    return {
        **inherited_environment(),
        "DOORWARD_URL": server.url,
        "DOORWARD_EMAIL": ADMIN.email,
        "DOORWARD_PASSWORD": ADMIN.password,
        "DOORWARD_SERVICE_ID": SERVICE[0],
        "DOORWARD_SERVICE_SECRET": SERVICE[1],
        "DOORWARD_CLIENT_ID": "library",
        "DOORWARD_CLIENT_SECRET": secret,
        "DOORWARD_APPLICATION": application,
        "DOORWARD_COOKIES": str(tmp_path_factory.mktemp("browser") / "cookies.json"),
        "DOORWARD_ROTATE": json.dumps(rotate),
        "DOORWARD_VISIT": json.dumps(visit),
    }


class Programs:
    """Runs programs, and keeps what they report."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.reports: list[dict[str, Any]] = []

    def run(self, *command: str | Path, cwd: Path) -> None:
        """Run a program that uses libraries; fails the test with what the program said."""
        done = execute(*command, cwd=cwd, **self._environment)
        found = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
        assert found, "no library was used"
        self.reports += found


@pytest.fixture(scope="session")
def programs(environment: Mapping[str, str], pytestconfig: pytest.Config) -> Iterator[Programs]:
    programs = Programs(environment)
    yield programs
    rows = [
        f"| {report['client']} | {report['version']} | {', '.join(report['did'])} |"
        for report in programs.reports
    ]
    print("\n".join(sorted(rows)))
    if pytestconfig.getoption("--record"):
        before = DOCUMENT.read_text(encoding="utf-8").partition(_TABLE)[0]
        DOCUMENT.write_text(before + _TABLE + "\n".join(sorted(rows)) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked libraries and nothing of ours."""
    folder = tmp_path_factory.mktemp("environment")
    execute(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    lock = FOLDER / "python" / "requirements.lock"
    execute(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock, cwd=folder)
    return python


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs with the locked libraries installed."""
    folder = Path(shutil.copytree(FOLDER / "node", tmp_path_factory.mktemp("node") / "node"))
    execute("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
    return folder


@pytest.fixture
def administrator(server: Standalone) -> Iterator[Administrator]:
    with administrator_of(server.url, ADMIN) as administrator:
        yield administrator


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without cookies."""
    with chromium.new_context(locale="en-GB") as context:
        context.set_default_timeout(TIMEOUT_MS)
        yield context.new_page()


def locked(folder: str, module: str) -> str:
    """Return the version of a Go module that the programs of a folder are built with."""
    found = re.search(rf"{re.escape(module)} (v\S+)", (FOLDER / folder / "go.mod").read_text("utf-8"))
    assert found is not None, module
    return found[1]


def execute(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a command and return its output; fails the test if the command does."""
    done = subprocess.run(
        command, cwd=cwd, env=env or None, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
