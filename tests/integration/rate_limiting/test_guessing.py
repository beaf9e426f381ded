"""Limits on guessing passwords: number of guesses, waiting times, and known devices."""

import asyncio
import random
import time
import uuid

import pytest

from doorward_auth.rate_limiting.limits import LOGIN_BY_DEVICE, LOGIN_UNKNOWN_DEVICES
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member, enrol
from integration.harness.people import PASSWORD
from integration.harness.races import in_line, together, until, until_in_line
from integration.rate_limiting.callers import (
    WRONG,
    Answer,
    Auths,
    device_of,
    new_email,
    new_source,
    statuses,
)

SENDERS = 200
LIMIT = LOGIN_UNKNOWN_DEVICES
BUSY_SECONDS = 30
DAY = 86_400
LOCK = "SELECT count FROM rate_limits WHERE key_hash = %s FOR UPDATE"


def by_unknown_devices(email: str) -> LimitKey:
    return LimitKey.of(LIMIT, email)


def answered_within(seconds: float) -> int:
    """Return the number of wrong guesses that the limit permits without pauses."""
    answered, waited = LIMIT.free + 1, LIMIT.first_wait
    while waited <= seconds:
        answered += 1
        waited += LIMIT.first_wait << (answered - LIMIT.free - 1)
    return answered


async def burst(auths: Auths, member: Member, passwords: list[str]) -> tuple[list[Answer], float]:
    began = time.monotonic()
    answers = await together(
        len(passwords), lambda number: auths.log_in(member.email, passwords[number]), at_once=len(passwords)
    )
    return answers, time.monotonic() - began


async def test_parallel_guesses_gain_nothing_over_sequential_ones(auths: Auths) -> None:
    """Over three processes, with the right password among them, which is rejected like the others."""
    came_in = 0
    for member in enrol(auths.database.url, 4):
        guesses = [f"{WRONG} {number}" for number in range(SENDERS - 1)]
        place = random.Random(member.email).randrange(SENDERS)
        answers, seconds = await burst(auths, member, [*guesses[:place], PASSWORD, *guesses[place:]])
        found = statuses(answers)
        assert found.keys() <= {200, 401, 429}, found
        assert LIMIT.free < found[401] <= answered_within(seconds), (found, seconds)
        assert found.get(200, 0) + found[401] + found[429] == SENDERS
        assert auths.counted(by_unknown_devices(member.email)) == found[401], "counted is what was answered"
        assert (answers[place].status == 200) == (200 in found)
        came_in += found.get(200, 0)
    assert came_in <= 2, "the right one of 200 came in again and again: it does not stand in line"


async def guess_in_turn(auths: Auths, first: str, second: str) -> list[int]:
    """Guess twice in a fixed order: the hashes are computed, and both wait for the row of the limit."""

    async def attempt() -> list[int] | None:
        [member] = enrol(auths.database.url, 1)
        await auths.fail(member.email, LIMIT.free)
        guesses = [auths.log_in(member.email, password) for password in (first, second)]
        answers = await in_line(auths.database, LOCK, by_unknown_devices(member.email).hash, *guesses)
        return None if answers is None else [answer.status for answer in answers]

    return await until_in_line(attempt)


async def test_a_right_guess_waits_in_the_same_queue_as_wrong_ones(auths: Auths) -> None:
    assert await guess_in_turn(auths, WRONG, PASSWORD) == [401, 429]
    assert await guess_in_turn(auths, PASSWORD, WRONG) == [200, 401]


