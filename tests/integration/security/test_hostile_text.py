"""Hostile names and passwords: which are rejected, stored unchanged, or treated as equal."""

import json
import unicodedata
from io import StringIO

import pytest

from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People, enrol, new_user
from integration.harness.problems import assert_problem, pointers

NAMES_REJECTED = [
    "",
    " ",
    "\u00a0\u3000",
    "x" * 201,
    "Ada\r\nBcc: everybody@example.com",
    "Ada\nLovelace",
    "Ada\tLovelace",
    "Ada\u2028Lovelace",
    "Ada\u0085Lovelace",
    "Ada\x1b[31m",
    "Ada\x7f",
    "\u202eadA",
    "\u200b",
    "\u2060\u00ad",
    "\U0001d160" * 100,  # three characters each in NFC
    "\u0958" * 150,  # two each
]
NAMES_KEPT = [
    "Ada",
    "x" * 200,
    "O'Brien; --",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "李小龍",
    "👩‍👩‍👧",
    "%s%n",
]


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize("name", NAMES_REJECTED)
def test_names_that_are_not_one_visible_line_are_rejected(
    installation: Installation, people: People, name: str
) -> None:
    requests = [
        ("POST", USERS, new_user(name=name)),
        ("PATCH", people.other.path, {"name": name}),
        ("PATCH", f"{USERS}/me", {"name": name}),
        (
            "PUT",
            people.other.path,
            {"email": "o@example.com", "name": name, "role": "user", "status": "active"},
        ),
    ]
    for method, path, body in requests:
        response = installation.call(method, path, people.admin.access, json=body)
        assert pointers(assert_problem(response, 422, "validation_error")) == {"/name"}


@pytest.mark.parametrize("name", NAMES_KEPT)
def test_other_names_are_stored_unchanged(installation: Installation, people: People, name: str) -> None:
    body = new_user(name=name)
    created = installation.call("POST", USERS, people.admin.access, json=body).json()
    assert created["name"] == name
    assert installation.call("GET", f"{USERS}/{created['id']}", people.admin.access).json()["name"] == name
    found = installation.call("GET", USERS, people.admin.access, params={"q": name[:100]}).json()["items"]
    assert created.pop("warnings") == []
    assert created in found


@pytest.mark.databases("sqlite")  # a database sees hashes alone
@pytest.mark.parametrize(
    ("password", "chosen", "typed"),
    [
        ("1234567", 422, 401),
        ("12345678", 422, 401),
        ("Password1!", 422, 401),
        ("xq7vbhtk", 201, 200),
        ("x" * 128, 201, 200),
        ("x" * 129, 422, 401),
        ("é" * 128, 201, 200),
        ("e\u0301" * 128, 201, 200),
        ("\U0001f512" * 8, 201, 200),
        ("\U0001f512" * 7, 422, 401),
        ("        ", 201, 200),
        ("pass\tword with a tab", 201, 200),
        ("\u0958" * 64, 201, 200),
        ("\u0958" * 65, 422, 401),
        ("x" * 1025, 422, 422),
        ("x" * 1_000_000, 413, 413),
        ("seven77\u0000", 400, 400),
        ("seven77\ud800", 400, 400),
    ],
)
def test_the_length_of_a_password_counts_characters(
    installation: Installation, people: People, password: str, chosen: int, typed: int, rendered_log: StringIO
) -> None:
    body = new_user(password=password)
    requests = [
        ("POST", USERS, body, chosen),
        ("PATCH", people.other.path, {"password": password}, 200 if chosen == 201 else chosen),
        ("POST", f"{AUTH}/token", {"email": body["email"], "password": password}, typed),
    ]
    for method, path, sent, status in requests:
        # As ASCII: a lone surrogate cannot be sent in UTF-8.
        raw = json.dumps(sent)
        headers = {"Content-Type": "application/json"}
        response = installation.call(method, path, people.admin.access, content=raw, headers=headers)
        assert response.status_code == status, response.text
        if status >= 400:
            assert_problem(response, status)
            assert password not in response.text
    assert password.isspace() or password not in rendered_log.getvalue()


@pytest.mark.databases("sqlite")  # a database sees hashes alone
def test_every_unicode_composition_of_a_password_is_the_same(
    installation: Installation, people: People
) -> None:
    composed, decomposed = (unicodedata.normalize(form, "naïve café 密码") for form in ("NFC", "NFD"))
    assert composed != decomposed
    for chosen, typed in ((composed, decomposed), (decomposed, composed)):
        person = enrol(installation, people.admin, password=chosen)
        installation.log_in(person.email, typed)


@pytest.mark.databases("sqlite")  # a database sees hashes alone
def test_passwords_differ_in_every_character(installation: Installation, people: People) -> None:
    email = enrol(installation, people.admin, password="Passw0rd with spaces ").email
    for wrong in ("Passw0rd with spaces", "passw0rd with spaces ", "Passw0rd with spaces  ", "x" * 128):
        body = {"email": email, "password": wrong}
        assert_problem(installation.call("POST", f"{AUTH}/token", json=body), 401, "invalid_credentials")
    long = "x" * 127
    email = enrol(installation, people.admin, password=long + "a").email
    body = {"email": email, "password": long + "b"}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=body), 401, "invalid_credentials")


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "password", ["Grace.Hopper.1906", "grace@navy.example", "yvan-ecarg", "doorward2026!"]
)
def test_passwords_made_of_context_words_are_rejected(
    installation: Installation, people: People, password: str
) -> None:
    body = new_user(email="grace@navy.example", name="Grace Hopper", password=password)
    response = installation.call("POST", USERS, people.admin.access, json=body)
    document = assert_problem(response, 422, "validation_error")
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [
        ("/password", "password_personal")
    ]
    assert password not in response.text
    grace = enrol(installation, people.admin, email=body["email"], name=body["name"])
    response = installation.call("PATCH", grace.path, people.admin.access, json={"password": password})
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/password"}


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
def test_a_new_password_is_checked_against_the_name_in_the_same_request(
    installation: Installation, people: People
) -> None:
    change = {"name": "Grace Hopper", "password": "grace hopper"}
    response = installation.call("PATCH", people.other.path, people.admin.access, json=change)
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/password"}
