"""Neither the answer nor its time reveals whether an address has an account.

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
from integration.measurements.timing_statistics import Sample, attacker_accuracy, chance
from integration.rate_limiting.callers import REGISTER, RESET, TOKEN, WRONG, Auths, new_email
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

STORE_REGISTRATIONS = """
INSERT INTO pending_registrations (id, email, email_key, name, password_hash, secret_hash, expires_at)
SELECT UNHEX(MD5(seq)), CONCAT('pending', seq, '@example.com'), CONCAT('pending', seq, '@example.com'),
    'Somebody', %s, UNHEX(SHA2(seq, 256)), UTC_TIMESTAMP(6) + INTERVAL 1 DAY
FROM seq_1_to_500
"""

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
    """Users without earlier requests; their hashes have today's parameters, as after any login."""
    members = enrol(auths.database.url, MEMBERS)
    auths.database.execute("UPDATE credentials SET password_hash = %s", HASHER.hash(PASSWORD))
    return members


def login_as_registered(email: str) -> Request:
    return "POST", TOKEN, {"email": email, "password": PASSWORD}


def register_many(auths: Auths) -> list[str]:
    """Store pending registrations with PASSWORD; return their addresses."""
    auths.database.execute(STORE_REGISTRATIONS, HASHER.hash(PASSWORD))
    return [f"pending{number}@example.com" for number in range(1, MEMBERS + 1)]


async def test_pending_registrations_and_unknown_addresses_cannot_be_distinguished(auths: Auths) -> None:
    """Logged in to with the password of the registration, which opens nothing before the code is entered."""
    pending = register_many(auths)
    await assert_told_apart_by_nothing(auths, login_as_registered, pending)


@pytest.mark.parametrize("request_for", [login, registration, reset])
async def test_known_and_unknown_addresses_cannot_be_distinguished(
    auths: Auths, members: list[Member], request_for: Callable[[str], Request]
) -> None:
    await assert_told_apart_by_nothing(auths, request_for, [member.email for member in members])


async def assert_told_apart_by_nothing(
    auths: Auths, request_for: Callable[[str], Request], emails: list[str]
) -> None:
    """Compare some addresses with unknown ones, in a few rounds."""
    known = [email for email in emails for _ in range(ASKED_EACH)]
    unknown = [email for email in (new_email() for _ in emails) for _ in range(ASKED_EACH)]
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
    pytest.fail(f"the addresses and unknown ones are told apart in every round: {found}")


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
