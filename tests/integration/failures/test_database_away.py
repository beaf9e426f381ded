"""The database is down, killed or frozen: services respond in time, stay alive, and recover."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

from integration.harness.deployment import (
    ANSWER_SECONDS,
    Answer,
    Deployment,
    FragileDeployment,
    start_alive,
    wait_until,
)
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem

Request = Callable[[], Answer]


def requests(deployment: Deployment, people: People) -> dict[str, Request]:
    """One request of every kind that needs the database."""
    user, call = people.user, deployment.call
    return {
        "log in": lambda: call("POST", f"{AUTH}/token", json={"email": user.email, "password": PASSWORD}),
        "refresh": lambda: call("POST", f"{AUTH}/refresh-token", json={"refresh_token": user.refresh}),
        "profile": lambda: call("GET", f"{USERS}/me", user.access),
        "read": lambda: call("GET", people.other.path, user.access),
        "list": lambda: call("GET", USERS, user.access),
        "rename": lambda: call("PATCH", f"{USERS}/me", user.access, json={"name": "New"}),
        "change": lambda: call("PATCH", people.other.path, people.admin.access, json={"name": "New"}),
    }


@contextmanager
def watched_liveness(deployment: Deployment) -> Iterator[list[float]]:
    """Poll the liveness of both services; the block gets the duration of each round.

    Liveness does not use the database, so it is a control: a slow machine delays it as well.
    """
    alive: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not alive or not stop.is_set():
            started = time.perf_counter()
            assert deployment.probe("/livez") == [200, 200]
            alive.append(time.perf_counter() - started)
            stop.wait(0.1)

    with ThreadPoolExecutor(1) as threads:
        watcher = threads.submit(watch)
        try:
            yield alive
        finally:
            stop.set()
        watcher.result()


def assert_unavailable(answer: Answer, what: str, *, stalled: float = 0.0, is_new: bool = False) -> None:
    """Check that a request was rejected in time; `stalled` is the delay of a request without the database.

    A new process may lack its revocation list instead.
    """
    assert answer.seconds - stalled < ANSWER_SECONDS, f"{what} took {answer.seconds:.1f} s"
    document = assert_problem(answer.response, 503)
    of_new = {"revocations_unavailable"} if is_new else set()
    assert document["code"] in {"database_unavailable", "overloaded"} | of_new
    assert int(answer.response.headers["retry-after"]) >= 1


def assert_back_to_normal(deployment: Deployment, people: People) -> None:
    """Check that the deployment has recovered by itself and stays ready."""
    deployment.wait_until_ready()
    for what, request in requests(deployment, people).items():
        wait_until(lambda request=request: request().status == 200, f"normal: {what}")  # type: ignore[misc]
    for what, request in requests(deployment, people).items():
        assert request().status == 200, what


def test_services_start_without_a_database(deployment: FragileDeployment, people: People) -> None:
    for service in deployment.services:
        service.stop()
    deployment.server.stop()
    for service in deployment.services:
        start_alive(service)
    assert deployment.probe("/livez") == [200, 200]
    assert deployment.probe("/readyz") == [503, 503]
    for what, request in requests(deployment, people).items():
        assert_unavailable(request(), what, is_new=True)
    me = deployment.call("GET", f"{AUTH}/me", people.user.access)
    assert_problem(me.response, 503, "revocations_unavailable")  # the token could be revoked
    deployment.server.start()
    assert_back_to_normal(deployment, people)


def test_services_survive_a_killed_database(deployment: FragileDeployment, people: People) -> None:
    for request in requests(deployment, people).values():
        assert request().status == 200
    deployment.server.process.kill9()
    for what, request in requests(deployment, people).items():
        assert_unavailable(request(), what)
    assert deployment.probe("/livez") == [200, 200]
    wait_until(lambda: deployment.probe("/readyz") == [503, 503], "unready")
    deployment.server.start()
    assert_back_to_normal(deployment, people)


def test_a_frozen_database_causes_only_short_delays(deployment: FragileDeployment, people: People) -> None:
    """Requests arrive at irregular times, for longer than any timeout."""
    for request in requests(deployment, people).values():
        assert request().status == 200
    with (
        watched_liveness(deployment) as alive,
        ThreadPoolExecutor(160) as threads,
        deployment.server.frozen(),
    ):
        asked = []
        for turn in range(20):
            for what, request in requests(deployment, people).items():
                asked.append((f"{what}, turn {turn}", threads.submit(request)))
            time.sleep(0.3)
        answers = [(what, future.result()) for what, future in asked]
    for what, answer in answers:
        assert_unavailable(answer, what, stalled=max(alive))
    assert len(alive) > 5
    # At that time requests that wait for the database are about to time out.
    assert median(alive) < 2.0
    assert_back_to_normal(deployment, people)


def test_service_started_while_the_database_is_frozen_recovers(
    deployment: FragileDeployment, people: People
) -> None:
    for service in deployment.services:
        service.stop()
    with deployment.server.frozen():
        for service in deployment.services:
            start_alive(service)
        with watched_liveness(deployment) as alive, ThreadPoolExecutor(10) as threads:
            pending = {what: threads.submit(one) for what, one in requests(deployment, people).items()}
        for what, future in pending.items():
            assert_unavailable(future.result(), what, stalled=max(alive), is_new=True)
    assert_back_to_normal(deployment, people)
