"""Counting in Redis: the same limits over three processes, and what becomes of them when it is lost."""

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import redis as client

from doorward_auth.throttling.limits import CODE_GUESSES, LOGIN_BY_STRANGERS, MAILS_TO_ADDRESS, Subject
from integration.harness.bulk_users import Member, enrol
from integration.harness.people import PASSWORD
from integration.harness.races import together, until
from integration.rate_limiting.callers import WRONG, Answer, Auths, device_of, new_source, statuses
from integration.rate_limiting.test_guessing import answered_within
from support.databases import DatabaseServer
from support.ports import free_port
from support.redis import Redis

LIMIT = LOGIN_BY_STRANGERS
BACK_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def redis_auths(
    server: Redis, mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Auths]:
    folder = tmp_path_factory.mktemp("with-redis")
    with (
        mariadb_server.create_database("redis") as database,
        Auths(database, folder, DOORWARD_REDIS_URL=server.url) as auths,
    ):
        yield auths


@pytest.fixture
async def auths(redis_auths: Auths, server: Redis) -> AsyncIterator[Auths]:
    """Three processes that count in Redis; whatever a test does to it is mended after."""
    if not server.alive:
        server.start()
    await until_they_count_in(redis_auths, 1)
    yield redis_auths
    server.thaw() if server.alive else server.start()
    await redis_auths.close()


async def until_they_count_in(auths: Auths, expected: int) -> None:
    """Wait until every process says that it uses Redis (1) or, while that is away, the database (0)."""

    def all_say() -> bool:
        return all(connected(service.url) == expected for service in auths.services)

    await until(all_say, f"all at {expected}")


