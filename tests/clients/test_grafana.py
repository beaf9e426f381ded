"""The requests of Grafana's generic OAuth with the settings of docs/applications.md; not Grafana itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from clients.conftest import FOLDER, Programs, execute, locked
from clients.test_clients import needs
from support.administrator import Administrator
from support.chromium import sign_in
from support.documentation import at, documented_file, documented_line
from support.ports import free_port
from support.probes import http_status
from support.processes import Process
from support.standalone import Standalone

pytestmark = needs("go", "golang")

PAGE: Final = "applications.md"
LIBRARIES: Final = ("golang.org/x/oauth2", "github.com/jmespath-community/go-jmespath")


@pytest.fixture
def grafana(server: Standalone, tmp_path: Path) -> Iterator[str]:
    """The address of the program in place of Grafana."""
    port = free_port()
    url = f"http://localhost:{port}"
    here = {
        "https://grafana.example.com": url,
        quote("https://grafana.example.com", safe=""): quote(url, safe=""),
        "https://id.example.com": server.url,
    }
    secret = server.register(at(documented_line(PAGE, "doorward client add grafana"), here))
    config = tmp_path / "grafana.ini"
    config.write_text(at(documented_file(PAGE, "grafana.ini"), here))
    binary = tmp_path / "grafana"
    execute("go", "build", "-o", binary, "./grafana", cwd=FOLDER / "go")
    command: list[str | Path] = [binary, config, f"127.0.0.1:{port}"]
    env = {"GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET": secret}
    ready = lambda: http_status(port, "/healthz") == 200  # noqa: E731 - a condition in one line
    with Process("grafana", command, log=tmp_path / "grafana.log", ready=ready, env=env):
        yield url


def shown(page: Page) -> dict[str, Any]:
    """Read what the program knows about the user."""
    user: dict[str, Any] = json.loads(page.locator("body").inner_text())
    return user


def test_the_groups_of_a_user_decide_the_role(
    administrator: Administrator, programs: Programs, grafana: str, page: Page
) -> None:
    groups = {name: administrator.add_group(name) for name in ("ops", "grafana-users")}
    user = administrator.add_user(*groups.values())
    page.goto(f"{grafana}/login/generic_oauth")
    sign_in(page, user.email, user.password)
    page.wait_for_url(f"{grafana}/login/generic_oauth?**")
    of_user = {"login": user.email, "email": user.email, "name": "Ada"}
    assert shown(page) == {**of_user, "role": "Admin", "groups": ["grafana-users", "ops"]}

    administrator.leave(groups["ops"], user)
    page.goto(f"{grafana}/refresh")
    assert shown(page) == {**of_user, "role": "Viewer", "groups": ["grafana-users"]}

    page.goto(f"{grafana}/logout")
    assert page.url == f"{grafana}/login"
    page.goto(f"{grafana}/login/generic_oauth")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

    version = ", ".join(locked("go", library) for library in LIBRARIES)
    did = ["code with PKCE and a secret", "userinfo", "role by groups", "refresh", "sign-out"]
    programs.reports.append(
        {"client": "Grafana's requests (x/oauth2, go-jmespath)", "version": version, "did": did}
    )
