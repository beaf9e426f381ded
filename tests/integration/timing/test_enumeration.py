"""Whether an address is an account's is told by nothing: not by the answer, nor by what it took.

Measured twice, by the clock as an attacker would and by the processor time of the service, on which a busy
machine has less influence. The hash costs a few milliseconds here, so that leaving it out would show.
"""

import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from integration.harness.bulk_users import Member, enrol
from integration.harness.people import PASSWORD
from integration.rate_limiting.callers import REGISTER, RESET, TOKEN, WRONG, Auths, new_email
from integration.timing.timing_statistics import Sample, attacker_accuracy, chance
from support.databases import DatabaseServer
from support.processes import processor_seconds
from support.smtp import SmtpServer

SLACK = 0.02
"""The share above chance that is allowed: two answers in a hundred."""

ROUNDS = 3
"""A difference is there in each of them; what a machine did meanwhile is not."""

SECONDS = 7.0
MOST, FEWEST = 1_000, 100
MEMBERS = 500
ASKED_EACH = 4
"""Fewer than any limit has free."""

HASHER = PasswordHasher(time_cost=1, memory_cost=4_096, parallelism=1)

Request = tuple[str, str, dict[str, Any]]


def login(email: str) -> Request:
    return "POST", TOKEN, {"email": email, "password": WRONG}


def registration(email: str) -> Request:
    return "POST", REGISTER, {"email": email, "name": "Somebody", "password": "an unheard-of phrase"}


def reset(email: str) -> Request:
    return "POST", RESET, {"email": email}


@pytest.fixture(scope="module")
def costly_auths(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auths]:
    """One process whose hashes cost something and whose mail server is slow."""
    folder = tmp_path_factory.mktemp("enumeration")
    smtp = SmtpServer(folder)
    smtp.behave(delay=0.3)
    env: dict[str, str | None] = {
        "DOORWARD_ARGON2_TIME_COST": str(HASHER.time_cost),
        "DOORWARD_ARGON2_MEMORY_KIB": str(HASHER.memory_cost),
        "DOORWARD_MAILBOX_DIR": None,
        **smtp.service_env,
    }
    with (
        mariadb_server.create_database("enumeration") as database,
        smtp,
        Auths(database, folder, count=1, **env) as auths,
    ):
        yield auths


@pytest.fixture
async def auths(costly_auths: Auths) -> AsyncIterator[Auths]:
    yield costly_auths
    await costly_auths.close()


@pytest.fixture
def members(auths: Auths) -> list[Member]:
    """People whom nobody has asked for; their hashes have today's parameters, as after any login."""
    members = enrol(auths.database.url, MEMBERS)
    auths.database.execute("UPDATE credentials SET password_hash = %s", HASHER.hash(PASSWORD))
    return members


@pytest.mark.parametrize("request_for", [login, registration, reset])
async def test_known_and_unknown_are_told_apart_by_nothing(
    auths: Auths, members: list[Member], request_for: Callable[[str], Request]
) -> None:
    known = [member.email for member in members for _ in range(ASKED_EACH)]
    unknown = [email for email in (new_email() for _ in members) for _ in range(ASKED_EACH)]
    found = []
    for _ in range(ROUNDS):
        by_clock, by_processor = await measure(auths, request_for, known, unknown)
        measured = [by_clock, by_processor] if sys.platform == "linux" else [by_clock]
        shares = [attacker_accuracy(samples) for samples in measured]
        bound = chance(by_clock) + SLACK
        found.append((shares, bound, len(by_clock)))
        print(f"{len(by_clock)} answers, told apart: {shares}")
        if max(shares) < bound:
            return
    pytest.fail(f"known and unknown addresses are told apart in every round: {found}")


async def measure(
    auths: Auths, request_for: Callable[[str], Request], known: list[str], unknown: list[str]
) -> tuple[list[Sample], list[Sample]]:
    """Ask for known and unknown addresses at random; return what it cost by the clock and by the processor.

    Takes the addresses from the lists. Fails the test if the answers themselves differ.
    """
    by_clock: list[Sample] = []
    by_processor: list[Sample] = []
    looks = set()
    pid = auths.services[0].pid
    toss = random.Random()
    deadline = time.monotonic() + SECONDS
    while known and unknown and len(by_clock) < MOST:
        if len(by_clock) >= FEWEST and time.monotonic() > deadline:
            break
        is_known = toss.random() < 0.5
        method, path, body = request_for((known if is_known else unknown).pop())
        processor, began = processor_seconds(pid), time.perf_counter()
        answer = await auths.call(method, path, body)
        by_clock.append(Sample(time.perf_counter() - began, is_known))
        by_processor.append(Sample(processor_seconds(pid) - processor, is_known))
        looks.add((answer.status, tuple(answer.headers), len(answer.content), answer.anonymous_content))
    assert len(looks) == 1, looks
    return by_clock, by_processor


def test_attacker_can_tell_what_there_is_to_tell() -> None:
    """The measure itself: blind where there is nothing, and not where answers differ by a little."""
    noise = random.Random(3)

    def shares(difference: float) -> tuple[float, float]:
        samples = []
        for number in range(1_000):
            is_known = noise.random() < 0.5
            drift = 1 + number / 500
            cost = drift * (noise.lognormvariate(0, 0.2) + (0 if is_known else difference))
            samples.append(Sample(cost, is_known))
        return attacker_accuracy(samples), chance(samples) + SLACK

    nothing, bound = shares(0.0)
    assert nothing < bound
    for difference in (0.3, -0.3):
        something, bound = shares(difference)
        assert something > bound
