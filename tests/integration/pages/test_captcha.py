"""The captcha on pages: shown where it is asked for, and only there may a script of its provider run."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from integration.harness.installation import Installation, reconfigured
from integration.harness.people import PASSWORD, People
from integration.pages.browsing import PUBLIC_URL, Browser, Page
from support.siteverify import SECRET, SiteVerify

pytestmark = pytest.mark.databases("sqlite")

SITE_KEY = "the-site-key"
SCRIPT = "https://captcha.example.com/api.js"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteVerify]:
    with SiteVerify(tmp_path_factory.mktemp("siteverify")) as provider:
        yield provider


@pytest.fixture
def asked(installation: Installation, provider: SiteVerify) -> Iterator[Browser]:
    """A browser at an installation with a captcha."""
    settings = {
        "captcha_verify_url": provider.url,
        "captcha_secret": SecretStr(SECRET),
        "captcha_site_key": SITE_KEY,
        "captcha_script_url": SCRIPT,
        "captcha_login_failures": 1,
    }
    with reconfigured(installation, public_url=PUBLIC_URL, **settings) as replica:
        yield Browser(replica)


def _is_shown(page: Page) -> bool:
    text, policy = page.response.text, page.response.headers["content-security-policy"]
    places = (f'data-sitekey="{SITE_KEY}"', f'<script src="{SCRIPT}"')
    shown = {place in text for place in places} | {"script-src https://captcha.example.com;" in policy}
    assert len(shown) == 1
    return shown.pop()


def test_it_is_shown_where_it_is_asked_for(asked: Browser) -> None:
    assert _is_shown(asked.open("/auth/register"))
    assert _is_shown(asked.open("/auth/forgot"))
    assert _is_shown(asked.open("/auth/verify-email/resend"))
    for path in ("/auth/login", "/auth/reset", "/auth/verify-email", "/auth/signed-out"):
        assert not _is_shown(asked.open(path))


def test_a_form_without_it_is_shown_again_and_goes_on_with_it(asked: Browser) -> None:
    page = asked.open("/auth/forgot")
    again = asked.send(page, "/auth/forgot", {"email": "ada@example.com"})
    assert again.status == 403
    assert _is_shown(again)
    assert again.form("/auth/forgot").fields["email"] == "ada@example.com"
    bad = asked.send(again, "/auth/forgot", {"h-captcha-response": "bad"})
    assert bad.status == 403
    assert "not solved or has expired" in bad.text
    done = asked.send(bad, "/auth/forgot", {"cf-turnstile-response": "good-forgot"})
    assert done.status == 200
    assert not _is_shown(done)


def test_a_login_asks_for_it_after_failures(asked: Browser, people: People) -> None:
    asked.log_in(people.user.email, "not the password")
    page = asked.log_in(people.user.email, PASSWORD)
    assert page.status == 403
    assert _is_shown(page)
    fields = {"password": PASSWORD, "g-recaptcha-response": "good-login"}
    assert asked.send(page, "/auth/login", fields).path == "/auth/account"


def test_the_asked_page_says_that_it_needs_javascript(asked: Browser) -> None:
    assert "This check needs JavaScript." in asked.open("/auth/register").text


@pytest.mark.parametrize("settings", [{"captcha_site_key": "a"}, {"captcha_script_url": SCRIPT}])
def test_key_and_script_go_together(installation: Installation, settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be set, too, because"), reconfigured(installation, **settings):
        pass


@pytest.mark.parametrize(
    "url", ["http://captcha.example.com/a.js", "https://a.example;b", "https://a b", "//a"]
)
def test_a_script_of_another_kind_is_rejected(installation: Installation, url: str) -> None:
    settings = {"captcha_site_key": "a", "captcha_script_url": url}
    with pytest.raises(ValueError, match="captcha_script_url"), reconfigured(installation, **settings):
        pass
