"""A failover without closed connections: old ones stay silent, new ones reach a database."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from integration.failures.test_database_away import assert_back_to_normal, requests, watched_liveness
from integration.harness.deployment import ANSWER_SECONDS, Deployment, FragileDeployment
from integration.harness.failover import Relay
from integration.harness.people import People


def test_silent_connections_time_out(deployment: FragileDeployment, people: People) -> None:
    folder = deployment.folder / "failover"
    folder.mkdir()
    with Relay(deployment.server.port) as relay:
        url = sa.make_url(deployment.database.url).set(port=relay.port).render_as_string(hide_password=False)
        with Deployment(url, folder) as behind:
            warm_up(behind, people)
            assert relay.silence() >= 4
            with watched_liveness(behind) as alive, ThreadPoolExecutor(20) as threads:
                answers = [
                    threads.submit(request) for request in requests(behind, people).values() for _ in range(3)
                ]
            for answer in answers:
                assert answer.result().seconds - max(alive) < ANSWER_SECONDS
            assert_back_to_normal(behind, people)


def warm_up(deployment: Deployment, people: People) -> None:
    """Use the services until their pools hold several connections."""
    with ThreadPoolExecutor(20) as threads:
        for _ in range(3):
            answers = [threads.submit(request) for request in requests(deployment, people).values()] * 3
            assert {answer.result().status for answer in answers} == {200}
