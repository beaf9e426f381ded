"""Well-formed requests with hostile values: queries, paths, headers, names, passwords."""

import uuid
from io import StringIO

import pytest

from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, count_users
from integration.harness.problems import assert_oauth_error, assert_problem, assert_rejected, pointers
from integration.harness.routes import ROUTES, Route, name_of
from integration.security.expectations import body_of

FORM = {"content-type": "application/x-www-form-urlencoded"}
WITH_ID = [route for route in ROUTES if route.has_id]


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "limit", ["0", "-1", "201", "1e30", "1.5", "9" * 30, "", "x", "NaN", "null", "0x10", "٣٣٣"]
)
def test_limits_out_of_range_are_rejected(installation: Installation, people: People, limit: str) -> None:
    response = installation.call("GET", USERS, people.user.access, params={"limit": limit})
    assert pointers(assert_problem(response, 422, "validation_error")) == {"query:limit"}


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "id"),
        ("sort", "password_hash"),
        ("sort", "name; DROP TABLE users"),
        ("sort", "name DESC"),
        ("sort", "--name"),
        ("sort", ""),
        ("sort", "NAME"),
        ("role", "root"),
        ("role", "' OR '1'='1"),
        ("status", "deleted"),
        ("q", ""),
        ("q", "x" * 101),
        ("cursor", "x" * 1025),
    ],
)
def test_unknown_values_are_rejected(
    installation: Installation, people: People, name: str, value: str
) -> None:
    response = installation.call("GET", USERS, people.user.access, params={name: value})
    assert pointers(assert_problem(response, 422, "validation_error")) == {f"query:{name}"}


@pytest.mark.parametrize(
    "q",
    [
        "' OR 1=1 --",
        "'; DROP TABLE users; --",
        '" UNION SELECT password_hash FROM credentials --',
        "\\' OR 1=1 #",
        "%' OR '%'='",
        "\u0000",
        "\r\nSet-Cookie: x=1",
        "\u202e",
        "%%%",
        "___",
        "/%",
        "\\%",
        "ﷺ" * 100,
        "\U0010ffff",
    ],
)
def test_a_search_text_is_not_interpreted(
    installation: Installation, people: People, q: str, rendered_log: StringIO
) -> None:
    response = installation.call("GET", USERS, people.user.access, params={"q": q})
    assert response.status_code == 200
    assert response.json() == {"items": [], "next_cursor": None}
    assert count_users(installation) == 4
    assert "DROP" not in rendered_log.getvalue()


@pytest.mark.parametrize(
    "raw", ["q=%00", "q=%ff", "q=%ed%a0%80", "q=%", "q=%u0041", "q=a&q=b", "limit=1&limit=2", "q"]
)
def test_queries_of_odd_encoding_never_fail(installation: Installation, people: People, raw: str) -> None:
    response = installation.call("GET", f"{USERS}?{raw}", people.user.access)
    assert response.status_code in {200, 422}


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize("route", WITH_ID, ids=name_of)
@pytest.mark.parametrize(
    "identity",
    [
        "1",
        "-1",
        "0",
        "null",
        "undefined",
        "%00",
        "%20",
        "..%2f..%2fetc%2fpasswd",
        "' OR 1=1 --",
        "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000000",
        "g0000000-0000-0000-0000-000000000000",
        "%ff%fe",
        "1e30",
        "x" * 5_000,
    ],
)
def test_malformed_ids_are_not_found(
    installation: Installation, people: People, route: Route, identity: str
) -> None:
    options = body_of(route)
    response = installation.call(route.method, route.at(identity), people.admin.access, **options)
    assert_problem(response, 404)
    rejected = installation.call(route.method, route.at(identity), **options)
    assert_rejected(rejected, 401, 404)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        (b"username=%ff%fe&password=x", "invalid_grant"),
        (b"username=user@example.com&password=%00%00%00%00%00%00%00%00", "invalid_grant"),
        (b"username=user@example.com&password=%ed%a0%80", "invalid_grant"),
        (b"username=" + b"a" * 60_000 + b"&password=x", "invalid_request"),
        (b"username=user@example.com&password=" + b"x" * 60_000, "invalid_request"),
        (b"&".join(b"a%d=1" % number for number in range(5_000)), "invalid_request"),
        (b"&" * 60_000, "invalid_request"),
        (b"=" * 60_000, "invalid_request"),
        (b"username[$ne]=&password[$ne]=", "invalid_request"),
        (b"\x00\x01\x02", "invalid_request"),
    ],
)
def test_hostile_forms_are_rejected(installation: Installation, form: bytes, error: str) -> None:
    response = installation.call("POST", f"{AUTH}/token", content=form, headers=FORM)
    assert_oauth_error(response, 400, error)
    assert len(response.content) < 5_000


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.usefixtures("people")
def test_a_form_over_the_limit_is_rejected_before_any_route(installation: Installation) -> None:
    response = installation.call("POST", f"{AUTH}/token", content=b"x" * 70_000, headers=FORM)
    assert_problem(response, 413)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize("value", ["x" * 30_000, "é", "\x7f", "a\tb", "../../etc", '"', "x" * 300])
def test_hostile_headers_never_fail(installation: Installation, people: People, value: str) -> None:
    for name in (
        "User-Agent",
        "X-Forwarded-For",
        "X-Request-ID",
        "Accept",
        "If-None-Match",
        "Cookie",
        "Origin",
    ):
        login = {"email": people.user.email, "password": PASSWORD}
        headers = {name: value}
        assert installation.call("POST", f"{AUTH}/token", json=login, headers=headers).status_code == 200
        response = installation.call("GET", f"{USERS}/me", people.user.access, headers=headers)
        assert response.status_code in {200, 422}
        assert value not in response.headers["x-request-id"]


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.usefixtures("people")
def test_clients_cannot_choose_the_request_id(installation: Installation) -> None:
    sent = uuid.uuid4().hex
    response = installation.call("GET", USERS, headers={"X-Request-ID": sent})
    assert assert_problem(response, 401)["request_id"] != sent
