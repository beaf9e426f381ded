"""A login in parallel with a change of its account: no session survives that the change should end."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import PIN_SECONDS, CodeForm, Purpose, derive, pin_of
from doorward_kit.database import create_engine
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import LOCK_USER, Handicap, in_line, together, until_in_line
from integration.harness.raw_http import Reply
from integration.harness.replicas import Replicas, Tokens
from support.services import SECRET_KEY

PEOPLE = 50
AT_ONCE = 8
SPREAD_SECONDS = 0.015
NEW_PASSWORD = "somebody else had the old one"


@dataclass(frozen=True, slots=True)
class Case:
    """A signed-in user, and the token of an administrator."""

    replicas: Replicas
    admin: str
    member: Member
    pin: str
    own: Tokens

    async def patch(self, body: dict[str, str]) -> Reply:
        return await self.replicas.users.call("PATCH", self.member.path, self.admin, body)

    async def disable(self) -> Reply:
        return await self.patch({"status": "disabled"})

    async def promote(self) -> Reply:
        return await self.patch({"role": "admin"})

    async def set_password(self) -> Reply:
        return await self.patch({"password": NEW_PASSWORD})

    async def delete(self) -> Reply:
        return await self.replicas.users.call("DELETE", self.member.path, self.admin)

    async def end_sessions(self) -> Reply:
        path = f"{AUTH}/users/{self.member.id}/sessions"
        return await self.replicas.auths[0].call("DELETE", path, self.admin)

    async def change_own_password(self) -> Reply:
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        return await self.replicas.auths[0].call("POST", f"{AUTH}/password", self.own.access, body)

    async def change_password_by_address(self) -> Reply:
        body = {"email": self.member.email, "current_password": PASSWORD, "new_password": NEW_PASSWORD}
        return await self.replicas.auths[0].guess("POST", f"{AUTH}/password", body)

    async def reset_password(self) -> Reply:
        body = {"email": self.member.email, "pin": self.pin, "new_password": NEW_PASSWORD}
        return await self.replicas.auths[0].guess("PATCH", f"{AUTH}/password/reset", body)

    async def log_in(self, at: int) -> Reply:
        return await self.replicas.auths[at].log_in(self.member)


Change = Callable[[Case], Coroutine[Any, Any, Reply]]

CHANGES: dict[str, Change] = {
    "disabled": Case.disable,
    "password": Case.set_password,
    "deleted": Case.delete,
    "own password": Case.change_own_password,
    "own password by address": Case.change_password_by_address,
    "own password by code": Case.reset_password,
}
"""Changes that invalidate the password of a running login."""

changes = pytest.mark.parametrize(
    "change", [pytest.param(change, id=name) for name, change in CHANGES.items()]
)


@pytest.fixture
async def admin(replicas: Replicas) -> str:
    """The access token of an administrator."""
    return (await replicas.log_in(enrol(replicas.database.url, 1, role="admin")[0])).access


async def sign_up(replicas: Replicas, admin: str, count: int) -> list[Case]:
    """Create `count` users, each with one session and a mailed code."""
    members = enrol(replicas.database.url, count)
    pins = []
    engine = create_engine(replicas.database.url, pool_size=1, timeout=30)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        for member in members:
            seed = codes.renew(
                connection,
                member.id,
                Purpose.RESET,
                CodeForm.PIN,
                seconds=PIN_SECONDS,
                sent_to=member.email,
            )
            pins.append(pin_of(derive(SECRET_KEY.encode("utf-8"), Purpose.RESET, member.id, seed)))
        connection.commit()
    engine.dispose()
    own = await together(count, lambda number: replicas.log_in(members[number]), at_once=AT_ONCE)
    return [Case(replicas, admin, *account) for account in zip(members, pins, own, strict=True)]


async def assert_dead(replicas: Replicas, got: list[Tokens]) -> None:
    """Check that the tokens of sessions that should not exist are rejected."""
    rejected = await together(len(got), lambda n: replicas.auths[n % 2].refresh(got[n].refresh), at_once=8)
    assert {reply.status for reply in rejected} <= {401}
    await together(len(got), lambda n: replicas.all[n % 3].until_rejected(got[n].access), at_once=8)


async def assert_others_ended(change: Change, cases: list[Case], got: list[Tokens]) -> None:
    """Check that only the sessions that changed their passwords are live."""
    replicas, members = cases[0].replicas, [case.member for case in cases]
    kept = len(cases) if change is Case.change_own_password else 0
    assert replicas.live_sessions(members) == kept
    await assert_dead(replicas, got)
    for case in cases[:kept]:
        assert (await replicas.auths[1].refresh(case.own.refresh)).status == 200


async def one_after_the_other(
    replicas: Replicas, admin: str, first: Change, second: Change
) -> tuple[Case, Reply, Reply]:
    """Let two requests wait for the locked row of an account in this order, and release it."""

    async def attempt() -> tuple[Case, Reply, Reply] | None:
        [case] = await sign_up(replicas, admin, 1)
        done = await in_line(replicas.database, LOCK_USER, case.member.id.bytes, first(case), second(case))
        return None if done is None else (case, done[0], done[1])

    return await until_in_line(attempt)


async def log_in_elsewhere(case: Case) -> Reply:
    """Log in at the other auth process."""
    return await case.log_in(1)


@changes
async def test_no_session_survives_a_parallel_change(replicas: Replicas, admin: str, change: Change) -> None:
    """In both orders: an earlier login's session ends with the others, and a later login fails."""
    cases = await sign_up(replicas, admin, PEOPLE)
    chance = random.Random(PEOPLE)
    late = Handicap(SPREAD_SECONDS, seed=PEOPLE)

    async def run_one(number: int) -> list[Reply]:
        async def log_in(at: int) -> Reply:
            await late.wait()
            return await cases[number].log_in(at)

        async with asyncio.TaskGroup() as tasks:
            logins = [tasks.create_task(log_in(at)) for at in (0, 1)]
            await asyncio.sleep(chance.uniform(0, SPREAD_SECONDS))
            changed = await change(cases[number])
            assert changed.status in {200, 204}, changed
        late.note(won=all(login.result().status == 200 for login in logins))
        return [login.result() for login in logins]

    replies = [reply for both in await together(PEOPLE, run_one, at_once=AT_ONCE) for reply in both]
    statuses = {reply.status for reply in replies}
    assert statuses <= {200, 401, 403}, statuses
    assert len(statuses) > 1, "one side always came first: nothing was raced"
    await assert_others_ended(change, cases, [Tokens.of(reply) for reply in replies if reply.status == 200])


