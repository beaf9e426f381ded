"""Parallel steps of one sign-in on three processes open one session."""

from typing import Final

from integration.harness.bulk_users import Member
from integration.harness.races import together
from integration.rate_limiting.callers import TOKEN, Answer, Auths, new_email, statuses

STEPS: Final = 20
ANONYMOUS: Final = 500


async def prove(auths: Auths, member: Member) -> str:
    """Log in with a temporary password; return the token of the sign-in."""
    auths.database.execute("UPDATE credentials SET must_change = 1 WHERE user_id = %s", member.id.bytes)
    rejection = await auths.log_in(member.email)
    assert rejection.status == 403, rejection
    token: str = rejection.json()["sign_in_token"]
    return token


async def finish(auths: Auths, token: str, number: int) -> Answer:
    body = {
        "grant_type": "urn:doorward:grant:new-password",
        "sign_in_token": token,
        "new_password": f"chosen phrase number {number}",
    }
    return await auths.call("POST", TOKEN, body)


def rows(auths: Auths, table: str, member: Member) -> int:
    found = auths.database.execute(f"SELECT COUNT(*) FROM {table} WHERE user_id = %s", member.id.bytes)
    return int(found[0][0])


async def test_of_twenty_parallel_steps_one_opens_a_session(auths: Auths, member: Member) -> None:
    token = await prove(auths, member)
    answers = await together(STEPS, lambda number: finish(auths, token, number), at_once=STEPS)
    assert statuses(answers) == {200: 1, 401: STEPS - 1}
    codes = {answer.json()["code"] for answer in answers if answer.status == 401}
    assert codes == {"invalid_sign_in_token"}
    assert rows(auths, "sessions", member) == 1
    assert rows(auths, "sign_ins", member) == 0
    [winner] = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert (await auths.log_in(member.email, f"chosen phrase number {winner}")).status == 200


async def test_of_two_parallel_sign_ins_one_opens_a_session(auths: Auths, member: Member) -> None:
    tokens = [await prove(auths, member) for _ in range(2)]
    answers = await together(2, lambda number: finish(auths, tokens[number], number), at_once=2)
    assert statuses(answers) == {200: 1, 401: 1}
    assert rows(auths, "sessions", member) == 1


async def test_anonymous_requests_store_no_sign_in(auths: Auths) -> None:
    before = auths.database.execute("SELECT COUNT(*) FROM sign_ins")
    answers = await together(ANONYMOUS, lambda _: auths.log_in(new_email()), at_once=30)
    assert statuses(answers) == {401: ANONYMOUS}
    assert auths.database.execute("SELECT COUNT(*) FROM sign_ins") == before
