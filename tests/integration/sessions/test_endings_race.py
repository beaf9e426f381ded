"""Ending a session wins against its parallel refresh at another process.

Every round has its own session or user, many rounds run in parallel, and delays are random, so that both
orders occur. All tokens are rejected afterwards.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH, USERS
from integration.harness.races import LOCK_SESSION, Handicap, in_line, together, until_in_line
from integration.harness.raw_http import Reply
from integration.harness.replicas import Replica, Replicas, Tokens

DEMOTIONS = 60
AT_ONCE = 12
SPREAD_SECONDS = 0.012


@dataclass(frozen=True, slots=True)
class Raced:
    """The tokens of the clients of one ended session, oldest first."""

    held: list[Tokens]

    @property
    def was_refreshed(self) -> bool:
        return len(self.held) > 1


async def use(auths: Sequence[Replica], tokens: Tokens, chance: random.Random, late: Handicap) -> Raced:
    """Refresh a session like its clients until it is rejected; return the tokens.

    Either several clients in parallel with one token, or one client repeatedly. Both together would be a
    reuse, which ends the session itself.
    """
    raced = Raced([tokens])

    async def client(auth: Replica, times: int) -> None:
        await late.wait()
        token = tokens.refresh
        for _ in range(times):
            reply = await auth.refresh(token)
            if reply.status == 401:
                return
            raced.held.append(Tokens.of(reply))
            token = raced.held[-1].refresh

    clients, times = chance.choice([(1, 1), (1, 3), (2, 1), (3, 1)])
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(client(auths[number % 2], times))
    return raced


async def race(
    replicas: Replicas,
    sessions: Sequence[Tokens],
    end: Callable[[Replica], Awaitable[Reply]],
    number: int,
    late: Handicap,
) -> list[Raced]:
    """Refresh sessions while they are ended; return the tokens of each."""
    chance = random.Random(number)
    first, other = replicas.auths if number % 2 else replicas.auths[::-1]
    async with asyncio.TaskGroup() as tasks:
        users = [tasks.create_task(use((first, other), tokens, chance, late)) for tokens in sessions]
        await asyncio.sleep(chance.uniform(0, SPREAD_SECONDS))
        reply = await end(other)
        assert reply.status in {200, 204}, reply
    return [user.result() for user in users]


async def assert_over(replicas: Replicas, members: Sequence[Member], raced: Sequence[Raced]) -> None:
    """Check that both orders occurred, and that the newest tokens are rejected everywhere."""
    refreshed = sum(session.was_refreshed for session in raced)
    assert 0 < refreshed < len(raced), "one side always came first: nothing was raced"
    assert replicas.live_sessions(members) == 0
    newest = [session.held[-1] for session in raced]

    async def is_rejected(number: int) -> bool:
        reply = await replicas.auths[number % 2].refresh(newest[number].refresh)
        await replicas.all[number % 3].until_rejected(newest[number].access)
        return reply.status == 401

    assert all(await together(len(newest), is_rejected, at_once=AT_ONCE))


async def administrator(replicas: Replicas) -> str:
    """Return the access token of a new administrator."""
    [admin] = enrol(replicas.database.url, 1, role="admin")
    return (await replicas.log_in(admin)).access


async def open_sessions(replicas: Replicas, members: Sequence[Member], each: int) -> list[list[Tokens]]:
    """Log every user in `each` times."""

    async def run_one(number: int) -> Tokens:
        return Tokens.of(await replicas.auths[number % 2].log_in(members[number // each]))

    opened = await together(len(members) * each, run_one, at_once=AT_ONCE)
    return [opened[at : at + each] for at in range(0, len(opened), each)]


@dataclass(frozen=True, slots=True)
class Ending:
    """A request that ends one or all sessions of a user."""

    method: str
    path: str
    body: dict[str, str] | None = None
    by_administrator: bool = True
    rounds: int = 40

    async def __call__(
        self, replicas: Replicas, auth: Replica, member: Member, own: Tokens, admin: str
    ) -> Reply:
        """Send it to `auth`, or to users if the path belongs to users."""
        to = auth if self.path.startswith(AUTH) else replicas.users
        token = admin if self.by_administrator else own.access
        return await to.call(self.method, self.path.format(id=member.id), token, self.body)


LOGOUT = Ending("POST", f"{AUTH}/logout", by_administrator=False, rounds=100)
OF_ALL = {
    "own": Ending("DELETE", f"{AUTH}/sessions", by_administrator=False),
    "administrator": Ending("DELETE", f"{AUTH}/users/{{id}}/sessions"),
    "disabled": Ending("PATCH", f"{USERS}/{{id}}", {"status": "disabled"}),
    "password": Ending("PATCH", f"{USERS}/{{id}}", {"password": "somebody else has it"}),
    "deleted": Ending("DELETE", f"{USERS}/{{id}}"),
}


async def test_a_hundred_logouts_win_against_parallel_refreshes(replicas: Replicas) -> None:
    members = enrol(replicas.database.url, LOGOUT.rounds // 10)
    sessions = [tokens for opened in await open_sessions(replicas, members, 10) for tokens in opened]
    late = Handicap(3 * SPREAD_SECONDS, seed=LOGOUT.rounds)

    async def run_one(number: int) -> list[Raced]:
        own, member = sessions[number], members[number // 10]
        ended = await race(
            replicas, [own], lambda auth: LOGOUT(replicas, auth, member, own, ""), number, late
        )
        late.note(won=ended[0].was_refreshed)
        return ended

    rounds = await together(LOGOUT.rounds, run_one, at_once=AT_ONCE)
    await assert_over(replicas, members, [raced for several in rounds for raced in several])


@pytest.mark.parametrize("ending", [pytest.param(ending, id=name) for name, ending in OF_ALL.items()])
async def test_ending_all_sessions_of_many_users_wins_against_parallel_refreshes(
    replicas: Replicas, ending: Ending
) -> None:
    members = enrol(replicas.database.url, ending.rounds)
    sessions = await open_sessions(replicas, members, 2)
    late = Handicap(3 * SPREAD_SECONDS, seed=ending.rounds)
    admin = await administrator(replicas)

    async def run_one(number: int) -> list[Raced]:
        member, own = members[number], sessions[number]
        ended = await race(
            replicas, own, lambda auth: ending(replicas, auth, member, own[0], admin), number, late
        )
        late.note(won=all(session.was_refreshed for session in ended))
        return ended

    rounds = await together(ending.rounds, run_one, at_once=AT_ONCE)
    await assert_over(replicas, members, [raced for several in rounds for raced in several])


@pytest.mark.parametrize("order", ["end first", "refresh first"])
@pytest.mark.parametrize(
    "ending", [pytest.param(ending, id=name) for name, ending in {"logout": LOGOUT, **OF_ALL}.items()]
)
async def test_an_ending_and_a_refresh_in_a_fixed_order(
    replicas: Replicas, ending: Ending, order: str
) -> None:
    """Both wait for the row of the session in this order, which the lock guarantees."""
    first, second = replicas.auths
    admin = await administrator(replicas)

    async def attempt() -> tuple[Member, Tokens, list[Reply]] | None:
        [member] = enrol(replicas.database.url, 1)
        own = await replicas.log_in(member)
        requests = [ending(replicas, first, member, own, admin), second.refresh(own.refresh)]
        if order == "refresh first":
            requests.reverse()
        done = await in_line(replicas.database, LOCK_SESSION, own.session_id.bytes, *requests)
        return None if done is None else (member, own, done)

    member, own, done = await until_in_line(attempt)
    newest = own
    if order == "refresh first":
        newest = Tokens.of(done[0])
        assert done[1].status in {200, 204}
    else:
        assert done[0].status in {200, 204}
        assert done[1].status == 401
    for replica, held in itertools.product(replicas.auths, (own, newest)):
        assert (await replica.refresh(held.refresh)).status == 401
    await replicas.until_rejected_everywhere(newest.access)
    assert replicas.live_sessions([member]) == 0


async def test_no_administrator_token_survives_a_demotion(replicas: Replicas) -> None:
    """A new role ends no session, but a parallel refresh must not keep the old role."""
    members = enrol(replicas.database.url, DEMOTIONS, role="admin")
    sessions = await open_sessions(replicas, members, 2)
    late = Handicap(3 * SPREAD_SECONDS, seed=DEMOTIONS)
    admin = await administrator(replicas)
    demote = Ending("PATCH", f"{USERS}/{{id}}", {"role": "user"})

    async def run_one(number: int) -> list[Raced]:
        member, own = members[number], sessions[number]
        both = await race(
            replicas, own, lambda auth: demote(replicas, auth, member, own[0], admin), number, late
        )
        renewed = [tokens for session in both for tokens in session.held[1:]]
        late.note(won=all(tokens.claims["role"] == "admin" for tokens in renewed))
        return both

    raced = [session for both in await together(DEMOTIONS, run_one, at_once=4) for session in both]
    held = [tokens for session in raced for tokens in session.held]
    stale = [tokens.access for tokens in held if tokens.claims["role"] == "admin"]
    assert len(raced) < len(stale) < len(held), "one side always came first: nothing was raced"
    await together(len(stale), lambda n: replicas.all[n % 3].until_rejected(stale[n]), at_once=AT_ONCE)
    for session in raced:
        renewed = Tokens.of(await replicas.auths[0].refresh(session.held[-1].refresh))
        assert renewed.claims["role"] == "user"
        assert await replicas.users.accepts(renewed.access)