@pytest.mark.parametrize("whose", ["known", "unknown"])
async def test_waits_double_and_are_returned_and_enforced(auths: Auths, member: Member, whose: str) -> None:
    email = member.email if whose == "known" else new_email()
    assert statuses(await auths.fail(email, LIMIT.free + 1)) == {401: LIMIT.free + 1}
    expected = LIMIT.first_wait
    for _ in range(14):
        auths.begin_wait_now(by_unknown_devices(email))
        # Not shorter waits: on a busy machine they are over before the login is judged.
        if expected > BUSY_SECONDS:
            rejected = await auths.log_in(email)
            assert rejected.status == 429
            assert expected - BUSY_SECONDS <= rejected.retry_after <= expected, "it says how long"
            auths.begin_wait_now(by_unknown_devices(email))
            auths.later(expected - BUSY_SECONDS, by_unknown_devices(email))
            assert (await auths.log_in(email)).status == 429, "half a minute is missing"
        auths.begin_wait_now(by_unknown_devices(email))
        auths.later(expected, by_unknown_devices(email))
        assert (await auths.log_in(email, WRONG)).status == 401, "who waited is answered"
        expected = min(2 * expected, LIMIT.longest_wait)
    assert expected == LIMIT.longest_wait


async def test_rejected_attempts_do_not_prolong_the_wait(auths: Auths, member: Member) -> None:
    await auths.fail(member.email, LIMIT.free + 4)
    auths.prolong(by_unknown_devices(member.email))
    before = auths.counted(by_unknown_devices(member.email))
    assert statuses(await auths.fail(member.email, 20)) == {429: 20}
    assert auths.counted(by_unknown_devices(member.email)) == before


async def test_login_succeeds_after_the_wait(auths: Auths, member: Member) -> None:
    await auths.fail(member.email, LIMIT.free + 1)
    auths.prolong(by_unknown_devices(member.email))
    rejected = await auths.log_in(member.email)
    assert rejected.status == 429
    auths.later(rejected.retry_after, by_unknown_devices(member.email))
    assert (await auths.log_in(member.email)).status == 200


async def test_failures_expire_a_day_after_the_last(auths: Auths, member: Member) -> None:
    await auths.fail(member.email, LIMIT.free + 1)
    auths.later(LIMIT.memory - 60, by_unknown_devices(member.email))
    await auths.fail(member.email, 1)
    assert auths.counted(by_unknown_devices(member.email)) == LIMIT.free + 2
    auths.later(LIMIT.memory, by_unknown_devices(member.email))
    assert statuses(await auths.fail(member.email, LIMIT.free + 1)) == {401: LIMIT.free + 1}


async def test_restarting_all_processes_keeps_the_counters(auths: Auths, member: Member) -> None:
    await auths.fail(member.email, LIMIT.free + 8)
    auths.later(1, by_unknown_devices(member.email))
    await auths.fail(member.email, 1)
    before = auths.counted(by_unknown_devices(member.email))
    await auths.restart()
    auths.later(-60, by_unknown_devices(member.email))
    assert (await auths.log_in(member.email)).status == 429
    assert auths.counted(by_unknown_devices(member.email)) == before


async def test_a_known_device_and_the_reset_by_mail_work_during_an_attack(
    auths: Auths, member: Member
) -> None:
    """A thousand client IPs, and more until she is done, guess at one account while its owner gets in."""
    device = await device_of(auths, member)
    owner_is_done = asyncio.Event()
    hostile: list[Answer] = []

    async def attack() -> None:
        while len(hostile) < 1000 or not owner_is_done.is_set():
            hostile.extend(await together(200, lambda _: auths.log_in(member.email, WRONG), at_once=40))

    async def log_in_again_and_again(known: str) -> None:
        logins = [await auths.log_in(member.email, device=known) for _ in range(6)]
        assert statuses(logins) == {200: 6}

    async def recover() -> str:
        assert (await auths.ask_for_reset(member.email)).status == 202
        done = await auths.reset(member.email, await auths.mailed_pin(member.email))
        assert done.status == 200, done
        return str(done.json()["device_token"])

    async with asyncio.TaskGroup() as tasks:
        attacking = tasks.create_task(attack())
        await until(lambda: len(hostile) >= 200, "the attack")
        auths.prolong(by_unknown_devices(member.email))
        await log_in_again_and_again(device)
        new_device = await recover()
        await log_in_again_and_again(new_device)
        owner_is_done.set()
        await attacking
    assert statuses(hostile).keys() == {401, 429}
    auths.prolong(by_unknown_devices(member.email))
    strangers = [await auths.log_in(member.email, device=one) for one in (None, device)]
    assert statuses(strangers) == {429: 2}, "with the right password, from a device that is not known"


