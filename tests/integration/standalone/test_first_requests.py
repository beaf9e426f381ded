"""All services in one process accept no revoked token, from the first moment of a start on."""

from pathlib import Path

import httpx2

from integration.harness.deployment import STARTS, answers_from_the_start
from integration.harness.installation import AUTH, TICKETS, USERS
from support.standalone import Standalone

PASSWORD = "correct horse battery staple"
ROUTES = (f"{AUTH}/verify", f"{USERS}/me", TICKETS)


def test_a_revoked_token_is_rejected_at_the_first_request_after_a_start(tmp_path: Path) -> None:
    process = Standalone(tmp_path, DOORWARD_ADMIN_PASSWORD=PASSWORD)
    with process, httpx2.Client(timeout=60) as client:
        body = {"email": "admin@example.com", "password": PASSWORD}
        token = client.post(f"{process.url}{AUTH}/token", json=body).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert all(client.get(process.url + route, headers=headers).is_success for route in ROUTES)
        assert client.post(f"{process.url}{AUTH}/logout", headers=headers).status_code == 204
        for number in range(STARTS):
            process.kill9()
            url = process.url + ROUTES[number % len(ROUTES)]
            answers = answers_from_the_start(process, client, url, token)
            assert answers
            assert set(answers) <= {401, 503}, answers
