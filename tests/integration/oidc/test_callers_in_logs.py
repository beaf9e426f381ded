"""The log line of a request names its caller, whatever the caller is known by."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD, People
from integration.oidc.provider import ORIGIN, Client, continuation_of, register
from integration.pages.browsing import Browser

pytestmark = pytest.mark.databases("sqlite")

Act = Callable[[Client, People], object]


def lines_of(act: Act, app: Client, people: People) -> list[Any]:
    with capture_logs() as lines:
        act(app, people)
    return [line for line in lines if line["event"] == "http.request"]


def log_in(app: Client, people: People) -> Any:
    body = {"email": people.user.email, "password": PASSWORD}
    return app.installation.call("POST", f"{AUTH}/token", json=body).json()


def refresh(app: Client, people: People) -> None:
    body = {"refresh_token": log_in(app, people)["refresh_token"]}
    assert app.installation.call("POST", f"{AUTH}/refresh-token", json=body).status_code == 200


def read_own_claims(app: Client, people: People) -> None:
    assert app.installation.call("GET", f"{AUTH}/me", log_in(app, people)["access_token"]).status_code == 200


def authorize(app: Client, people: People) -> None:
    app.sign_in(people.user)
    app.authorize()


def request_consent_page(app: Client, people: People) -> None:
    register(app.installation, "third", first_party=False)
    third = Client(app.installation, "third")
    third.sign_in(people.user)
    continuation_of(third.authorize(), "/auth/consent")
    page = third.browse(third.authorize().headers["location"])
    assert page.status_code == 200, page.text


def choose_an_account(app: Client, people: People) -> None:
    app.sign_in(people.user)
    assert app.browse(app.authorize(prompt="select_account").headers["location"]).status_code == 200


def exchange_a_code(app: Client, people: People) -> None:
    app.sign_in(people.user)
    app.tokens()


def refresh_as_a_client(app: Client, people: People) -> None:
    app.sign_in(people.user)
    assert app.refresh(app.tokens()["refresh_token"]).status_code == 200


def ask_who_the_user_is(app: Client, people: People) -> None:
    app.sign_in(people.user)
    assert app.userinfo_status(app.tokens()["access_token"]) == 200


def ask_to_sign_out(app: Client, people: People) -> None:
    app.sign_in(people.user)
    app.browse(f"{AUTH}/end-session")


def sign_in_at_the_page(app: Client, people: People) -> None:
    Browser(app.installation, ORIGIN).log_in(people.user.email, PASSWORD)


def look_at_the_account(app: Client, people: People) -> None:
    app.sign_in(people.user)
    assert app.browse("/auth/account").status_code == 200


ACTS: Final[dict[str, Act]] = {
    f"{AUTH}/token": log_in,
    f"{AUTH}/refresh-token": refresh,
    f"{AUTH}/me": read_own_claims,
    f"{AUTH}/authorize": authorize,
    "/auth/consent": request_consent_page,
    "/auth/choose-account": choose_an_account,
    f"{AUTH}/token of a code": exchange_a_code,
    f"{AUTH}/token of a client's refresh": refresh_as_a_client,
    f"{AUTH}/userinfo": ask_who_the_user_is,
    f"{AUTH}/end-session": ask_to_sign_out,
    "/auth/login": sign_in_at_the_page,
    "/auth/account": look_at_the_account,
}


@pytest.mark.parametrize("route", ACTS)
def test_the_line_of_a_request_names_its_caller(app: Client, people: People, route: str) -> None:
    path = route.partition(" ")[0]
    lines = [line for line in lines_of(ACTS[route], app, people) if line["route"] == path]
    # The login form is shown to an unknown visitor.
    known = [line for line in lines if (path, line["method"]) != ("/auth/login", "GET")]
    assert known
    assert {str(line["user_id"]) for line in known} == {people.user.id}
    for line in known:
        assert line["session_id"].version == 7
    if app.token is not None and path in {"/auth/account", f"{AUTH}/authorize"}:
        assert known[-1]["session_id"] == app.token.id


def test_an_anonymous_caller_has_no_user_id(app: Client, people: People) -> None:
    def fail(app: Client, people: People) -> None:
        body = {"email": people.user.email, "password": "not the password at all"}
        assert app.installation.call("POST", f"{AUTH}/token", json=body).status_code == 401
        app.authorize()

    lines = lines_of(fail, app, people)
    assert {(line["user_id"], line["session_id"]) for line in lines} == {(None, None)}