async def test_a_known_device_has_its_own_limit(auths: Auths, member: Member) -> None:
    device = await device_of(auths, member)
    wrong = await auths.fail(member.email, LOGIN_BY_DEVICE.free + 1, device=device)
    [(device_id,)] = auths.database.execute(
        "SELECT id FROM known_devices WHERE user_id = %s", member.id.bytes
    )
    auths.prolong(LimitKey.of(LOGIN_BY_DEVICE, uuid.UUID(bytes=device_id)))
    wrong += await auths.fail(member.email, 2, device=device)
    assert statuses(wrong) == {401: LOGIN_BY_DEVICE.free + 1, 429: 2}
    assert auths.counted(by_unknown_devices(member.email)) == 0
    assert (await auths.log_in(member.email)).status == 200, "strangers are not blocked by it"


async def test_a_device_of_one_account_is_unknown_to_another(auths: Auths, member: Member) -> None:
    """A device token of one account gives no further guesses at another."""
    [own] = enrol(auths.database.url, 1)
    device = await device_of(auths, own)
    await auths.fail(member.email, LIMIT.free + 1, device=device)
    assert auths.counted(by_unknown_devices(member.email)) == LIMIT.free + 1
    auths.prolong(by_unknown_devices(member.email))
    assert (await auths.log_in(member.email, device=device)).status == 429


async def test_the_rejection_is_the_same_for_known_and_unknown_addresses(
    auths: Auths, member: Member
) -> None:
    rejections = []
    for email in (member.email, new_email()):
        await auths.fail(email, LIMIT.free + 1)
        for _ in range(3):
            auths.later(300, by_unknown_devices(email))
            await auths.fail(email, 1)
        auths.prolong(by_unknown_devices(email))
        rejections.append(await auths.log_in(email))
    known, unknown = rejections
    assert known.status == unknown.status == 429
    assert known.anonymous_content == unknown.anonymous_content
    assert list(known.headers) == list(unknown.headers)
    assert abs(known.retry_after - unknown.retry_after) <= 5


async def test_spellings_of_an_address_share_a_limit(auths: Auths, member: Member) -> None:
    local, _, domain = member.email.partition("@")
    spellings = [
        member.email,
        member.email.upper(),
        local.title() + "@" + domain,
        local + "@" + domain.upper(),
    ]
    for spelling in spellings:
        assert (await auths.log_in(spelling, WRONG)).status == 401
    assert auths.counted(by_unknown_devices(member.email)) == len(spellings)
    # With a space at an end it is not a valid address.
    for spelling in (" " + member.email, member.email + " ", member.email + "\t", member.email + "\n"):
        assert (await auths.log_in(spelling)).status in {401, 429}
    assert auths.counted(by_unknown_devices(member.email)) == len(spellings)


async def test_spellings_of_a_domain_share_a_limit(auths: Auths) -> None:
    name = new_email().partition("@")[0]
    for domain in ("bücher.example", "BÜCHER.example", "bu\u0308cher.example", "XN--BCHER-KVA.EXAMPLE"):
        assert (await auths.log_in(f"{name}@{domain}", WRONG)).status == 401
    assert auths.counted(by_unknown_devices(f"{name}@xn--bcher-kva.example")) == 4


async def test_unknown_devices_share_one_limit(auths: Auths, member: Member) -> None:
    """Not one for each address, and not one for each process."""
    sources = [new_source() for _ in range(3)]
    for number in range(LIMIT.free + 1):
        assert (await auths.log_in(member.email, WRONG, source=sources[number % 3])).status == 401
    auths.prolong(by_unknown_devices(member.email))
    assert (await auths.log_in(member.email)).status == 429
