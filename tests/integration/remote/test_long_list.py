"""With ten thousand revoked sessions, a revocation is still effective within two seconds."""

import uuid
from contextlib import ExitStack
from pathlib import Path

from integration.harness.deployment import wait_until
from integration.remote.deployment import RemoteDeployment
from support.databases import DatabaseServer

REVOKED = 10_000
COUNT = "doorward_revocations"


def test_with_ten_thousand_revocations_a_logout_is_effective_with_the_next_poll(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(mariadb_server.create_database("long"))
        deployment = RemoteDeployment(database, tmp_path)
        deployment.revoke_at_once([uuid.uuid4() for _ in range(REVOKED)])
        stack.enter_context(deployment)
        service = stack.enter_context(deployment.own_service("own.log"))
        wait_until(lambda: service.metric(COUNT) == REVOKED, "loaded", 90)
        assert service.readiness() == (200, "ok")
        for _ in range(3):
            user = deployment.sign_in()
            assert service.status(user.access) == 200
            deployment.log_out(user)
            service.wait_until_rejected(user.access)
