"""A revocation reaches other service processes with their next poll of the list."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import FragileDeployment
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from integration.harness.revocation_reads import RevocationReads
from support.services import Service


@dataclass(frozen=True, slots=True)
class Reason:
    """A request that revokes an access token."""

    method: str
    path: str
    body: dict[str, str] | None = None
    by_administrator: bool = True
    of_role: str = "user"


REASONS: Final = {
    "logout": Reason("POST", f"{AUTH}/logout", by_administrator=False),
    "own sessions": Reason("DELETE", f"{AUTH}/sessions", by_administrator=False),
    "ended by administrator": Reason("DELETE", f"{AUTH}/users/{{id}}/sessions"),
    "disabled": Reason("PATCH", f"{USERS}/{{id}}", {"status": "disabled"}),
    "demoted": Reason("PATCH", f"{USERS}/{{id}}", {"role": "user"}, of_role="admin"),
    "promoted": Reason("PATCH", f"{USERS}/{{id}}", {"role": "admin"}),
    "deleted": Reason("DELETE", f"{USERS}/{{id}}"),
    "password changed": Reason("PATCH", f"{USERS}/{{id}}", {"password": "somebody else has it"}),
}
reasons = pytest.mark.parametrize("reason", [pytest.param(one, id=name) for name, one in REASONS.items()])


@pytest.fixture(scope="module")
def shared_second_auth(shared_deployment: FragileDeployment) -> Iterator[Service]:
    first = shared_deployment.auth
    log = shared_deployment.folder / "auth-2.log"
    service = Service("auth", database_url=shared_deployment.database.url, log=log, env=first.env)
    service.env["DOORWARD_PORT"] = str(service.port)
    yield service
    service.stop()


@pytest.fixture
def second_auth(deployment: FragileDeployment, shared_second_auth: Service) -> Service:
    """Another auth process on the database of the running deployment."""
    assert deployment.server.process.alive
    return shared_second_auth if shared_second_auth.alive else shared_second_auth.start()


@pytest.fixture
def admin(deployment: FragileDeployment) -> str:
    """The access token of an administrator."""
    return log_in(deployment, enrol(deployment.database.url, 1, role="admin")[0])


def log_in(deployment: FragileDeployment, member: Member) -> str:
    login = {"email": member.email, "password": PASSWORD}
    answer = deployment.call("POST", f"{AUTH}/token", json=login)
    assert answer.status == 200, answer.response.text
    return str(answer.response.json()["access_token"])


def accepts(deployment: FragileDeployment, service: Service, token: str) -> bool:
    path = f"{USERS if service.name == 'users' else AUTH}/me"
    headers = {"Authorization": f"Bearer {token}"}
    response = deployment.client.get(service.url + path, headers=headers)
    # 404: the token is accepted, but its account has been deleted.
    assert response.status_code in {200, 401, 404}, response.text
    return response.status_code != 401


@dataclass(frozen=True, slots=True)
class Revoked:
    """A token and the time of the response that confirmed its revocation."""

    token: str
    at: float


def revoke(deployment: FragileDeployment, second_auth: Service, admin: str, reason: Reason) -> Revoked:
    """Revoke the token of a new user, which every process accepted."""
    [member] = enrol(deployment.database.url, 1, role=reason.of_role)
    token = log_in(deployment, member)
    for service in (*deployment.services, second_auth):
        assert accepts(deployment, service, token)
    caller = admin if reason.by_administrator else token
    answer = deployment.call(reason.method, reason.path.format(id=member.id), caller, json=reason.body)
    assert answer.status in {200, 204}, answer.response.text
    return Revoked(token, time.monotonic())


def assert_rejected_everywhere(
    deployment: FragileDeployment, services: Sequence[Service], all_revoked: Sequence[Revoked]
) -> None:
    """Send every token to every process until it is rejected.

    Fails the test if a process accepts a token after it has read the list.
    """
    for service in services:
        waiting = {revoked.token: RevocationReads(revoked.at) for revoked in all_revoked}
        while waiting:
            for token, reads in list(waiting.items()):
                may_be_accepted = reads.may_be_accepted()
                if not accepts(deployment, service, token):
                    del waiting[token]
                    continue
                assert may_be_accepted, f"{service.log.stem} has read the list and still accepts it"
            asked_at = time.monotonic()
            metrics = deployment.client.get(f"{service.url}/metrics").text
            for reads in waiting.values():
                reads.note(metrics, asked_at=asked_at)
            time.sleep(0.02)


@reasons
def test_a_revocation_reaches_the_other_processes_with_their_next_poll(
    deployment: FragileDeployment, second_auth: Service, admin: str, reason: Reason
) -> None:
    revoked = revoke(deployment, second_auth, admin, reason)
    assert_rejected_everywhere(deployment, (*deployment.services, second_auth), [revoked])


@pytest.mark.parametrize("killed", ["the auth that was asked", "the other auth"])
def test_revocations_of_every_kind_survive_a_killed_auth(
    deployment: FragileDeployment, second_auth: Service, admin: str, killed: str
) -> None:
    dying, staying = deployment.auth, second_auth
    if killed == "the other auth":
        dying, staying = staying, dying
    all_revoked = [revoke(deployment, second_auth, admin, reason) for reason in REASONS.values()]
    dying.kill9()
    with ThreadPoolExecutor(1) as threads:
        restarted = threads.submit(dying.start)
        assert_rejected_everywhere(deployment, [staying, deployment.users], all_revoked)
        restarted.result()
    # It reads the list before its first request.
    for revoked in all_revoked:
        assert not accepts(deployment, dying, revoked.token)


@pytest.mark.usefixtures("second_auth")
def test_a_restarted_auth_knows_revocations_at_its_first_request(
    deployment: FragileDeployment, admin: str
) -> None:
    [member] = enrol(deployment.database.url, 1)
    token = log_in(deployment, member)
    deployment.auth.kill9()
    assert deployment.call("PATCH", member.path, admin, json={"status": "disabled"}).status == 200
    deployment.auth.start()  # ready: it has read the list
    assert deployment.call("GET", f"{AUTH}/me", token).status == 401
