"""Revocation between separate service processes on MariaDB: it bites within two seconds."""

import time

import pytest

from integration.harness.deployment import FragileDeployment
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People


@pytest.mark.parametrize("turn", range(4))
def test_logout_reaches_the_other_service_within_two_seconds_though_auth_dies(
    deployment: FragileDeployment, people: People, turn: int
) -> None:
    login = {"email": people.user.email, "password": PASSWORD}
    token = deployment.call("POST", f"{AUTH}/token", json=login).response.json()["access_token"]
    assert deployment.call("GET", f"{USERS}/me", token).status == 200
    assert deployment.call("POST", f"{AUTH}/logout", token).status == 204
    began = time.monotonic()
    if turn % 2:
        deployment.auth.kill9()
    while deployment.call("GET", f"{USERS}/me", token).status == 200:
        assert time.monotonic() - began < 2.0
        time.sleep(0.02)


def test_an_auth_that_was_down_meanwhile_knows_at_its_first_request(
    deployment: FragileDeployment, people: People
) -> None:
    deployment.auth.kill9()
    path, change = people.user.path, {"status": "disabled"}
    assert deployment.call("PATCH", path, people.admin.access, json=change).status == 200
    deployment.auth.start()  # ready: it has read the list
    assert deployment.call("GET", f"{AUTH}/me", people.user.access).status == 401
