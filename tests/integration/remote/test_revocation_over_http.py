"""A service that polls auth rejects revoked tokens within two seconds."""

from collections.abc import Callable

import pytest

from integration.remote.deployment import RemoteDeployment, SignedIn
from integration.remote.own_service import REPORTS, OwnService


def assert_rejection(
    service: OwnService, token: str | None, status: int, code: str, method: str = "GET"
) -> None:
    path = REPORTS if method == "GET" else f"{REPORTS}/7"
    response = service.ask(method, path, token)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert ("www-authenticate" in response.headers) == (status == 401)


def test_a_service_identifies_callers_and_rejects_with_problem_documents(
    deployment: RemoteDeployment, service: OwnService
) -> None:
    user, admin = deployment.sign_in(), deployment.sign_in(role="admin")
    answer = service.ask("GET", REPORTS, user.access)
    assert answer.json() == {"reader": str(user.member.id), "role": "user"}
    assert service.ask("DELETE", f"{REPORTS}/7", admin.access).json()["by"] == str(admin.member.id)
    assert_rejection(service, user.access, 403, "insufficient_permission", "DELETE")
    assert_rejection(service, None, 401, "not_authenticated")
    assert_rejection(service, "garbage", 401, "invalid_token")
    assert_rejection(service, user.access[:-4] + "AAAA", 401, "invalid_token", "DELETE")
    # Other responses of the application are unchanged.
    assert service.ask("GET", "/nowhere").json() == {"detail": "Not Found"}
    assert service.readiness() == (200, "ok")


ENDINGS: dict[str, Callable[[RemoteDeployment, SignedIn], None]] = {
    "logout": lambda deployment, user: deployment.log_out(user),
    "disabled": lambda deployment, user: deployment.change(user, status="disabled"),
    "demoted": lambda deployment, user: deployment.change(user, role="user"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("turn", range(3))
def test_a_revocation_is_effective_with_the_next_poll(
    deployment: RemoteDeployment, service: OwnService, ending: str, turn: int
) -> None:
    revoked, other = deployment.sign_in(role="admin"), deployment.sign_in()
    assert service.status(revoked.access) == 200
    ENDINGS[ending](deployment, revoked)
    service.wait_until_rejected(revoked.access)
    assert_rejection(service, revoked.access, 401, "invalid_token", "DELETE")
    assert service.status(other.access) == 200, turn
