"""The captchas of three providers on our pages: Chromium loads all that their scripts load.

The providers are not there, so their answers are made up here. Chromium does not even ask for what the page's
policy forbids.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from browser import axe
from browser.conftest import captcha_service
from browser.pages import visit
from support.services import migrate

SCRIPTS: Final = {
    "cf-turnstile-response": "https://challenges.cloudflare.com/turnstile/v0/api.js",
    "h-captcha-response": "https://js.hcaptcha.com/1/api.js",
    "g-recaptcha-response": "https://www.google.com/recaptcha/api.js",
}
"""By the field that a provider's script fills in."""

LOADED: Final[Mapping[str, Mapping[str, str]]] = {
    "cf-turnstile-response": {
        "script": "https://challenges.cloudflare.com/turnstile/v0/b/api.js",
        "frame": "https://challenges.cloudflare.com/cdn-cgi/challenge-platform/turnstile",
    },
    "h-captcha-response": {
        "script": "https://newassets.hcaptcha.com/c/hsw.js",
        "frame": "https://newassets.hcaptcha.com/captcha/v1/static/hcaptcha.html",
        "sheet": "https://newassets.hcaptcha.com/a.css",
        "data": "https://api.hcaptcha.com/checksiteconfig",
    },
    "g-recaptcha-response": {
        "script": "https://www.gstatic.com/recaptcha/releases/1/recaptcha__en.js",
        "frame": "https://www.google.com/recaptcha/api2/anchor",
        "sheet": "https://www.gstatic.com/recaptcha/releases/1/styles__ltr.css",
        "data": "https://www.google.com/recaptcha/api2/clr",
    },
}
"""What a provider's script loads from other addresses, of other hosts too."""

_SCRIPT: Final = """(async () => {
    if (document.readyState === "loading")
        await new Promise((done) => addEventListener("DOMContentLoaded", done));
    const [field, urls] = %s;
    const widget = document.querySelector("[data-sitekey]");
    const add = (tag, members, where = document.head) => new Promise((done, failed) => {
        Object.assign(members, { onload: done, onerror: failed });
        where.append(Object.assign(document.createElement(tag), members));
    });
    const loads = {
        script: (src) => add("script", { src }),
        sheet: (href) => add("link", { rel: "stylesheet", href }),
        frame: (src) => add("iframe", { src, title: "Captcha" }, widget),
        data: (url) => fetch(url),
    };
    const solved = new Promise((done) => addEventListener("message", (event) => done(event.data)));
    await Promise.all(Object.entries(urls).map(([kind, url]) => loads[kind](url)));
    const members = { type: "hidden", name: field, value: await solved };
    widget.append(Object.assign(document.createElement("input"), members));
})();"""
_FRAME: Final = """<!doctype html><html lang="en"><title>Captcha</title><h1>Are you human?</h1>
<script>parent.postMessage("solved", "*")</script>"""


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('captcha')}/doorward.db"
    migrate(url)
    return url


@pytest.fixture(params=SCRIPTS)
def asked(
    chromium: Browser, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[str, Page]]:
    """The field of a provider, and the browser's page."""
    field = request.param
    log = tmp_path / "auth.log"
    with captcha_service(database_url, log, SCRIPTS[field]) as service:
        elsewhere = [SCRIPTS[field], *LOADED[field].values()]
        with visit(chromium, service, elsewhere=elsewhere) as visitor:
            visitor.page.route(re.compile("^https://"), lambda route: _answer(route, field))
            visitor.open("/auth/register")
            yield field, visitor.page


def _answer(route: Route, field: str) -> None:
    """Answer as the provider would."""
    bodies = {
        SCRIPTS[field]: ("text/javascript", _SCRIPT % json.dumps([field, LOADED[field]])),
        LOADED[field]["frame"]: ("text/html", _FRAME),
    }
    kinds = {".js": "text/javascript", ".css": "text/css"}
    url = route.request.url
    content_type, body = bodies.get(url, (kinds.get(Path(url).suffix, "text/plain"), ""))
    headers = {"Access-Control-Allow-Origin": "*"}
    route.fulfill(body=body, content_type=content_type, headers=headers)


def test_a_provider_loads_what_it_needs(asked: tuple[str, Page]) -> None:
    field, page = asked
    expect(page.locator(f"input[name={field}]")).to_have_value("solved")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe.violations(page) == []
