"""A step of a sign-in in parallel with a change of its account: on processes, in both orders."""

from typing import Final

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH
from integration.harness.races import LOCK_USER, in_line, until_in_line
from integration.harness.raw_http import Reply
from integration.harness.replicas import Replicas, Tokens
from integration.sessions.test_login_races import (
    Case,
    Change,
    admin,  # noqa: F401 - a fixture
    sign_up,
)

CHOSEN: Final = "chosen in place of the temporary one"

CHANGES: Final[dict[str, Change]] = {
    "disabled": Case.disable,
    "password": Case.set_password,
    "deleted": Case.delete,
    "own password by address": Case.change_password_by_address,
    "own password by code": Case.reset_password,
    "role": Case.promote,
    "sessions ended": Case.end_sessions,
}


async def prove(replicas: Replicas, member: Member, password: str) -> str:
    """Log in with a temporary password; return the token of the sign-in."""
    replicas.database.execute("UPDATE credentials SET must_change = 1 WHERE user_id = %s", member.id.bytes)
    reply = await replicas.auths[0].log_in(member, password)
    assert reply.status == 403, reply
    token: str = reply.json()["sign_in_token"]
    return token


async def finish(replicas: Replicas, token: str, at: int = 0) -> Reply:
    body = {
        "grant_type": "urn:doorward:grant:new-password",
        "sign_in_token": token,
        "new_password": CHOSEN,
    }
    return await replicas.auths[at].guess("POST", f"{AUTH}/token", body)


async def race(
    replicas: Replicas, admin_token: str, change: Change, *, is_step_first: bool
) -> tuple[Case, Reply, Reply]:
    """Let a step and a change of its account wait for the same row in a fixed order; return both replies."""

    async def attempt() -> tuple[Case, Reply, Reply] | None:
        [case] = await sign_up(replicas, admin_token, 1)
        token = await prove(replicas, case.member, "a long enough phrase")
        requests = (finish(replicas, token, 1), change(case))
        in_order = requests if is_step_first else requests[::-1]
        done = await in_line(replicas.database, LOCK_USER, case.member.id.bytes, *in_order)
        if done is None:
            return None
        step, changed = done if is_step_first else done[::-1]
        return case, step, changed

    return await until_in_line(attempt)


changes = pytest.mark.parametrize("change", [pytest.param(one, id=name) for name, one in CHANGES.items()])


@pytest.mark.parametrize(
    # A reset has two transactions, and the step can come between them.
    "change",
    [pytest.param(one, id=name) for name, one in CHANGES.items() if one is not Case.reset_password],
)
async def test_a_step_after_a_change_of_the_account_is_rejected(
    replicas: Replicas,
    admin: str,  # noqa: F811 - a fixture
    change: Change,
) -> None:
    case, step, changed = await race(replicas, admin, change, is_step_first=False)
    assert changed.status in {200, 204}
    assert (step.status, step.json()["code"]) == (401, "invalid_sign_in_token")
    live = replicas.live_sessions([case.member])
    assert live == (1 if change is Case.promote else 0), "only what was there before may live"


@changes
async def test_a_change_after_a_step_ends_its_session(
    replicas: Replicas,
    admin: str,  # noqa: F811 - a fixture
    change: Change,
) -> None:
    case, step, changed = await race(replicas, admin, change, is_step_first=True)
    opened = Tokens.of(step)
    if change is Case.change_password_by_address:
        assert changed.status == 401, "it was proven with the password of before"
    else:
        assert changed.status in {200, 204, 400}, changed
    if changed.status not in {200, 204} or change is Case.promote:
        assert replicas.live_sessions([case.member]) == 1
        return
    assert replicas.live_sessions([case.member]) == 0
    assert (await replicas.auths[0].refresh(opened.refresh)).status == 401


async def test_a_sign_in_survives_a_killed_process(replicas: Replicas) -> None:
    """The proof is in the database, so any process can continue, including a restarted one."""
    members = enrol(replicas.database.url, 2)
    tokens = [await prove(replicas, member, "a long enough phrase") for member in members]
    await replicas.auths[0].kill9()
    try:
        assert (await finish(replicas, tokens[0], 1)).status == 200
    finally:
        await replicas.auths[0].start()
    assert (await finish(replicas, tokens[1], 0)).status == 200
