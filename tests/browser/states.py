"""Every page in each of its states: how a visitor comes to it, and which template it is of."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from playwright.sync_api import Page

from browser.api import register
from browser.pages import GIT_SERVER, Visit
from doorward_kit.database import create_engine
from integration.harness.bulk_users import enrol
from integration.harness.people import PASSWORD
from support.standalone import Standalone

CALLBACK: Final = "http://127.0.0.1:9/callback"
"""Redirect URI of an application that does not run: no test follows it."""

_TEMPLATES: Final = files("doorward_auth.pages") / "templates"
_TEXTS: Final[dict[str, dict[str, str]]] = {
    language: json.loads((files("doorward_auth.pages") / "texts" / f"{language}.json").read_text("utf-8"))
    for language in ("en", "de")
}
SHIPPED: Final = {
    one.name: one.read_text(encoding="utf-8") for one in _TEMPLATES.iterdir() if one.name.endswith(".html")
}


def is_of(page: Page, template: str) -> bool:
    """Tell whether a page is of a template: it has one of the texts that no other has, in its language."""
    texts = _TEXTS[page.locator("html").get_attribute("lang") or ""]
    used = {name: set(re.findall(r'\bt\("([a-z_.]+)"', source)) for name, source in SHIPPED.items()}
    others = set().union(*(keys for name, keys in used.items() if name != template))
    text = " ".join(page.locator("body").inner_text().split())
    return any(_pattern(texts[key]).search(text) for key in used[template] - others if key in texts)


def _pattern(text: str) -> re.Pattern[str]:
    """Match a text whatever stands in its gaps."""
    return re.compile(".+".join(map(re.escape, re.split(r"\{[a-z_]+\}", text))))


@dataclass(frozen=True)
class State:
    """A page of a template. `reach` ends with the page that a visitor has opened last."""

    template: str
    reach: Callable[[Visit, Standalone], object]
    is_signed_in: bool = False


def _at(path: str) -> Callable[[Visit, Standalone], object]:
    return lambda visitor, _server: visitor.open(path)


def _asked_for_consent(visitor: Visit, server: Standalone) -> None:
    _authorize(visitor, server, prompt="consent")


def _authorize(visitor: Visit, server: Standalone, *, client_id: str = "look", prompt: str = "") -> None:
    visitor.page.goto(authorization_request(server, client_id) + (f"&prompt={prompt}" if prompt else ""))


def authorization_request(server: Standalone, client_id: str) -> str:
    """Register a client of a name once; return its authorization request."""
    key = (server.url, client_id)
    if key not in _requests:
        members = {"allowed_groups": ["operators"]} if client_id == "look-groups" else {}
        _requests[key] = register(server, CALLBACK, client_id, **members)
    return _requests[key]


_requests: Final[dict[tuple[str, str], str]] = {}


def _stay_on(page: Page, urls: str) -> None:
    """Let a page stay that goes on by itself."""
    page.route(re.compile(urls), lambda route: route.fulfill(status=204))


def _allowed(visitor: Visit, server: Standalone) -> None:
    _asked_for_consent(visitor, server)
    _stay_on(visitor.page, "/authorize")
    visitor.page.locator("button[value=allow]").click()
    visitor.page.locator(".button").wait_for()


def _account_with_applications(visitor: Visit, server: Standalone) -> None:
    _asked_for_consent(visitor, server)
    page = visitor.page
    # Not on to the application, which is not there.
    back = {"body": "<title>Back</title>", "content_type": "text/html"}
    page.route(re.compile("/authorize"), lambda route: route.fulfill(**back))
    page.locator("button[value=allow]").click()
    page.wait_for_url("**/authorize?**")
    visitor.open("/auth/account")
    assert page.get_by_text("Wiki").count()


def _not_allowed(visitor: Visit, server: Standalone) -> None:
    _authorize(visitor, server, client_id="look-groups")
    assert visitor.page.locator(".button.primary").count() == 1, "a way to another account"


def _leaving(visitor: Visit, _server: Standalone) -> None:
    visitor.open("/auth/login")
    _stay_on(visitor.page, f"^{GIT_SERVER}")
    visitor.page.get_by_role("button", name="GitServer").click()
    visitor.page.locator("a.button").wait_for()


def _in_the_middle_of_a_login(change: str) -> Callable[[Visit, Standalone], object]:
    def reach(visitor: Visit, server: Standalone) -> None:
        url = f"sqlite:///{server.data}/doorward.db"
        [member] = enrol(url, 1)
        engine = create_engine(url, pool_size=1, timeout=30)
        with engine.connect() as connection:
            connection.exec_driver_sql(change, (member.id.bytes,))
        engine.dispose()
        visitor.open("/auth/login")
        visitor.sign_in(member.email, PASSWORD)
        visitor.page.locator("[name=sign_in_token]").wait_for(state="attached")

    return reach


def _with_mistakes(visitor: Visit, _server: Standalone) -> None:
    page = visitor.open("/auth/register")
    page.locator("[name=name]").fill("x" * 200)
    page.locator("button[type=submit]").click()
    page.get_by_role("alert").wait_for()


PATHS: Final = {
    "login.html": "/auth/login",
    "upstream_password.html": "/auth/login/password/example-api",
    "register.html": "/auth/register",
    "verify_email.html": "/auth/verify-email",
    "resend.html": "/auth/verify-email/resend",
    "invitation.html": "/auth/accept-invitation?code=dwi_" + "x" * 64,
    "forgot.html": "/auth/forgot",
    "reset.html": "/auth/reset",
    "account.html": "/auth/account",
    "sign_out.html": "/auth/logout",
    "signed_out.html": "/auth/signed-out",
    "error.html": "/auth/nothing",
}
"""By their templates."""

STATES: Final = {
    **{path.partition("?")[0]: State(name, _at(path), is_signed_in=True) for name, path in PATHS.items()},
    "consent": State("consent.html", _asked_for_consent, is_signed_in=True),
    "a choice of accounts": State(
        "choose_account.html",
        lambda visitor, server: _authorize(visitor, server, prompt="select_account"),
        is_signed_in=True,
    ),
    "on the way to an application": State("redirect.html", _allowed, is_signed_in=True),
    "an account with applications": State("account.html", _account_with_applications, is_signed_in=True),
    "an application for others": State("error.html", _not_allowed, is_signed_in=True),
    "on the way to an upstream": State("leaving.html", _leaving),
    "a code by mail": State(
        "email_code.html",
        _in_the_middle_of_a_login("UPDATE users SET email_verified_at = NULL WHERE id = ?"),
    ),
    "a new password": State(
        "new_password.html",
        _in_the_middle_of_a_login("UPDATE credentials SET must_change = 1 WHERE user_id = ?"),
    ),
    "a form with mistakes": State("register.html", _with_mistakes),
}
