"""Parallel refreshes with one token at two auth processes get the same successor."""

import asyncio
import itertools
from contextlib import ExitStack
from functools import partial

import pytest

from integration.harness.bulk_users import enrol
from integration.harness.deployment import row_locked
from integration.harness.races import LOCK_SESSION, until, until_rows_are_waited_for
from integration.harness.raw_http import Reply, request_bytes, send_and_ignore, send_and_leave
from integration.harness.replicas import REFRESH, Replicas, Tokens
from integration.harness.rotations import RotationCounter

ROUNDS = 20


@pytest.fixture
async def tokens(replicas: Replicas) -> Tokens:
    [member] = enrol(replicas.database.url, 1)
    return await replicas.log_in(member)


async def fifty_at_once(replicas: Replicas, refresh: str, *, before: int) -> list[Reply]:
    """Present a token fifty times, to both processes in turn; return the 38 responses that are read.

    Six clients disconnect after their request, and six never read. All are complete when this returns,
    because a late request after the use of the successor would be a reuse.

    `before` is the number of earlier requests, which is not counted here: a request is logged after its
    response.
    """
    in_turn = itertools.cycle(replicas.auths)
    request = request_bytes("POST", REFRESH, body={"refresh_token": refresh})
    with ExitStack() as ignored:
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(next(in_turn).refresh(refresh)) for _ in range(38)]
            await asyncio.sleep(0)  # they have begun
            for _ in range(6):
                send_and_leave(next(in_turn).service.port, request)
                ignored.enter_context(send_and_ignore(next(in_turn).service.port, request))
        await until(partial(has_answered, replicas, before + 50), "done with all fifty")
    return [one.result() for one in reading]


def has_answered(replicas: Replicas, count: int) -> bool:
    return replicas.answered(REFRESH) >= count


def the_one_successor(answers: list[Reply]) -> Tokens:
    """Check that all responses are equal; return their tokens."""
    got = [Tokens.of(answer) for answer in answers]
    assert len({one.refresh for one in got}) == 1
    assert {one.session_id for one in got} == {got[0].session_id}
    return got[0]


async def test_fifty_parallel_refreshes_rotate_the_token_once(
    replicas: Replicas, rotations: RotationCounter, tokens: Tokens
) -> None:
    before = replicas.answered(REFRESH)
    with row_locked(replicas.database, LOCK_SESSION, tokens.session_id.bytes) as let_go:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(fifty_at_once(replicas, tokens.refresh, before=before))
            await until_rows_are_waited_for(replicas.database, 9)  # more than one process can
            let_go()
    successor = the_one_successor(asking.result())
    assert rotations.count(tokens.session_id) == 1
    # The response is lost: a retry at any process writes nothing and returns the same successor.
    for replica in replicas.auths:
        assert Tokens.of(await replica.refresh(tokens.refresh)).refresh == successor.refresh
    assert rotations.count(tokens.session_id) == 1
    assert await replicas.accepted_by(successor.access) == ["auth-1", "auth-2", "users"]
    assert (await replicas.auths[1].refresh(successor.refresh)).status == 200
    assert rotations.count(tokens.session_id) == 2


async def test_twenty_rounds_of_fifty_parallel_refreshes_rotate_twenty_times(
    replicas: Replicas, rotations: RotationCounter, tokens: Tokens
) -> None:
    seen, before = [tokens.refresh], replicas.answered(REFRESH)
    for number in range(1, ROUNDS + 1):
        earlier = before + 51 * (number - 1)  # each round has one request more
        successor = the_one_successor(await fifty_at_once(replicas, seen[-1], before=earlier))
        retried = Tokens.of(await replicas.auths[number % 2].refresh(seen[-1]))
        assert retried.refresh == successor.refresh
        assert rotations.count(tokens.session_id) == number
        seen.append(successor.refresh)
    assert len(set(seen)) == ROUNDS + 1
    assert await replicas.accepted_by(tokens.access) == ["auth-1", "auth-2", "users"]


async def test_a_session_survives_refreshes_whose_responses_are_lost(
    replicas: Replicas, rotations: RotationCounter, tokens: Tokens
) -> None:
    before = replicas.answered(REFRESH)
    for number in range(1, ROUNDS + 1):
        request = request_bytes("POST", REFRESH, body={"refresh_token": tokens.refresh})
        with ExitStack() as ignored:
            for replica in replicas.auths:
                ignored.enter_context(send_and_ignore(replica.service.port, request))
                send_and_leave(replica.service.port, request)
            # Four requests of this round, and of each earlier round four and one that was read.
            answered = before + 5 * number - 1
            await until(partial(has_answered, replicas, answered), "done with all four")
        tokens = Tokens.of(await replicas.auths[number % 2].refresh(tokens.refresh))
        assert rotations.count(tokens.session_id) == number
