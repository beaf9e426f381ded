"""Forged tokens on protected routes get 401 with a problem document, and never 5xx.

A service has one verifier, so all forgeries are tested on one route, and a few on every route.
"""

import time
from io import StringIO
from typing import Any

import pytest

from integration.harness.forgery import good_token
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem
from integration.harness.routes import PROTECTED_WITHOUT_OPENID as PROTECTED
from integration.harness.routes import Route, name_of
from integration.security.expectations import body_of
from integration.security.forgeries import forgeries

pytestmark = pytest.mark.databases("sqlite")  # these rejections do not depend on the database

FORGERIES = dict(forgeries())
SAMPLE = (
    "empty",
    "flipped signature bit",
    "no signature",
    "public key confusion",
    "12 header nested 1,500 deep",
)
ONE_OF_EACH = tuple({route.service: route for route in PROTECTED if not route.takes_json}.values())

ABSURD = {"exp": (2**53, 10**15), "iat": (-1, -(10**15)), "token_version": (2**53, -1)}


def with_headers(route: Route, headers: dict[str, str]) -> dict[str, Any]:
    """Return the options of a valid request with these headers."""
    options = body_of(route)
    return {**options, "headers": {**options.get("headers", {}), **headers}}


def test_there_are_many_forgeries_with_distinct_names() -> None:
    names = [name for name, _ in forgeries()]
    assert len(names) >= 200
    assert len(set(names)) == len(names)
    assert FORGERIES.keys() >= set(SAMPLE)


def test_the_forger_can_make_a_good_token(installation: Installation, people: People) -> None:
    """Control for the rejections below."""
    assert installation.call("GET", USERS, good_token(people.admin.id)).status_code == 200


@pytest.mark.parametrize(
    ("route", "names"),
    [
        *((route, tuple(FORGERIES)) for route in ONE_OF_EACH),
        *((route, SAMPLE) for route in PROTECTED if route not in ONE_OF_EACH),
    ],
    ids=lambda value: name_of(value) if isinstance(value, Route) else str(len(value)),
)
def test_no_forged_token_is_accepted(
    installation: Installation,
    people: People,
    route: Route,
    names: tuple[str, ...],
    rendered_log: StringIO,
) -> None:
    accepted = []
    for name in names:
        token = FORGERIES[name](people.admin.access)
        response = installation.call(route.method, route.at(people.other.id), token, **body_of(route))
        if response.status_code != 401:
            accepted.append(f"{name}: {response.status_code}")
            continue
        # Without a token, RFC 6750 requires no error code.
        assert_problem(response, 401, "invalid_token")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
        if len(token) > 20:
            assert token not in rendered_log.getvalue(), name
    assert accepted == []
    good = installation.call(route.method, route.at(people.other.id), people.admin.access, **body_of(route))
    # After the token check, a user id is not a session, and a forged code is wrong.
    assert good.status_code not in {401, 403}, "and the token that they were made of is good"


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
def test_refresh_tokens_and_other_schemes_are_not_accepted(
    installation: Installation, people: People, route: Route
) -> None:
    where = route.at(people.other.id)
    token = people.admin.access
    response = installation.call(route.method, where, people.admin.refresh, **body_of(route))
    assert_problem(response, 401, "invalid_token")
    for scheme in (
        f"Basic {token}",
        f"Token {token}",
        token,
        f"Bearer{token}",
        f"Bearer\t{token}",
        "Bearer",
        "",
    ):
        response = installation.call(route.method, where, **with_headers(route, {"Authorization": scheme}))
        is_of_client = "client" in route.schemes and scheme.startswith("Basic")
        assert_problem(response, 401, "invalid_client" if is_of_client else "invalid_token")


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
def test_a_token_outside_the_authorization_header_is_ignored(
    installation: Installation, people: People, route: Route
) -> None:
    token, where = people.admin.access, route.at(people.other.id)
    places: list[dict[str, Any]] = [
        {"headers": {"Cookie": f"access_token={token}"}},
        {"headers": {"X-Access-Token": token}},
    ]
    places += [{"params": {name: token}} for name in ("access_token", "token", "authorization")]
    for place in places:
        options = {**place, **with_headers(route, place.get("headers", {}))}
        response = installation.call(route.method, where, **options)
        assert_problem(response, 401, "not_authenticated")


def test_two_authorization_headers_are_rejected(installation: Installation, people: People) -> None:
    for route in PROTECTED:
        client = getattr(installation, route.service)
        headers = [("Authorization", f"Bearer {people.admin.access}"), ("Authorization", "Bearer x")]
        for order in (headers, headers[::-1], [headers[0]] * 2):
            response = client.request(route.method, route.at(people.other.id), headers=order)
            assert response.status_code in {401, 422}
            if not route.takes_json:
                assert_problem(response, 401, "invalid_token")


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
def test_absurd_numbers_with_a_valid_signature_cause_no_server_error(
    installation: Installation, people: People, route: Route
) -> None:
    claims: list[dict[str, int]] = [{claim: values[0] for claim, values in ABSURD.items()}]
    if route in ONE_OF_EACH:
        claims += [{claim: value} for claim, values in ABSURD.items() for value in values]
    for absurd in claims:
        token = good_token(people.admin.id, **absurd)
        response = installation.call(route.method, route.at(people.other.id), token, **body_of(route))
        assert response.status_code in {200, 201, 204, 401, 404}, absurd


def test_an_expired_token_is_rejected_after_it_was_cached(installation: Installation, people: People) -> None:
    token = good_token(people.user.id, exp=(expires := int(time.time()) + 4))
    assert installation.call("GET", f"{AUTH}/me", token).status_code == 200
    assert installation.call("GET", f"{USERS}/me", token).status_code == 200
    time.sleep(max(0.0, expires + 0.1 - time.time()))
    for path in (f"{AUTH}/me", f"{USERS}/me"):
        assert_problem(installation.call("GET", path, token), 401, "invalid_token")


def test_a_token_of_a_deleted_user_is_rejected(installation: Installation, people: People) -> None:
    """Also if another account now has the address (17)."""
    installation.call("DELETE", people.user.path, people.admin.access)
    again = enrol(installation, people.admin, email=people.user.email)
    assert_problem(installation.call("GET", f"{USERS}/me", people.user.access), 401, "invalid_token")
    renamed = installation.call("PATCH", f"{USERS}/me", people.user.access, json={"name": "Ghost"})
    assert_problem(renamed, 401, "invalid_token")
    assert installation.call("GET", again.path, again.access).json()["name"] != "Ghost"
