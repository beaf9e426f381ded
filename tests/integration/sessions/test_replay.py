"""A refresh token reused after its grace period ends its session everywhere, and is logged."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import row_locked
from integration.harness.installation import AUTH
from integration.harness.races import (
    LOCK_SESSION,
    Handicap,
    together,
    until,
    until_rows_are_waited_for,
)
from integration.harness.replicas import Replicas, Tokens, replicas_on
from integration.sessions.conftest import OFTEN
from support.databases import DatabaseServer

GRACE_SECONDS = 3
ROUNDS = 100
AGE = "SELECT TIMESTAMPDIFF(MICROSECOND, rotated_at, UTC_TIMESTAMP(6)) FROM sessions WHERE id = %s"
END = "SELECT end_reason FROM sessions WHERE id = %s"


@pytest.fixture(scope="module")
def shared_strict(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    settings = {**OFTEN, "DOORWARD_REFRESH_GRACE_SECONDS": str(GRACE_SECONDS)}
    with replicas_on(mariadb_server, "strict", tmp_path_factory.mktemp("strict"), **settings) as replicas:
        yield replicas


@pytest.fixture
async def strict(shared_strict: Replicas) -> AsyncIterator[Replicas]:
    """Processes with a grace period of three seconds."""
    yield shared_strict
    await shared_strict.close()


@pytest.fixture
def member(strict: Replicas) -> Member:
    return enrol(strict.database.url, 1)[0]


async def wait_for_grace_end(replicas: Replicas, tokens: Tokens) -> None:
    """Wait until the grace period of a session's last rotation is over, by the database's clock."""

    def is_over() -> bool:
        [(age,)] = replicas.database.execute(AGE, tokens.session_id.bytes)
        return bool(age > GRACE_SECONDS * 1_000_000)

    await until(is_over, "past the grace", GRACE_SECONDS + 20)


async def rejections(replicas: Replicas, tokens: Tokens, count: int) -> list[str]:
    """Wait for `count` logged rejections of refreshes of a session; return their sorted reasons."""

    def logged() -> list[str]:
        events = replicas.events("refresh.rejected")
        return sorted(
            str(event["reason"]) for event in events if event["session_id"] == str(tokens.session_id)
        )

    await until(lambda: len(logged()) == count, f"logged as rejected {count} times")
    return logged()


def end_reason(replicas: Replicas, tokens: Tokens) -> str | None:
    [(reason,)] = replicas.database.execute(END, tokens.session_id.bytes)
    return None if reason is None else str(reason)


async def test_a_replay_revokes_the_successor_and_the_access_tokens(strict: Replicas, member: Member) -> None:
    first, second = strict.auths
    stolen, elsewhere = await strict.log_in(member), await strict.log_in(member)
    successor = Tokens.of(await first.refresh(stolen.refresh))
    assert (
        Tokens.of(await second.refresh(stolen.refresh)).refresh == successor.refresh
    )  # still in the grace period
    await wait_for_grace_end(strict, stolen)
    assert await strict.accepted_by(successor.access) == ["auth-1", "auth-2", "users"]
    assert (await second.refresh(stolen.refresh)).json()["code"] == "invalid_refresh_token"
    for access in (successor.access, stolen.access):
        await strict.until_rejected_everywhere(access)
    for replica in strict.auths:
        assert (await replica.refresh(successor.refresh)).status == 401
    assert end_reason(strict, stolen) == "refresh_token_reuse"
    assert await rejections(strict, stolen, 3) == ["ended_or_expired", "ended_or_expired", "reuse"]
    # It ends only the leaked family.
    assert await strict.accepted_by(elsewhere.access) == ["auth-1", "auth-2", "users"]
    assert (await first.refresh(elsewhere.refresh)).status == 200


async def test_a_replay_of_an_older_token_revokes_the_family_within_the_grace_period(
    strict: Replicas, member: Member
) -> None:
    first, second = strict.auths
    tokens = await strict.log_in(member)
    child = Tokens.of(await first.refresh(tokens.refresh))
    grandchild = Tokens.of(await second.refresh(child.refresh))
    assert (await first.refresh(tokens.refresh)).status == 401
    await strict.until_rejected_everywhere(grandchild.access)
    for dead in (child, grandchild):
        assert (await second.refresh(dead.refresh)).status == 401
    assert end_reason(strict, tokens) == "refresh_token_reuse"


async def test_thirty_parallel_replays_are_recorded_as_one_reuse(strict: Replicas, member: Member) -> None:
    tokens = await strict.log_in(member)
    successor = Tokens.of(await strict.auths[0].refresh(tokens.refresh))
    await wait_for_grace_end(strict, tokens)
    with row_locked(strict.database, LOCK_SESSION, tokens.session_id.bytes) as let_go:
        async with asyncio.TaskGroup() as tasks:
            replays = [tasks.create_task(strict.auths[n % 2].refresh(tokens.refresh)) for n in range(30)]
            await until_rows_are_waited_for(strict.database, 9)  # more than one process can
            let_go()
    assert {replay.result().status for replay in replays} == {401}
    assert await rejections(strict, tokens, 30) == ["ended_or_expired"] * 29 + ["reuse"]
    await strict.until_rejected_everywhere(successor.access)


async def test_a_replay_wins_against_a_parallel_use_of_the_successor(strict: Replicas) -> None:
    """In both orders of attacker and owner, neither has a valid token afterwards."""
    members = enrol(strict.database.url, ROUNDS)
    late = Handicap(0.004, seed=7)
    sessions = await together(ROUNDS, lambda number: strict.log_in(members[number]), at_once=16)

    async def rotate(number: int) -> Tokens:
        return Tokens.of(await strict.auths[number % 2].refresh(sessions[number].refresh))

    successors = await together(ROUNDS, rotate, at_once=16)
    await wait_for_grace_end(strict, sessions[-1])

    async def replay(number: int) -> Tokens | None:
        """Race the two; return the owner's reply."""
        one, other = strict.auths if number % 4 < 2 else strict.auths[::-1]
        async with asyncio.TaskGroup() as tasks:
            replaying = tasks.create_task(one.refresh(sessions[number].refresh))
            await late.wait()
            used = await other.refresh(successors[number].refresh)
        assert replaying.result().status == 401
        late.note(won=used.status == 200)
        return Tokens.of(used) if used.status == 200 else None

    got = await together(ROUNDS, replay, at_once=8)
    assert any(got), "the replay always came first: nothing was raced"
    assert not all(got), "the owner always came first: nothing was raced"
    assert strict.live_sessions(members) == 0
    newest = [one or successor for one, successor in zip(got, successors, strict=True)]
    rejected = await together(ROUNDS, lambda n: strict.auths[n % 2].refresh(newest[n].refresh), at_once=16)
    assert {reply.status for reply in rejected} == {401}
    await together(ROUNDS, lambda n: strict.until_rejected_everywhere(newest[n].access), at_once=16)


async def test_a_refresh_after_logout_is_not_recorded_as_reuse(strict: Replicas, member: Member) -> None:
    """A refresh of an ended session is distinguished from theft."""
    tokens = await strict.log_in(member)
    assert (await strict.auths[0].call("POST", f"{AUTH}/logout", tokens.access)).status == 204
    assert (await strict.auths[1].refresh(tokens.refresh)).status == 401
    assert await rejections(strict, tokens, 1) == ["ended_or_expired"]
    assert end_reason(strict, tokens) == "logout"
