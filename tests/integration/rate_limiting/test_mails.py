"""Limits on requested mail: for each recipient, and for each source."""

from collections.abc import Awaitable, Callable

import pytest

from doorward_auth.rate_limiting.limits import MAILS_BY_SOURCE, MAILS_TO_ADDRESS, LimitKey
from integration.harness.bulk_users import Member
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import together, until
from integration.rate_limiting.callers import (
    REGISTER,
    RESEND,
    Answer,
    Auths,
    new_email,
    new_source,
    statuses,
)

Ask = Callable[[Auths, str, str], Awaitable[Answer]]


async def ask_for_reset(auths: Auths, email: str, source: str) -> Answer:
    return await auths.ask_for_reset(email, source=source)


async def register(auths: Auths, email: str, source: str) -> Answer:
    body = {"email": email, "name": "Somebody", "password": "an unheard-of phrase"}
    return await auths.call("POST", REGISTER, body, source=source)


async def ask_again(auths: Auths, email: str, source: str) -> Answer:
    return await auths.call("POST", RESEND, {"email": email}, source=source)


ASKS: list[Ask] = [ask_for_reset, register, ask_again]


async def until_outbox_is_empty(auths: Auths) -> None:
    def waiting() -> int:
        return int(auths.database.execute("SELECT COUNT(*) FROM outbox")[0][0])

    await until(lambda: waiting() == 0, "every mail sent")


@pytest.mark.parametrize("ask", ASKS)
async def test_mails_to_one_address_are_limited(auths: Auths, member: Member, ask: Ask) -> None:
    """Parallel requests from different sources, over three processes."""
    free = MAILS_TO_ADDRESS.free
    answers = await together(60, lambda _: ask(auths, member.email, new_source()), at_once=60)
    assert statuses(answers) == {202: free, 429: 60 - free}
    refused = await ask(auths, member.email, new_source())
    assert refused.status == 429
    assert 0 < refused.retry_after <= MAILS_TO_ADDRESS.memory
    await until_outbox_is_empty(auths)
    assert len(auths.mails(member.email)) <= free


async def test_mail_types_share_the_limit_of_an_address(auths: Auths, member: Member) -> None:
    answers = [await ASKS[number % 3](auths, member.email, new_source()) for number in range(9)]
    assert [answer.status for answer in answers] == [202] * MAILS_TO_ADDRESS.free + [429] * 4


async def test_spellings_of_an_address_share_the_limit(auths: Auths, member: Member) -> None:
    spellings = [member.email, member.email.upper(), member.email.title()]
    answers = [await auths.ask_for_reset(spellings[number % 3]) for number in range(7)]
    assert statuses(answers) == {202: MAILS_TO_ADDRESS.free, 429: 2}


@pytest.mark.parametrize("ask", ASKS)
async def test_mails_requested_by_one_source_are_limited(auths: Auths, ask: Ask) -> None:
    source, free = new_source(), MAILS_BY_SOURCE.free
    answers = await together(free + 20, lambda _: ask(auths, new_email(), source), at_once=25)
    assert statuses(answers) == {202: free, 429: 20}
    await until_outbox_is_empty(auths)


async def test_a_rejection_by_one_limit_is_not_counted_by_the_other(auths: Auths, member: Member) -> None:
    source = new_source()
    await together(20, lambda _: auths.ask_for_reset(member.email, source=source), at_once=20)
    by_source = auths.counted(LimitKey.of_source(MAILS_BY_SOURCE, source))
    assert by_source == MAILS_TO_ADDRESS.free


@pytest.mark.parametrize("ask", ASKS)
async def test_the_rejection_is_the_same_for_known_and_unknown_addresses(
    auths: Auths, member: Member, ask: Ask
) -> None:
    refusals = []
    for email in (member.email, new_email()):
        answers = [await ask(auths, email, new_source()) for _ in range(MAILS_TO_ADDRESS.free + 1)]
        assert [answer.status for answer in answers] == [202] * MAILS_TO_ADDRESS.free + [429]
        refusals.append(answers[-1])
    assert refusals[0].anonymous_content == refusals[1].anonymous_content
    assert list(refusals[0].headers) == list(refusals[1].headers)


async def test_the_limit_resets_after_its_window(auths: Auths, member: Member) -> None:
    for _ in range(MAILS_TO_ADDRESS.free):
        await auths.ask_for_reset(member.email)
    refused = await auths.ask_for_reset(member.email)
    assert refused.status == 429
    auths.later(refused.retry_after, LimitKey.of(MAILS_TO_ADDRESS, member.email))
    assert (await auths.ask_for_reset(member.email)).status == 202


async def test_mails_to_a_new_address_share_the_limit(auths: Auths, member: Member) -> None:
    """A signed-in user can also cause mail to others, with a change of the address."""
    victim = new_email()
    access = (await auths.log_in(member.email)).json()["access_token"]
    body = {"email": victim, "password": PASSWORD}
    headers = {"Authorization": f"Bearer {access}"}
    answers = [
        await auths.call("POST", f"{AUTH}/email", body, headers=headers)
        for _ in range(MAILS_TO_ADDRESS.free + 2)
    ]
    assert statuses(answers) == {202: MAILS_TO_ADDRESS.free, 429: 2}
