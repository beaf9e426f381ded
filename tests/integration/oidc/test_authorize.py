"""The authorization endpoint: pages before the answer, and rejections by page or by redirect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.authorization import interaction
from doorward_auth.oidc.authorization.query import read_query
from doorward_identity.tables import audit_events, authorization_codes, browser_sessions
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.oidc.provider import (
    COOKIE,
    ISSUER,
    REDIRECT,
    Client,
    answer_of,
    assert_page,
    claims_of,
    continuation_of,
    join_group,
    register,
)

UNKNOWN = "is not registered, or it is disabled"
UNREGISTERED = "an address that is not registered"

pytestmark = pytest.mark.databases("sqlite")


def test_a_signed_in_user_is_sent_back_with_a_code(app: Client, people: People) -> None:
    app.sign_in(people.user)
    response = app.authorize(state="af0/ifj+sl=")
    answer = answer_of(response)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("af0/ifj+sl=", ISSUER)
    assert answer["code"].startswith("dwa_")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in response.headers


def test_without_a_session_the_login_page_comes_and_leads_back(app: Client, people: People) -> None:
    target = continuation_of(app.authorize(login_hint="user@example.com"), "/auth/login")
    app.sign_in(people.user)
    assert answer_of(app.browse(target))["state"] == "xyz"


def test_anonymous_requests_store_nothing(app: Client, idp: Installation) -> None:
    for _ in range(20):
        continuation_of(app.authorize(), "/auth/login")
    assert idp.execute(sa.select(authorization_codes.c.id)) == []


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "1"}])
def test_a_new_login_is_asked_for_once(
    app: Client, idp: Installation, people: People, asked: dict[str, str]
) -> None:
    app.sign_in(people.user)
    idp.execute("UPDATE browser_sessions SET auth_time = '2026-01-01 00:00:00.000000'")
    target = continuation_of(app.authorize(**asked), "/auth/login")
    # The page can be left and opened again; a login cannot be skipped.
    assert continuation_of(app.browse(target), "/auth/login") == target
    app.sign_in(people.user)
    assert "code" in answer_of(app.browse(target))
    # The same again is another request.
    assert continuation_of(app.authorize(prompt="login"), "/auth/login") != target


@pytest.mark.parametrize("asked", ["prompt", "max_age", "id_token_hint"])
def test_a_login_page_that_was_open_for_days_leads_back(
    app: Client, idp: Installation, people: People, asked: str
) -> None:
    app.sign_in(people.other)
    hint = app.tokens()["id_token"]
    app.sign_in(people.user)
    wish = {"prompt": "login", "max_age": "0", "id_token_hint": hint}[asked]
    target = continuation_of(app.authorize(**{asked: wish}), "/auth/login")
    target = _as_of(idp, target, timedelta(days=3))
    # A user who has not signed in since still has to.
    assert continuation_of(app.browse(target), "/auth/login") == target
    app.sign_in(people.other)
    assert "code" in answer_of(app.browse(target))


def test_a_sign_in_of_long_ago_is_none_for_the_request(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    target = continuation_of(app.authorize(prompt="login"), "/auth/login")
    target = _as_of(idp, target, timedelta(days=3))
    app.sign_in(people.user, auth_time=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2))
    assert continuation_of(app.browse(target), "/auth/login") == target
    app.sign_in(people.user)
    assert "code" in answer_of(app.browse(target))


def _as_of(idp: Installation, target: str, ago: timedelta) -> str:
    """Return a continuation as it would be if the request had come that long ago."""
    secrets = idp.auth_app.state.resources.verification.keys.secrets
    query = read_query(urlsplit(target).query)
    assert query is not None
    now = int(datetime.now(UTC).timestamp())
    begun = interaction.read(query, secrets, now)
    assert begun is not None
    earlier = replace(begun, started_at=begun.started_at - int(ago.total_seconds()))
    return f"{AUTH}/authorize?{interaction.seal(earlier, query, secrets)}"


def test_prompt_none_shows_no_page(app: Client, people: People) -> None:
    assert answer_of(app.authorize(prompt="none")) == {
        "error": "login_required",
        "error_description": "the user has to sign in",
        "state": "xyz",
        "iss": ISSUER,
    }
    app.sign_in(people.user)
    assert "code" in answer_of(app.authorize(prompt="none"))
    assert answer_of(app.authorize(prompt="none", max_age="0"))["error"] == "login_required"
    assert answer_of(app.authorize(prompt="none login"))["error"] == "invalid_request"


def test_a_page_that_asks_for_consent_comes_before_a_third_partys_code(
    idp: Installation, people: People
) -> None:
    register(idp, first_party=False)
    third = Client(idp)
    third.sign_in(people.user)
    continuation_of(third.authorize(), "/auth/consent")
    assert answer_of(third.authorize(prompt="none"))["error"] == "consent_required"


def test_the_account_can_be_chosen(app: Client, people: People) -> None:
    app.sign_in(people.user)
    target = continuation_of(app.authorize(prompt="select_account"), "/auth/choose-account")
    app.sign_in(people.other)
    assert "code" in answer_of(app.browse(target))


def test_the_hint_of_another_user_leads_to_the_login_page_and_to_no_one_elses_code(
    app: Client, people: People
) -> None:
    app.sign_in(people.other)
    hint = app.tokens()["id_token"]
    assert "code" in answer_of(app.authorize(id_token_hint=hint, prompt="none"))
    app.sign_in(people.user)
    assert answer_of(app.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required"
    target = continuation_of(app.authorize(id_token_hint=hint), "/auth/login")
    app.sign_in(people.user)
    assert answer_of(app.browse(target))["error"] == "login_required"
    app.sign_in(people.other)
    assert "code" in answer_of(app.browse(target))
    assert "code" in answer_of(app.authorize(id_token_hint="not.a.hint", prompt="none"))


def test_a_client_for_a_group_rejects_others_on_a_page(idp: Installation, people: People) -> None:
    register(idp, allowed_groups="ops support")
    client = Client(idp)
    join_group(idp, people.other, "support", "sales")
    client.sign_in(people.user)
    assert_page(client.authorize(), 403, "may not use App")
    assert answer_of(client.authorize(prompt="none"))["error"] == "access_denied"
    [(details,)] = idp.execute(
        sa.select(audit_events.c.details).where(audit_events.c.action == "auth:call:refused")
    )
    assert '"client":"app"' in details
    client.sign_in(people.other)
    assert "code" in answer_of(client.authorize())


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"client_id": "unknown"}, UNKNOWN),
        ({"client_id": None}, UNKNOWN),
        ({"client_id": "äpp"}, UNKNOWN),
        ({"redirect_uri": None}, UNREGISTERED),
        ({"redirect_uri": f"{REDIRECT}?x=1"}, UNREGISTERED),
        ({"redirect_uri": f"{REDIRECT}/"}, UNREGISTERED),
        ({"redirect_uri": REDIRECT.replace("app", "APP")}, UNREGISTERED),
        ({"redirect_uri": REDIRECT.replace("app.", "аpp.")}, UNREGISTERED),
        ({"redirect_uri": "javascript:alert(1)//"}, UNREGISTERED),
    ],
)
def test_an_unknown_destination_gets_a_page_and_no_redirect(
    app: Client, people: People, changed: dict[str, str | None], text: str
) -> None:
    app.sign_in(people.user)
    # Whatever else is wrong.
    for more in ({}, {"response_type": None}, {"prompt": "none"}):
        assert_page(app.authorize(**changed, **more), 400, text)


@pytest.mark.parametrize("repeated", ["client_id", "redirect_uri"])
def test_a_repeated_destination_gets_a_page(app: Client, repeated: str) -> None:
    pairs = [*app.parameters().items(), (repeated, app.parameters()[repeated])]
    response = app.browse(f"{AUTH}/authorize?{urlencode(pairs)}")
    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_disabled_client_gets_a_page(app: Client, idp: Installation) -> None:
    idp.execute("UPDATE oauth_clients SET disabled_at = created_at")
    assert_page(app.authorize(), 400, UNKNOWN)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"resource": "https://unknown.example.com"}, "invalid_target"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example.com/r"}, "request_uri_not_supported"),
    ],
)
def test_other_rejections_are_sent_to_the_client(
    app: Client, changed: dict[str, str | None], error: str
) -> None:
    answer = answer_of(app.authorize(**changed))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "xyz", ISSUER)


@pytest.mark.parametrize("state", ["%C3%A4%20%26%3D", "%FF%00", quote('"><script>'), "a" * 128])
def test_state_returns_byte_for_byte(app: Client, people: People, state: str) -> None:
    app.sign_in(people.user)
    rest = urlencode(app.parameters(state=None))
    for more in ("", "&prompt=none%20login"):
        location = app.browse(f"{AUTH}/authorize?{rest}{more}&state={state}").headers["location"]
        [returned] = [part for part in location.split("&") if part.startswith("state=")]
        assert returned.removeprefix("state=").replace("+", "%20") == state


def test_a_form_becomes_a_get(app: Client, people: People) -> None:
    app.sign_in(people.user)
    parameters = app.parameters()
    response = app.browse(f"{AUTH}/authorize", "POST", data=parameters)
    assert response.status_code == 303
    assert "code" in answer_of(app.browse(response.headers["location"]))
    assert app.browse(f"{AUTH}/authorize", "POST", json=parameters).status_code == 415


@pytest.mark.parametrize("changed", [{"state": "s" * 2049}, {"login_hint": "x" * 8000}])
def test_a_request_that_is_too_long_gets_a_page(app: Client, changed: dict[str, str]) -> None:
    assert_page(app.authorize(**changed), 414, "too long")
    form = app.browse(f"{AUTH}/authorize", "POST", data=app.parameters(**changed))
    assert_page(form, 414, "too long")


def test_the_cookie_of_a_session_that_has_ended_is_cleared(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    idp.execute(browser_sessions.delete())
    response = app.authorize()
    continuation_of(response, "/auth/login")
    assert response.headers["set-cookie"].startswith(f'{COOKIE}="";')
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_a_head_issues_no_code(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    path = f"{AUTH}/authorize?{urlencode(app.parameters())}"
    assert app.browse(path, "HEAD").status_code == 405
    assert idp.execute(sa.select(authorization_codes.c.id)) == []


def test_without_a_provider_it_is_not_there(installation: Installation, people: People) -> None:
    del people
    client = Client(installation)
    for response in (client.authorize(), client.browse(f"{AUTH}/authorize", "POST", data={"a": "b"})):
        problem: Any = assert_problem(response, 404, "oidc_not_configured")
        assert "DOORWARD_PUBLIC_URL" in problem["detail"]


def test_a_page_gets_the_hints_of_the_request(app: Client) -> None:
    asked = {"login_hint": "user@example.com", "ui_locales": "de en"}
    target = continuation_of(app.authorize(**asked), "/auth/login")
    carried = dict(parse_qsl(urlsplit(target).query, strict_parsing=True))
    assert asked.items() <= carried.items()
    assert carried.keys() == {*app.parameters(**asked), "interaction"}


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "1"}])
def test_a_login_that_was_asked_for_gives_a_later_auth_time(
    app: Client, idp: Installation, people: People, asked: dict[str, str]
) -> None:
    app.sign_in(people.user, auth_time=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1))
    first = claims_of(idp, app.tokens()["id_token"], "app")
    target = continuation_of(app.authorize(**asked), "/auth/login")
    app.sign_in(people.user)
    answer = answer_of(app.browse(target))
    second = claims_of(idp, app.exchange(answer["code"]).json()["id_token"], "app")
    assert second["auth_time"] > first["auth_time"]
    assert (second["sub"], second["sid"]) == (first["sub"], first["sid"])


def test_the_same_login_is_good_enough_for_a_long_max_age(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    first, second = (
        claims_of(idp, app.tokens(max_age=max_age)["id_token"], "app") for max_age in (None, "10000")
    )
    assert first["auth_time"] == second["auth_time"]
