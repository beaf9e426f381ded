"""Every form of every page: one whose check fails changes nothing, is shown again, and says why."""

from urllib.parse import urlencode

import pytest
from starlette.routing import Route

from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People
from integration.oidc.provider import ORIGIN, Client, register
from integration.pages.browsing import Browser

pytestmark = pytest.mark.databases("sqlite")

_UPSTREAM = "/auth/login/upstream"
"""Its button is on the form of the login."""

_PASSWORD_OF_UPSTREAM = "/auth/login/password/{name}"
"""There is no upstream here: see test_upstream_passwords."""


def _paths(idp: Installation) -> list[str]:
    """Return the path of every form: a new page is tested without a line here."""
    routes = [route for route in idp.auth_app.routes if isinstance(route, Route)]
    return [
        route.path for route in routes if route.path.startswith("/auth/") and "POST" in (route.methods or ())
    ]


@pytest.mark.parametrize("cause", ["forged", "lost", "foreign"])
def test_a_rejected_form_is_shown_again_and_says_so(idp: Installation, people: People, cause: str) -> None:
    register(idp, "third", first_party=False)
    browser = Browser(idp, ORIGIN)
    page = browser.log_in(people.user.email, PASSWORD)
    code = "x" if cause == "forged" else page.form("/auth/account/sessions/end").fields["form_code"]
    if cause == "lost":
        # A remembered session outlives the browser, and the cookie of its forms does not.
        browser.client.cookies.delete("__Host-doorward_browser")
    headers = {"sec-fetch-site": "cross-site"} if cause == "foreign" else {}
    target = f"{AUTH}/authorize?{urlencode(Client(idp, 'third').parameters())}"
    paths = [path for path in _paths(idp) if path != _PASSWORD_OF_UPSTREAM]
    assert len(paths) > 14
    before = _state(idp)
    for path in paths:
        fields = {"form_code": code, "decision": "allow", "email": "a@example.com"}
        response = browser.client.post(
            path, params={"continue": target}, data=fields, headers=headers, follow_redirects=False
        )
        assert response.status_code == 403, path
        assert "Nothing was changed." in response.text, path
        shown = "/auth/login" if path == _UPSTREAM else path
        assert f'action="{shown}"' in response.text or "/account/applications/" in path, path
        assert 'role="alert"' in response.text, path
    assert _state(idp) == before


def _state(idp: Installation) -> list[object]:
    tables = ("browser_sessions", "sessions", "consents", "outbox", "pending_registrations")
    counted = [idp.execute(f"SELECT COUNT(*) FROM {table}") for table in tables]
    return [*counted, idp.execute("SELECT id FROM sessions WHERE ended_at IS NULL")]
