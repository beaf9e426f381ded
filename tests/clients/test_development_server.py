"""Vite with the configuration of docs/browsers.md: pages and API are of one origin in development, too."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser.application import documented
from clients.conftest import Programs
from clients.test_clients import needs
from support.ports import free_port
from support.probes import http_status
from support.processes import Process

pytestmark = needs("npm", "npm")

USE = """async ([email, password]) => {
    const { createSession } = await import("/session.js");
    window.session = createSession("", "console");
    if (email) await window.session.logIn(email, password);
    const response = await window.session.request("/api/v1/auth/me");
    return [response.status, (await response.json()).role];
}"""


@pytest.fixture
def vite(environment: Mapping[str, str], node: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the development server."""
    config = documented("vite.config.js").replace("http://127.0.0.1:8080", environment["DOORWARD_URL"])
    (node / "vite.config.js").write_text(config)
    (node / "session.js").write_text(documented("session.js"))
    (node / "index.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>Page</title>')
    port = free_port()
    script = node / "node_modules/vite/bin/vite.js"
    command: list[str | Path] = ["node", script, node, "--config", node / "vite.config.js"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--strictPort"]
    log = tmp_path / "vite.log"
    with Process("vite", [*command, *options], log=log, ready=lambda: http_status(port, "/") == 200):
        yield f"http://127.0.0.1:{port}"


def test_the_api_behind_the_development_server_needs_no_list(
    environment: Mapping[str, str], programs: Programs, node: Path, vite: str, page: Page
) -> None:
    login = [environment["DOORWARD_EMAIL"], environment["DOORWARD_PASSWORD"]]
    page.goto(vite)
    assert page.evaluate(USE, login) == [200, "admin"]
    page.reload()
    assert page.evaluate(USE, ["", ""]) == [200, "admin"]  # with the cookie
    version = json.loads((node / "node_modules/vite/package.json").read_text())["version"]
    did = ["one origin by its proxy", "cookie mode"]
    programs.reports.append({"client": "vite", "version": version, "did": did})
