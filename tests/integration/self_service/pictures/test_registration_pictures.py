"""A picture that comes with a registration waits for its verification, and tells nothing about addresses."""

from io import StringIO

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.avatars import repository as waiting
from doorward_identity.avatars.service import Avatars
from doorward_identity.tables import avatars, pending_registrations
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.statements import recorded
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, unique
from support.hostile_images import ANIMATED, BROKEN, WRONG_TYPES
from support.images import jpeg, png

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ends(installation: Installation) -> list[bool]:
    """Return of each picture whether it ends."""
    return [bool(row[0]) for row in installation.execute(sa.select(avatars.c.expires_at.is_not(None)))]


def picture_of(installation: Installation, access: str) -> str | None:
    picture: str | None = installation.call("GET", f"{USERS}/me", access).json()["picture"]
    return picture


def verified(flows: Flows, email: str, registered: httpx2.Response, password: str = CHOSEN) -> str:
    """Verify a registration by its token; return the access token of its user."""
    assert registered.status_code == 202, registered.text
    assert flows.verify_registered(flows.code_of(email), registered).status_code == 200
    return flows.sign_in(email, password).access


def test_the_picture_becomes_the_users(flows: Flows, installation: Installation) -> None:
    email = unique()
    registered = flows.register_with_picture(email, png())
    assert ends(installation) == [True]
    access = verified(flows, email, registered)
    assert ends(installation) == [False]
    picture = picture_of(installation, access)
    assert picture is not None
    assert installation.call("GET", picture, access).status_code == 200
    assert flows.me(access).json()["name"] == "Ada"


def test_of_several_registrations_the_verified_one_has_its_picture(
    flows: Flows, installation: Installation
) -> None:
    """An attacker's picture must not become that of the user who verifies the address."""
    email = unique()
    flows.register_with_picture(email, jpeg(), password=ANOTHER)
    own = flows.register_with_picture(email, png())
    flows.register_with_picture(email, jpeg(50, 50), password=ANOTHER)
    access = verified(flows, email, own)
    set_again = flows.set_picture(access, png()).json()
    assert picture_of(installation, access) == set_again["picture"], "it is the own one"
    assert sorted(ends(installation)) == [False, True, True]
    assert installation.auth.portal is not None
    avatars_of_auth: Avatars = installation.auth_app.state.resources.avatars
    assert installation.auth.portal.call(lambda: avatars_of_auth.delete_ended(count=500)) == 2
    assert ends(installation) == [False]


def test_without_its_token_a_registration_leaves_no_picture(flows: Flows, installation: Installation) -> None:
    email = unique()
    flows.register_with_picture(email, png())
    assert flows.verify(flows.code_of(email), ANOTHER).status_code == 200
    assert picture_of(installation, flows.sign_in(email, ANOTHER).access) is None
    assert ends(installation) == [True]


def test_the_picture_ends_with_its_registration(flows: Flows, installation: Installation) -> None:
    flows.register_with_picture(unique(), png())
    [(registration,)] = installation.execute(sa.select(pending_registrations.c.expires_at))
    [(picture,)] = installation.execute(sa.select(avatars.c.expires_at))
    assert abs((registration - picture).total_seconds()) < 5


def test_a_picture_that_has_ended_is_left_out(flows: Flows, installation: Installation) -> None:
    email = unique()
    registered = flows.register_with_picture(email, png())
    installation.execute("UPDATE avatars SET expires_at = '2020-01-01 00:00:00.000000'")
    assert picture_of(installation, verified(flows, email, registered)) is None


def test_a_known_address_gets_the_same_answer_after_the_same_work(
    flows: Flows, installation: Installation, people: People
) -> None:
    known, unknown = people.user.email, unique()
    statements: dict[str, list[str]] = {}
    answers = {}
    for email in (known, unknown):
        with recorded(installation.auth_app.state.resources.database.engine) as seen:
            answers[email] = flows.register_with_picture(email, png())
        statements[email] = seen
    assert answers[known].status_code == answers[unknown].status_code == 202
    assert answers[known].json().keys() == answers[unknown].json().keys()
    assert answers[known].json()["detail"] == answers[unknown].json()["detail"]
    of_pictures = [
        [statement for statement in seen if "avatars" in statement] for seen in statements.values()
    ]
    assert of_pictures[0] == of_pictures[1]
    assert ends(installation) == [True, True]
    for image in (ANIMATED["PNG"], WRONG_TYPES["SVG"], BROKEN["PNG: half"]):
        rejected = [flows.register_with_picture(email, image) for email in (known, unknown)]
        assert {answer.status_code for answer in rejected} == {422}
        assert rejected[0].json()["code"] == rejected[1].json()["code"]


def test_registrations_do_not_fill_the_disk(
    flows: Flows, installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past a number of waiting pictures, registrations go on without, and users set theirs as before."""
    monkeypatch.setattr(waiting, "MAX_WAITING", 2)
    registered = {}
    for email in (unique(), unique(), unique()):
        registered[email] = flows.register_with_picture(email, png())
        assert registered[email].status_code == 202
    assert ends(installation) == [True, True]
    assert picture_of(installation, verified(flows, email, registered[email])) is None
    assert flows.set_picture(people.user.access, png()).status_code == 200
    # What users have does not count.
    first = next(iter(registered))
    assert picture_of(installation, verified(flows, first, registered[first])) is not None
    assert flows.register_with_picture(unique(), png()).status_code == 202
    assert sorted(ends(installation)) == [False, False, True, True]


@pytest.mark.databases("sqlite")  # the body alone
def test_a_html_form_without_a_picture_is_a_registration(flows: Flows, installation: Installation) -> None:
    """Browsers send an empty file for none, and empty texts."""
    email = unique("grace")
    data = {"email": email, "password": CHOSEN, "name": ""}
    empty = {"image": ("", b"", "application/octet-stream")}
    registered = installation.call("POST", f"{AUTH}/register", data=data, files=empty)
    access = verified(flows, email, registered)
    assert flows.me(access).json()["name"] == "grace"
    other = unique("alan")
    plain = installation.call("POST", f"{AUTH}/register", data={**data, "email": other})
    assert flows.me(verified(flows, other, plain)).json()["name"] == "alan"
    assert ends(installation) == []


@pytest.mark.databases("sqlite")  # the body alone
def test_a_form_is_checked_as_json_is(installation: Installation) -> None:
    bodies = [
        {"email": "nobody", "password": CHOSEN},
        {"email": unique(), "password": "short"},
        {"email": unique()},
        {"email": unique(), "password": "password1234"},
        {"email": unique(), "password": CHOSEN, "name": "x" * 300},
        {"email": unique(), "password": CHOSEN, "role": "admin"},
    ]
    for body in bodies:
        answers = [
            installation.call("POST", f"{AUTH}/register", json=body),
            installation.call("POST", f"{AUTH}/register", data=body),
            installation.call("POST", f"{AUTH}/register", data=body, files={"image": ("a", png())}),
        ]
        documents = [assert_problem(answer, 422) for answer in answers]
        for document in documents:
            del document["request_id"]
        assert documents[0] == documents[1] == documents[2]


@pytest.mark.databases("sqlite")  # the body alone
def test_neither_password_nor_picture_is_logged(flows: Flows, rendered_log: StringIO) -> None:
    assert flows.register_with_picture(unique(), png()).status_code == 202
    assert flows.register_with_picture(unique(), b"no picture").status_code == 422
    assert CHOSEN not in rendered_log.getvalue()
    assert "no picture" not in rendered_log.getvalue()
