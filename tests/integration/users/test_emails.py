"""Which spellings of an address are the same account: collations, case and composition."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, count_users, enrol, half_made, new_user
from integration.harness.problems import assert_problem, pointers

SAME = [
    ("person@example.com", "PERSON@example.com"),
    ("person@example.com", "person@EXAMPLE.COM"),
    ("jürgen@example.com", unicodedata.normalize("NFD", "jürgen@example.com")),
    ("jürgen@example.com", "JÜRGEN@example.com"),
    ("straße@example.com", "STRASSE@example.com"),
    ("person@bücher.example.com", "person@xn--bcher-kva.example.com"),
    ("person@bücher.example.com", "person@BÜCHER.example.com"),
    ("Σίσυφος@example.com", "σίσυφοσ@example.com"),
]
DIFFERENT = [
    ("admin@example.com", "ädmin@example.com"),
    ("admin@example.com", "admın@example.com"),
    ("admin@example.com", "аdmin@example.com"),  # Cyrillic
    ("person@example.com", "person+tag@example.com"),
    ("person@example.com", "per.son@example.com"),
    ("person@example.com", "person@sub.example.com"),
    ("ae@example.com", "æ@example.com"),
]


@pytest.mark.parametrize(("taken", "spelling"), SAME)
def test_another_spelling_is_the_same_account(
    installation: Installation, people: People, taken: str, spelling: str
) -> None:
    person = enrol(installation, people.admin, email=taken)
    before = count_users(installation)
    response = installation.call("POST", USERS, people.admin.access, json=new_user(email=spelling))
    assert_problem(response, 409, "email_taken")
    for method in ("PATCH", "PUT"):
        body = {"email": spelling, "name": "X", "role": "user", "status": "active"}
        sent = {"email": spelling} if method == "PATCH" else body
        moved = installation.call(method, people.user.path, people.admin.access, json=sent)
        assert_problem(moved, 409, "email_taken")
    assert count_users(installation) == before
    tokens = installation.log_in(spelling, PASSWORD)
    assert installation.call("GET", f"{AUTH}/me", tokens.access).json()["id"] == person.id
    # Its owner may change the spelling.
    respelt = installation.call("PATCH", person.path, people.admin.access, json={"email": spelling})
    assert respelt.status_code == 200


@pytest.mark.parametrize(("taken", "lookalike"), DIFFERENT)
def test_lookalike_is_another_account(
    installation: Installation, people: People, taken: str, lookalike: str
) -> None:
    first = people.admin if taken == people.admin.email else enrol(installation, people.admin, email=taken)
    second = enrol(installation, people.admin, email=lookalike, password="its very own password")
    assert second.id != first.id
    body = {"email": lookalike, "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=body), 401, "invalid_credentials")
    tokens = installation.log_in(taken, PASSWORD)
    assert installation.call("GET", f"{AUTH}/me", tokens.access).json()["id"] == first.id


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "email",
    [
        "admin@example.com ",
        " admin@example.com",
        "admin@example.com\u00a0",
        "admin@example.com\u3000",
        "admin @example.com",
        "admin@example.com\r\nBcc: x@example.com",
        "admin@example.com\n",
        "admin\t@example.com",
        "a@b@example.com",
        "@example.com",
        "admin@",
        "admin",
        "",
        "adm\u202ein@example.com",
        "admin@example..com",
        "admin@-example.com",
        '"quoted"@example.com',
        "Admin <admin@example.com>",
        "admin@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com",
        "a@" + ".".join(["b" * 60] * 5) + ".com",
        "admin@xn--a.com",
    ],
)
def test_invalid_addresses_are_rejected(installation: Installation, people: People, email: str) -> None:
    before = count_users(installation)
    response = installation.call("POST", USERS, people.admin.access, json=new_user(email=email))
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/email"}
    assert count_users(installation) == before
    login = installation.call("POST", f"{AUTH}/token", json={"email": email, "password": PASSWORD})
    if email:
        assert_problem(login, 401, "invalid_credentials")


def test_fifty_identical_parallel_creations_make_one_account(
    installation: Installation, people: People
) -> None:
    body = new_user(email="wanted@example.com")
    before = count_users(installation)

    def create(number: int) -> int:
        spelt = body["email"].upper() if number % 2 else body["email"]
        return installation.call(
            "POST", USERS, people.admin.access, json={**body, "email": spelt}
        ).status_code

    with ThreadPoolExecutor(50) as threads:
        statuses = sorted(threads.map(create, range(50)))
    assert statuses == [201] + [409] * 49
    assert count_users(installation) == before + 1
    assert half_made(installation) == []
    installation.log_in(body["email"], PASSWORD)


def test_of_twenty_parallel_changes_to_one_address_one_succeeds(
    installation: Installation, people: People
) -> None:
    movers = [enrol(installation, people.admin) for _ in range(10)]

    def move(number: int) -> int:
        return installation.call(
            "PATCH", movers[number % 10].path, people.admin.access, json={"email": "wanted@example.com"}
        ).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(move, range(20)))
    owners = installation.execute("SELECT id FROM users WHERE email_key = 'wanted@example.com'")
    assert len(owners) == 1
    assert set(statuses) == {200, 409}
    assert statuses.count(200) in {1, 2}  # the winner's second attempt changes nothing
