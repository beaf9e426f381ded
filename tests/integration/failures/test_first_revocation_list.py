"""A process accepts no token before it has read the revocation list, because the token could be revoked.

`DOORWARD_TEST_STARTS=34` watches 34 starts of each service instead of four, here, of tickets
(remote/test_start_without_auth.py) and of all services in one process (standalone/test_first_requests.py).
"""

import httpx2
import pytest

from integration.harness.bulk_users import enrol
from integration.harness.deployment import STARTS, FragileDeployment, answers_from_the_start, start_alive
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from support.probes import http_status

ROUTES = {"auth": f"{AUTH}/verify", "users": f"{USERS}/me"}


def log_in(deployment: FragileDeployment) -> str:
    login = {"email": enrol(deployment.database.url, 1)[0].email, "password": PASSWORD}
    answer = deployment.call("POST", f"{AUTH}/token", json=login)
    assert answer.status == 200, answer.response.text
    return str(answer.response.json()["access_token"])


@pytest.mark.parametrize("name", ROUTES)
def test_a_revoked_token_is_rejected_after_a_start_without_the_database(
    deployment: FragileDeployment, name: str
) -> None:
    revoked, valid = log_in(deployment), log_in(deployment)
    assert deployment.call("POST", f"{AUTH}/logout", revoked).status == 204
    service = getattr(deployment, name)

    def ask(token: str) -> httpx2.Response:
        return deployment.call("GET", ROUTES[name], token).response

    service.kill9()
    deployment.server.process.freeze()
    try:
        start_alive(service)
        for token in (revoked, valid):
            response = ask(token)
            assert (response.status_code, response.json()["code"]) == (503, "revocations_unavailable")
            assert int(response.headers["retry-after"]) > 0
        assert http_status(service.port, "/readyz") == 503
    finally:
        deployment.server.process.thaw()
    deployment.wait_until_ready()
    assert ask(revoked).status_code == 401
    assert ask(valid).is_success


@pytest.mark.parametrize("name", ROUTES)
def test_a_revoked_token_is_rejected_at_the_first_request_after_a_start(
    deployment: FragileDeployment, name: str
) -> None:
    revoked = log_in(deployment)
    assert deployment.call("POST", f"{AUTH}/logout", revoked).status == 204
    service = getattr(deployment, name)
    for _ in range(STARTS):
        service.kill9()
        answers = answers_from_the_start(service, deployment.client, service.url + ROUTES[name], revoked)
        assert answers
        assert set(answers) <= {401, 503}, answers