@pytest.mark.parametrize(
    "change",
    # A reset compares its code, lets the row go, and computes a hash: the login comes before its change.
    [pytest.param(change, id=name) for name, change in CHANGES.items() if change is not Case.reset_password],
)
async def test_in_slow_motion_a_login_that_waited_finds_the_account_changed(
    replicas: Replicas, admin: str, change: Change
) -> None:
    """The password is verified, and then the row of the account is locked."""
    case, changed, login = await one_after_the_other(replicas, admin, change, log_in_elsewhere)
    assert changed.status in {200, 204}
    assert login.status in {401, 403}, login
    await assert_others_ended(change, [case], [])


@pytest.mark.parametrize("change", [Case.end_sessions, Case.promote])
async def test_a_login_after_a_harmless_change_opens_a_working_session(
    replicas: Replicas, admin: str, change: Change
) -> None:
    """A change that keeps the password rejects no login, but its tokens must contain the new values."""
    case, changed, login = await one_after_the_other(replicas, admin, change, log_in_elsewhere)
    assert changed.status in {200, 204}
    await replicas.until_rejected_everywhere(case.own.access)
    opened = Tokens.of(login)
    assert await replicas.accepted_by(opened.access) == ["auth-1", "auth-2", "users"]
    role = "admin" if change is Case.promote else "user"
    assert opened.claims["role"] == role
    assert Tokens.of(await replicas.auths[0].refresh(opened.refresh)).claims["role"] == role


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, id=name) for name, change in {**CHANGES, "ended": Case.end_sessions}.items()],
)
async def test_a_change_after_a_login_ends_its_session(
    replicas: Replicas, admin: str, change: Change
) -> None:
    case, login, changed = await one_after_the_other(replicas, admin, log_in_elsewhere, change)
    assert changed.status in {200, 204}
    await assert_others_ended(change, [case], [Tokens.of(login)])