def connected(url: str) -> int | None:
    """Read the gauge; None where there is none."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith("doorward_throttle_redis_connected ")]
    return int(float(found[0].split()[1])) if found else None


def in_redis(server: Redis, subject: Subject) -> int:
    """Return what is counted of a subject in Redis."""
    with client.Redis.from_url(server.url) as connection:
        return int(connection.hget(b"doorward:throttle:" + subject.key.hex().encode(), "count") or 0)


def prolong_in_redis(server: Redis, subject: Subject, seconds: int) -> None:
    """Let whoever has to wait have so much more."""
    with client.Redis.from_url(server.url) as connection:
        connection.hincrby(b"doorward:throttle:" + subject.key.hex().encode(), "until", 1000 * seconds)


def by_strangers(member: Member) -> Subject:
    return Subject.of(LIMIT, member.email)


async def guesses(
    auths: Auths, member: Member, count: int, accident: Callable[[], Awaitable[None]] | None = None
) -> list[Answer]:
    """Guess wrong as often, many at once, and let the accident happen in the middle."""

    async def one(number: int) -> Answer:
        if number == count // 2 and accident is not None:
            await accident()
        return await auths.log_in(member.email, f"{WRONG} {number}")

    return await together(count, one, at_once=30)


async def test_many_guesses_at_once_are_answered_as_few_times(
    auths: Auths, server: Redis, member: Member
) -> None:
    passwords = [f"{WRONG} {number}" for number in range(200)]
    passwords[150] = PASSWORD
    began = time.monotonic()
    answers = await together(200, lambda number: auths.log_in(member.email, passwords[number]), at_once=200)
    found = statuses(answers)
    assert found.keys() <= {200, 401, 429}
    assert LIMIT.free < found[401] <= answered_within(time.monotonic() - began)
    assert in_redis(server, by_strangers(member)) == found[401]
    assert auths.counted(by_strangers(member)) == 0, "the database counted as well: Redis was taken for lost"


async def test_known_device_and_honest_waits(auths: Auths, server: Redis, member: Member) -> None:
    device = await device_of(auths, member)
    await auths.fail(member.email, LIMIT.free + 1)
    prolong_in_redis(server, by_strangers(member), 60)  # what follows may take its time
    refused = await auths.log_in(member.email)
    assert refused.status == 429
    assert 30 < refused.retry_after <= 60 + LIMIT.first_wait
    assert (await auths.log_in(member.email, device=device)).status == 200
    prolong_in_redis(server, by_strangers(member), -60)
    await asyncio.sleep(LIMIT.first_wait)
    assert (await auths.log_in(member.email)).status == 200


async def test_budget_is_shared(auths: Auths, server: Redis, member: Member) -> None:
    answers = await together(40, lambda _: auths.ask_for_reset(member.email), at_once=40)
    assert statuses(answers) == {202: MAILS_TO_ADDRESS.free, 429: 40 - MAILS_TO_ADDRESS.free}
    refused = next(answer for answer in answers if answer.status == 429)
    assert 0 < refused.retry_after <= MAILS_TO_ADDRESS.memory
    assert in_redis(server, Subject.of(MAILS_TO_ADDRESS, member.email)) == MAILS_TO_ADDRESS.free


async def test_guesses_at_codes_are_counted_where_nothing_is_forgotten(
    auths: Auths, server: Redis, member: Member
) -> None:
    subject = Subject.of(CODE_GUESSES, member.email)
    await together(CODE_GUESSES.free, lambda _: auths.reset(member.email, "123456"), at_once=10)
    server.restart()
    assert (await auths.reset(member.email, "123456")).status == 429
    assert auths.counted(subject) == CODE_GUESSES.free
    assert in_redis(server, subject) == 0


async def test_no_limit_is_lost_with_the_server(auths: Auths, server: Redis, member: Member) -> None:
    """It is killed in the middle of hundreds of guesses: the database goes on, in the same requests."""

    async def kill() -> None:
        await asyncio.to_thread(server.kill9)

    before = len(auths.events("throttle.redis_lost"))
    began = time.monotonic()
    found = statuses(await guesses(auths, member, 300, kill))
    assert found.keys() == {401, 429}, found
    assert found[401] <= 2 * answered_within(time.monotonic() - began), "in Redis, and once more without"
    assert LIMIT.free < auths.counted(by_strangers(member))
    auths.prolong(by_strangers(member))
    assert (await auths.log_in(member.email)).status == 429
    await until_they_count_in(auths, 0)
    assert len(auths.events("throttle.redis_lost")) == before + len(auths.services), "one line each"


async def test_it_comes_back_by_itself(auths: Auths, server: Redis, member: Member) -> None:
    server.kill9()
    await guesses(auths, member, 30)
    await until_they_count_in(auths, 0)
    server.start()
    await until_they_count_in(auths, 1)
    await guesses(auths, member, 30)
    assert in_redis(server, by_strangers(member)) > LIMIT.free
    assert auths.events("throttle.redis_found")


async def test_frozen_server_holds_nobody_up(auths: Auths, server: Redis, member: Member) -> None:
    """It takes connections and answers nothing; what it had counted holds again once it goes on."""
    await auths.fail(member.email, LIMIT.free + 4)
    counted = in_redis(server, by_strangers(member))

    async def freeze() -> None:
        server.freeze()

    [other] = enrol(auths.database.url, 1)
    began = time.monotonic()
    found = statuses(await guesses(auths, other, 300, freeze))
    assert found.keys() == {401, 429}, found
    assert found[401] <= 2 * answered_within(time.monotonic() - began)
    device = await device_of(auths, enrol(auths.database.url, 1)[0])
    assert device, "who does not guess comes in"
    await until_they_count_in(auths, 0)
    server.thaw()
    await until_they_count_in(auths, 1)
    assert in_redis(server, by_strangers(member)) == counted


async def test_server_that_takes_no_writes_is_as_good_as_lost(
    auths: Auths, server: Redis, member: Member
) -> None:
    """A replica after a failover, a full memory: it answers PING, and is of no use."""
    with client.Redis.from_url(server.url) as connection:
        connection.config_set("min-replicas-to-write", 1)
        try:
            found = statuses(await guesses(auths, member, 60))
            assert found.keys() == {401, 429}
            assert auths.counted(by_strangers(member)) > LIMIT.free
            await until_they_count_in(auths, 0)
        finally:
            connection.config_set("min-replicas-to-write", 0)
    await until_they_count_in(auths, 1)


async def test_without_it_from_the_start(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The service starts, is ready and has its limits."""
    folder = tmp_path_factory.mktemp("without-redis")
    url = f"redis://127.0.0.1:{free_port()}/0"
    with (
        mariadb_server.create_database("without") as database,
        Auths(database, folder, count=1, DOORWARD_REDIS_URL=url) as auths,
    ):
        [member] = enrol(database.url, 1)
        answers = await auths.fail(member.email, LIMIT.free + 1, source=new_source())
        auths.prolong(by_strangers(member))
        answers += await auths.fail(member.email, 2, source=new_source())
        assert statuses(answers) == {401: LIMIT.free + 1, 429: 2}
        assert connected(auths.services[0].url) == 0
        await auths.close()
