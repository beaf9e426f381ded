"""Excess logins are rejected at once, with bounded memory, and other requests remain fast."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import pytest

from integration.harness.deployment import Answer, Deployment
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem

HASH_MIB = 48
STORM = 60
DEADLINE_SECONDS = 1.5


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Hashes of 48 MiB that take about a tenth of a second, one at a time."""
    folder = tmp_path_factory.mktemp("overload")
    with Deployment(
        f"sqlite:///{folder}/doorward.db",
        folder,
        DOORWARD_ARGON2_MEMORY_KIB=str(HASH_MIB * 1024),
        DOORWARD_ARGON2_TIME_COST="3",
        DOORWARD_HASH_THREADS="1",
        DOORWARD_HASH_QUEUE_TIMEOUT_SECONDS=str(DEADLINE_SECONDS),
    ) as deployment:
        yield deployment


@pytest.fixture
def people(deployment: Deployment) -> People:
    return deployment.people()


def peak_mib(deployment: Deployment) -> float:
    """Read the maximum resident memory of the auth process."""
    for line in Path(f"/proc/{deployment.auth.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def test_a_burst_of_logins_is_rejected_in_time(deployment: Deployment, people: People) -> None:

    def log_in(number: int) -> Answer:
        # Each login has another address, so that the limit on hashes applies and not the one on guesses.
        body = {"email": f"nobody-{number}@example.com", "password": "wrong"}
        return deployment.call("POST", f"{AUTH}/token", json=body)

    alone = log_in(0)
    assert alone.status == 401
    before = peak_mib(deployment)
    slow: list[float] = []
    stop = threading.Event()

    def read() -> int:
        reads = 0
        while not stop.is_set():
            answer = deployment.call("GET", f"{AUTH}/me", people.user.access)
            assert answer.status == 200
            slow.append(answer.seconds)
            reads += 1
            time.sleep(0.02)
        return reads

    with ThreadPoolExecutor(STORM + 1) as threads:
        began = time.monotonic()
        reader = threads.submit(read)
        storm = [threads.submit(log_in, number) for number in range(1, STORM + 1)]
        answers = [future.result() for future in storm]
        storm_seconds = time.monotonic() - began
        stop.set()
        assert reader.result() >= 3
    served = [answer for answer in answers if answer.status == 401]
    rejected = [answer for answer in answers if answer.status == 503]
    assert len(served) + len(rejected) == STORM
    # Among sixty parallel requests a hash takes longer.
    assert len(served) >= max(1, min(3, DEADLINE_SECONDS // (4 * alone.seconds)))
    assert len(rejected) >= STORM / 2
    for answer in rejected:
        assert_overloaded(answer, stalled=max(slow))
    # Rejected on arrival and not after waiting, except requests admitted by a first estimate.
    assert median(answer.seconds for answer in rejected) - median(slow) < DEADLINE_SECONDS
    # Sixty parallel hashes would take 2.8 GB.
    assert peak_mib(deployment) - before < 1.5 * HASH_MIB
    # They do not queue behind the hashes.
    assert median(slow) < storm_seconds / 3
    metrics = deployment.client.get(deployment.auth.url + "/metrics").text
    assert f'doorward_executor_refused_total{{executor="hash"}} {float(len(rejected))}' in metrics
    assert 'doorward_executor_queue_depth{executor="hash"} 0.0' in metrics


def assert_overloaded(answer: Answer, *, stalled: float) -> None:
    """Check that a request was rejected in time; `stalled` is the delay of a request without a hash."""
    assert_problem(answer.response, 503, "overloaded")
    assert 1 <= int(answer.response.headers["retry-after"]) <= 10
    assert answer.seconds - stalled < 2.0


def test_logins_work_after_the_burst(deployment: Deployment, people: People) -> None:
    login = {"email": people.user.email, "password": PASSWORD}
    for _ in range(3):
        answer = deployment.call("POST", f"{AUTH}/token", json=login)
        assert answer.status == 200
