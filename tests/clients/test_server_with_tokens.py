"""The server of docs/browsers.md, which keeps the tokens: the browser has a cookie of that server alone."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser.application import CALL, documented
from clients.conftest import FOLDER, UV, Programs, execute
from support.administrator import Administrator
from support.chromium import sign_in
from support.documentation import documented_line
from support.ports import free_port
from support.probes import http_status
from support.processes import Process

FAILED = {"failed": "Failed to fetch"}
LOCK = FOLDER / "python" / "requirements.lock"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment with what the page says to install, in the locked versions."""
    python = tmp_path / "venv" / "bin" / "python"
    execute(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    packages = documented_line("browsers.md", "pip install ").split()[2:]
    execute(UV, "pip", "install", "--quiet", "--python", python, "-c", LOCK, *packages, cwd=tmp_path)
    return python


@pytest.fixture
def shop(
    environment: Mapping[str, str], administrator: Administrator, python: Path, tmp_path: Path
) -> Iterator[str]:
    """The address of the server, which is registered as a confidential client."""
    port = free_port()
    url = f"http://localhost:{port}"
    client = {
        "client_id": "shop",
        "kind": "confidential",
        "name": "Shop",
        "first_party": True,
        "redirect_uris": [f"{url}/signed-in"],
        "scopes": ["openid", "offline_access", "doorward"],
    }
    secret = administrator.register(client)["client_secret"]
    (tmp_path / "server.py").write_text(documented("server.py"))
    own = {"SHOP_SECRET": secret, "SESSION_SECRET": secrets.token_urlsafe(32)}
    command: list[str | Path] = [
        python,
        "-m",
        "uvicorn",
        "--app-dir",
        tmp_path,
        "--port",
        str(port),
        "server:app",
    ]
    log = tmp_path / "server.log"
    ready = lambda: http_status(port, "/") == 200  # noqa: E731 - a condition in one line
    with Process("shop", command, log=log, ready=ready, env={**environment, **own}):
        yield url


def test_a_browser_has_the_session_of_the_server_alone(
    environment: Mapping[str, str], programs: Programs, shop: str, page: Page
) -> None:
    page.goto(shop)
    me = ["/api/v1/auth/me", {}]
    assert page.evaluate(CALL, me)["status"] == 401
    page.goto(f"{shop}/login")
    with page.expect_navigation(url=f"{shop}/"):
        sign_in(page, environment["DOORWARD_EMAIL"], environment["DOORWARD_PASSWORD"])
    answer = page.evaluate(CALL, me)
    assert (answer["status"], '"role":"admin"' in answer["body"]) == (200, True), answer
    (cookie,) = [one for one in page.context.cookies(shop) if one["name"] == "session"]
    assert (cookie["httpOnly"], cookie["secure"]) == (True, True)
    other = page.context.new_page()
    other.goto(environment["DOORWARD_URL"] + "/readyz")
    forged = {"method": "POST", "mode": "no-cors", "credentials": "include"}
    other.evaluate(CALL, [f"{shop}/api/v1/auth/logout", forged])
    assert other.evaluate(CALL, [f"{shop}/api/v1/auth/me", {}]) == FAILED
    assert page.evaluate(CALL, me)["status"] == 200
    version = LOCK.read_text(encoding="utf-8").partition("\nauthlib==")[2].partition(" ")[0]
    did = ["code with PKCE and a secret", "session of a server"]
    programs.reports.append({"client": "authlib with Starlette", "version": version, "did": did})
