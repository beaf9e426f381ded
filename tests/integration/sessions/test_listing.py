"""The list of the own sessions while they are opened, refreshed and ended at two auth processes."""

import asyncio
import random
import uuid

from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH
from integration.harness.races import together
from integration.harness.replicas import Replicas, Tokens

SESSIONS = f"{AUTH}/sessions"
LISTINGS = 120


class SessionChurn:
    """Sessions of one user, with the times from which each certainly existed and had ended."""

    def __init__(self, replicas: Replicas, member: Member) -> None:
        self.replicas = replicas
        self.member = member
        self.open: dict[uuid.UUID, Tokens] = {}
        self.ending: set[uuid.UUID] = set()
        self.ended: set[uuid.UUID] = set()
        self.is_over = asyncio.Event()

    async def open_and_end(self, number: int) -> None:
        """Open, refresh and end sessions, in one of three ways, until the test ends."""
        chance = random.Random(number)
        auth, other = self.replicas.auths if number % 2 else self.replicas.auths[::-1]
        while not self.is_over.is_set():
            tokens = Tokens.of(await auth.log_in(self.member))
            self.open[tokens.session_id] = tokens
            tokens = Tokens.of(await other.refresh(tokens.refresh))
            await asyncio.sleep(chance.uniform(0, 0.02))
            self.ending.add(tokens.session_id)
            path = chance.choice([f"{AUTH}/logout", f"{SESSIONS}/{tokens.session_id}"])
            ended = await other.call("DELETE", path, tokens.access)
            assert ended.status == 204, ended
            self.ended.add(tokens.session_id)

    async def look(self, number: int, anchor: Tokens) -> int:
        """List the sessions and compare them with the certain ones; return their number."""
        ended_before, open_before = set(self.ended), set(self.open)
        reply = await self.replicas.auths[number % 2].call("GET", SESSIONS, anchor.access)
        assert reply.status == 200, reply
        items = reply.json()["items"]
        listed = {uuid.UUID(item["id"]) for item in items}
        assert len(listed) == len(items)
        assert [item["id"] for item in items if item["current"]] == [str(anchor.session_id)]
        assert not listed & ended_before, "lists a session that had ended"
        assert open_before - self.ending <= listed, "misses a session that was there all the time"
        assert all(item["created_at"] <= item["last_used_at"] < item["expires_at"] for item in items)
        return len(items)


async def test_the_list_contains_live_sessions_only(replicas: Replicas) -> None:
    member, other = enrol(replicas.database.url, 2)
    anchor, theirs = await replicas.log_in(member), await replicas.log_in(other)
    churn = SessionChurn(replicas, member)
    lengths: set[int] = set()
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(churn.open_and_end(number))
        for number in range(LISTINGS):
            lengths.add(await churn.look(number, anchor))
        churn.is_over.set()
    assert len(lengths) > 1, "control: sessions were opened or ended meanwhile"
    assert await churn.look(0, anchor) == 1
    assert replicas.live_sessions([member]) == 1
    alone = (await replicas.auths[1].call("GET", SESSIONS, theirs.access)).json()["items"]
    assert [item["id"] for item in alone] == [str(theirs.session_id)]


async def test_a_session_ended_by_two_parallel_requests_ends_once(replicas: Replicas) -> None:
    [member] = enrol(replicas.database.url, 1)
    anchor = await replicas.log_in(member)
    doomed = await together(60, lambda _: replicas.log_in(member), at_once=8)

    async def end(number: int) -> list[int]:
        path = f"{SESSIONS}/{doomed[number].session_id}"
        async with asyncio.TaskGroup() as tasks:
            both = [tasks.create_task(auth.call("DELETE", path, anchor.access)) for auth in replicas.auths]
        return sorted(one.result().status for one in both)

    assert await together(60, end, at_once=4) == [[204, 404]] * 60
    await together(60, lambda n: replicas.all[n % 3].until_rejected(doomed[n].access), at_once=8)
    assert await replicas.accepted_by(anchor.access) == ["auth-1", "auth-2", "users"]
