"""oauth2-proxy signs users in before an application that knows nothing, alone and behind NGINX."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from clients.conftest import ADMIN, FOLDER, Programs, execute, locked
from clients.test_clients import needs
from clients.wiki import Wiki, running_wiki
from support.administrator import Administrator, User, administrator_of
from support.chromium import TIMEOUT_MS, sign_in
from support.standalone import Standalone

pytestmark = needs("go", "golang")

MODULE: Final = "github.com/oauth2-proxy/oauth2-proxy/v7"
GROUPS: Final = "x-forwarded-groups"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("oauth2-proxy") / "oauth2-proxy"
    execute("go", "build", "-o", path, MODULE, cwd=FOLDER / "oauth2_proxy")
    return path


@pytest.fixture(scope="module")
def staff(server: Standalone) -> str:
    """The group whose users may use the application."""
    with administrator_of(server.url, ADMIN) as administrator:
        return administrator.add_group("staff")


@pytest.fixture
def reader(staff: str, administrator: Administrator) -> User:
    return administrator.add_user(staff)


@pytest.fixture(scope="module")
def proxied(
    server: Standalone, binary: Path, staff: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wiki]:
    del staff
    with running_wiki(server, binary, tmp_path_factory.mktemp("wiki"), behind_nginx=False) as wiki:
        yield wiki


@pytest.fixture
def wiki(proxied: Wiki) -> Wiki:
    proxied.application.received.clear()
    return proxied


def shows_the_login(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def load_until(page: Page, url: str, holds: Callable[[], bool]) -> None:
    """Load a page until something holds: a request refreshes tokens that are a second old."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, "not with any refresh"
        page.goto(url)


def session_cookie(wiki: Wiki, page: Page) -> str:
    """Return the cookie of oauth2-proxy; NGINX's auth_request would lose the second part of a long one."""
    names = {
        cookie["name"]: cookie["value"]
        for cookie in page.context.cookies(wiki.url)
        if "oauth2" in cookie["name"]
    }
    assert list(names) == ["_oauth2_proxy"]
    return names["_oauth2_proxy"]


def sign_in_at(wiki: Wiki, page: Page, reader: User) -> None:
    """Come from the application to the login and back."""
    page.goto(f"{wiki.url}/reports?year=2026&month=11")
    shows_the_login(page)
    assert urlsplit(page.url).netloc == wiki.issuer_host
    assert wiki.application.received == []
    sign_in(page, reader.email, reader.password)
    page.wait_for_url(f"{wiki.url}/reports?year=2026&month=11")
    assert wiki.header("x-forwarded-user") == [reader.id]
    assert wiki.header("x-forwarded-email") == [reader.email]
    assert wiki.header(GROUPS) == ["staff"]
    assert session_cookie(wiki, page)


def test_a_user_of_the_group_uses_the_application(
    wiki: Wiki, reader: User, administrator: Administrator, programs: Programs, page: Page
) -> None:
    sign_in_at(wiki, page, reader)
    refresh_and_forge(wiki, page, reader, administrator, "editors")

    page.goto(wiki.sign_out)
    shows_the_login(page)
    page.goto(wiki.url)
    shows_the_login(page)
    did = ["code with PKCE and a secret", "groups", "refresh", "sign-out of both", "its binary"]
    programs.reports.append({"client": MODULE, "version": locked("oauth2_proxy", MODULE), "did": did})


def refresh_and_forge(
    wiki: Wiki, page: Page, reader: User, administrator: Administrator, another: str
) -> None:
    """Another group arrives with a refresh, in a new cookie; headers of the browser do not arrive."""
    before = session_cookie(wiki, page)
    forged = {"User": "admin", "Email": "admin@example.com", "Preferred-Username": "admin", "Groups": "ops"}
    page.set_extra_http_headers({f"X-Forwarded-{name}": value for name, value in forged.items()})
    administrator.join(administrator.add_group(another), reader)
    load_until(page, wiki.url, lambda: wiki.header(GROUPS) == [f"{another},staff"])
    assert session_cookie(wiki, page) != before
    assert wiki.header("x-forwarded-user") == [reader.id]
    assert wiki.header("x-forwarded-email") == wiki.header("x-forwarded-preferred-username") == [reader.email]


def test_a_user_outside_the_group_does_not(wiki: Wiki, administrator: Administrator, page: Page) -> None:
    page.goto(wiki.url)
    other_user = administrator.add_user()
    sign_in(page, other_user.email, other_user.password)
    expect(page.get_by_text("Your account may not use Wiki.")).to_be_visible()
    page.goto(wiki.url)
    expect(page.get_by_text("Your account may not use Wiki.")).to_be_visible()
    assert wiki.application.received == []


def test_a_user_who_left_the_group_is_rejected_at_the_next_refresh(
    wiki: Wiki, staff: str, reader: User, administrator: Administrator, page: Page
) -> None:
    page.goto(wiki.url)
    sign_in(page, reader.email, reader.password)
    page.wait_for_url(f"{wiki.url}/")
    administrator.leave(staff, reader)
    load_until(page, wiki.url, lambda: urlsplit(page.url).netloc == wiki.issuer_host)
    expect(page.get_by_text("Your account may not use Wiki.")).to_be_visible()


def test_nginx_asks_it(
    server: Standalone, binary: Path, reader: User, administrator: Administrator, page: Page, tmp_path: Path
) -> None:
    with running_wiki(server, binary, tmp_path, behind_nginx=True) as wiki:
        sign_in_at(wiki, page, reader)
        refresh_and_forge(wiki, page, reader, administrator, "authors")
