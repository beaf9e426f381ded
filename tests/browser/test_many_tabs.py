"""Twenty tabs refresh at the same moment at three auth processes over one MariaDB."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from browser.application import Application, application_pages
from browser.conftest import browser_service, localhost
from doorward_kit.database import create_engine
from integration.harness.installation import AUTH
from support.servers import database_server
from support.services import create_admin, migrate
from support.serving import serving

TABS = 20
CSRF = {"Doorward-CSRF": "console"}

# Every tab says that it is ready, and all of them begin with one message.
WAIT = """([url, headers]) => {
    window.answer = new Promise((done) => {
        new BroadcastChannel("start").onmessage = async () => {
            const response = await fetch(url, { method: "POST", credentials: "include", headers });
            done([response.status, await response.text()]);
        };
    });
}"""


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Application]]:
    """The same installation at three addresses. Cookies are of a host, whatever its ports."""
    folder: Path = tmp_path_factory.mktemp("replicas")
    with ExitStack() as stack:
        server = stack.enter_context(database_server(durable=False))
        url = stack.enter_context(server.create_database("tabs")).url
        page = stack.enter_context(serving(application_pages()))
        migrate(url)
        admin = create_admin(url)
        services = [
            stack.enter_context(browser_service(url, folder / f"auth-{number}.log", page))
            for number in range(3)
        ]
        yield [Application(service, admin, url, localhost(page), localhost(page)) for service in services]


def test_twenty_tabs_keep_one_session(replicas: list[Application], context: BrowserContext) -> None:
    first = replicas[0]
    login = f'{{"email": "{first.admin.email}", "password": "{first.admin.password}"}}'
    headers = {"Content-Type": "application/json", **CSRF}
    page = first.open(context)
    options = {"method": "POST", "headers": headers, "body": login, "credentials": "include"}
    assert first.call(page, f"{AUTH}/token", **options)["status"] == 200

    tabs = [first.open(context) for _ in range(TABS)]
    for number, tab in enumerate(tabs):
        tab.evaluate(WAIT, [f"{replicas[number % 3].api}{AUTH}/refresh-token", CSRF])
    page.evaluate('() => new BroadcastChannel("start").postMessage("go")')
    answers = [tab.evaluate("() => window.answer") for tab in tabs]

    assert [status for status, _ in answers] == [200] * TABS
    assert [text for _, text in answers if "dwr_" in text] == []
    assert sessions_of(first.database_url) == [(None, "console")]
    for replica in replicas:  # and the one cookie that they left is valid everywhere
        again = replica.call(
            page, f"{AUTH}/refresh-token", method="POST", headers=CSRF, credentials="include"
        )
        assert again["status"] == 200


def sessions_of(database_url: str) -> list[tuple[object, ...]]:
    engine = create_engine(database_url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT end_reason, cookie_name FROM sessions").all()
    engine.dispose()
    return [tuple(row) for row in rows]
