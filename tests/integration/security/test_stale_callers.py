"""Former administrators cannot write with tokens that they still hold (17, 30, 34).

Their access tokens are valid for minutes. A write checks the caller's current account in its transaction;
reads rely on the revocation list.
"""

import pytest

from integration.harness.installation import USERS, Installation
from integration.harness.people import People, new_user
from integration.harness.problems import assert_rejected
from integration.harness.routes import ROUTES, Route, name_of
from integration.security.expectations import body_of
from integration.security.test_matrix import directory

WRITES = [route for route in ROUTES if route.service == "users" and route.method != "GET"]
FALLS = {
    "demoted": ("PATCH", {"role": "user"}),
    "disabled": ("PATCH", {"status": "disabled"}),
    "deleted": ("DELETE", None),
    "given a new password": ("PATCH", {"password": "somebody else has it"}),
}


@pytest.mark.parametrize("fall", FALLS)
@pytest.mark.parametrize("route", WRITES, ids=name_of)
def test_a_removed_administrator_cannot_write(
    installation: Installation, people: People, route: Route, fall: str
) -> None:
    method, change = FALLS[fall]
    options = {} if change is None else {"json": change}
    assert installation.call(method, people.deputy.path, people.admin.access, **options).status_code < 300
    before = directory(installation)
    where = route.at(people.other.id)
    response = installation.call(route.method, where, people.deputy.access, **body_of(route))
    assert_rejected(response, 401, 403, 404)
    assert directory(installation) == before


def test_a_deleted_administrator_cannot_create_an_administrator(
    installation: Installation, people: People
) -> None:
    installation.call("DELETE", people.deputy.path, people.admin.access)
    body = new_user(role="admin")
    assert_rejected(installation.call("POST", USERS, people.deputy.access, json=body), 401, 403)


def test_a_demoted_administrator_can_log_in_and_change_the_own_name(
    installation: Installation, people: People
) -> None:
    installation.call("PATCH", people.deputy.path, people.admin.access, json={"role": "user"})
    tokens = installation.log_in(people.deputy.email, people.deputy.password)
    response = installation.call("PATCH", f"{USERS}/me", tokens.access, json={"name": "Humbled"})
    assert response.status_code == 200
