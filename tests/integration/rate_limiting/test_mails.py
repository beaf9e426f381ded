"""Limits of mail that anyone can send to others: by recipient, and by source.

Past the limit of an address its mail is dropped and the request accepted; past the caller's own limit the
request is rejected.
"""

from collections.abc import Awaitable, Callable

import pytest

from doorward_auth.rate_limiting.limits import (
    MAILBOX_MAILS,
    MAILS_BY_SOURCE,
    REGISTRATION_MAILS,
    RESET_MAILS,
    SURPLUS_MAILS,
)
from doorward_kit.rate_limiting.limits import FixedWindow, LimitKey
from integration.harness.bulk_users import Member
from integration.harness.races import together
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


def limit_of(ask: Ask) -> FixedWindow:
    return RESET_MAILS if ask is ask_for_reset else REGISTRATION_MAILS


def kind_of(ask: Ask) -> str:
    """Return the mail that the address of an account gets."""
    return "password_reset" if ask is ask_for_reset else "already_registered"


def limit_key(ask: Ask, email: str) -> LimitKey:
    return LimitKey.of(limit_of(ask), f"{kind_of(ask)}:{email}")


def surplus_of(ask: Ask, email: str) -> LimitKey:
    return LimitKey.of(SURPLUS_MAILS, f"{kind_of(ask)}:{email}")


async def mails_of(auths: Auths, email: str) -> int:
    """Return how many mails have come, once none is on its way."""
    await auths.until_outbox_is_empty()
    return len(auths.mails(email))


async def exhausted(auths: Auths, email: str, ask: Ask) -> int:
    """Ask for mail as often as it is sent, from everywhere; return how many have come."""
    for _ in range(limit_of(ask).free):
        assert (await ask(auths, email, new_source())).status == 202
    return await mails_of(auths, email)


@pytest.mark.parametrize("ask", ASKS)
async def test_address_is_not_bombed(auths: Auths, member: Member, ask: Ask) -> None:
    """From as many sources as there are requests, over three processes, all at once."""
    answers = await together(60, lambda _: ask(auths, member.email, new_source()), at_once=60)
    assert statuses(answers) == {202: 60}
    # A reset may have one mail more with a long code, because none was valid.
    surplus = 1 if ask is ask_for_reset else 0
    assert await mails_of(auths, member.email) == limit_of(ask).free + surplus
    auths.later(SURPLUS_MAILS.memory, surplus_of(ask, member.email))
    assert (await ask(auths, member.email, new_source())).status == 202
    assert await mails_of(auths, member.email) == limit_of(ask).free + surplus


async def test_resets_have_a_budget_of_their_own(auths: Auths, member: Member) -> None:
    """Repeated registrations of an address do not use up the resets of its owner."""
    for number in range(REGISTRATION_MAILS.free + 4):
        await ASKS[1 + number % 2](auths, member.email, new_source())
    assert await mails_of(auths, member.email) == REGISTRATION_MAILS.free
    await auths.ask_for_reset(member.email)
    assert await auths.mailed_pin(member.email, mails=REGISTRATION_MAILS.free + 1)


async def test_spellings_of_an_address_share_the_limit(auths: Auths, member: Member) -> None:
    spellings = [member.email, member.email.upper(), member.email.title()]
    for number in range(REGISTRATION_MAILS.free + 4):
        assert (await ask_again(auths, spellings[number % 3], new_source())).status == 202
    assert await mails_of(auths, member.email) == REGISTRATION_MAILS.free


@pytest.mark.parametrize("ask", ASKS)
async def test_mails_requested_by_one_source_are_limited(auths: Auths, ask: Ask) -> None:
    source, free = new_source(), MAILS_BY_SOURCE.free
    answers = await together(free + 20, lambda _: ask(auths, new_email(), source), at_once=25)
    assert statuses(answers) == {202: free, 429: 20}
    await auths.until_outbox_is_empty()


async def test_rejected_by_its_source_uses_nothing_of_the_address(auths: Auths, member: Member) -> None:
    source = new_source()
    await together(
        MAILS_BY_SOURCE.free, lambda _: auths.ask_for_reset(new_email(), source=source), at_once=20
    )
    rejected = await auths.ask_for_reset(member.email, source=source)
    assert rejected.status == 429
    assert 0 < rejected.retry_after <= MAILS_BY_SOURCE.memory
    assert auths.counted(limit_key(ask_for_reset, member.email)) == 0


@pytest.mark.parametrize("ask", ASKS)
async def test_the_rejection_is_the_same_for_known_and_unknown_addresses(
    auths: Auths, member: Member, ask: Ask
) -> None:
    rejections = []
    for email in (member.email, new_email()):
        source, free = new_source(), MAILS_BY_SOURCE.free
        answers = [await ask(auths, email, source) for _ in range(free + 1)]
        assert [answer.status for answer in answers] == [202] * free + [429]
        rejections.append(answers[-1])
    assert rejections[0].anonymous_content == rejections[1].anonymous_content
    assert list(rejections[0].headers) == list(rejections[1].headers)


@pytest.mark.parametrize("ask", ASKS)
async def test_budget_comes_back(auths: Auths, member: Member, ask: Ask) -> None:
    sent = await exhausted(auths, member.email, ask)
    auths.later(limit_of(ask).memory, limit_key(ask, member.email))
    assert (await ask(auths, member.email, new_source())).status == 202
    assert await mails_of(auths, member.email) == sent + 1


@pytest.mark.parametrize("ask", [register, ask_again])
async def test_past_the_budget_an_address_without_an_account_has_a_live_code(auths: Auths, ask: Ask) -> None:
    """Other callers use up the mails of the day, and the owner of the address can still register."""
    email = new_email()
    sent = await exhausted(auths, email, ask)
    code = await auths.mailed_code(email)
    assert sent == REGISTRATION_MAILS.free
    await ask(auths, email, new_source())
    assert await mails_of(auths, email) == sent, "the code is valid"
    surplus = LimitKey.of(SURPLUS_MAILS, f"verify_email:{email}")
    auths.later(SURPLUS_MAILS.memory, surplus)
    auths.database.execute("UPDATE registration_codes SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 50 MINUTE")
    await ask(auths, email, new_source())
    assert await mails_of(auths, email) == sent + 1, "soon it is not"
    assert await auths.mailed_code(email) == code
    auths.expire_codes()
    await ask(auths, email, new_source())
    assert await mails_of(auths, email) == sent + 1, "one in ten minutes"
    auths.later(SURPLUS_MAILS.memory, surplus)
    await ask(auths, email, new_source())
    assert await mails_of(auths, email) == sent + 2
    fresh = await auths.mailed_code(email)
    assert fresh != code
    assert (await auths.verify(fresh, password="an unheard-of phrase")).status == 200
    assert (await auths.log_in(email, "an unheard-of phrase")).status == 200


async def test_past_the_budget_a_reset_has_a_long_code(auths: Auths, member: Member) -> None:
    sent = await exhausted(auths, member.email, ask_for_reset)
    await auths.ask_for_reset(member.email)
    code = await auths.mailed_code(member.email, mails=sent + 1)
    assert code.startswith("dwc_")
    auths.later(SURPLUS_MAILS.memory, surplus_of(ask_for_reset, member.email))
    await auths.ask_for_reset(member.email)
    assert await mails_of(auths, member.email) == sent + 1, "the code is valid for a day"
    auths.later(SURPLUS_MAILS.memory, surplus_of(ask_for_reset, member.email))
    auths.database.execute("UPDATE one_time_codes SET expires_at = UTC_TIMESTAMP(6) + INTERVAL 50 MINUTE")
    await auths.ask_for_reset(member.email)
    assert await auths.mailed_code(member.email, mails=sent + 2) == code, "soon it is not"
    assert (await auths.reset(member.email, code)).status == 200


async def test_tags_of_a_mailbox_share_a_budget(auths: Auths, member: Member) -> None:
    """Many mailboxes take `ada+anything@`; each such address has a budget of its own, too."""
    local, _, domain = new_email().partition("@")
    tagged = [f"{local}+{number}@{domain}" for number in range(MAILBOX_MAILS.free + 5)]
    # Both ways by which an address without an account gets mail; the third, a reset, sends it none.
    asks = [register, ask_again, ask_for_reset]
    answers = [await asks[number % 3](auths, email, new_source()) for number, email in enumerate(tagged * 3)]
    assert statuses(answers) == {202: len(tagged) * 3}
    await auths.until_outbox_is_empty()
    assert sum(len(auths.mails(email)) for email in tagged) == MAILBOX_MAILS.free
    await register(auths, f"{local}@{domain}", new_source())
    assert await mails_of(auths, f"{local}@{domain}") == 1
    account = f"{local}+account@{domain}"
    auths.database.execute(
        "UPDATE users SET email = %s, email_key = %s WHERE id = %s", account, account, member.id.bytes
    )
    await auths.ask_for_reset(account)
    assert await mails_of(auths, account) == 1, "an account has its own"


async def test_a_mailbox_is_not_flooded_by_all_ways_together(auths: Auths) -> None:
    """Its own address and as many tags as one likes, registered, asked for again and reset."""
    local, _, domain = new_email().partition("@")
    bare = f"{local}@{domain}"
    addresses = [bare, *(f"{local}+{number}@{domain}" for number in range(MAILBOX_MAILS.free))]
    await together(
        len(addresses) * 3,
        lambda number: ASKS[number % 3](auths, addresses[number // 3], new_source()),
        at_once=15,
    )
    await auths.until_outbox_is_empty()
    sent = sum(len(auths.mails(email)) for email in addresses)
    assert MAILBOX_MAILS.free <= sent <= MAILBOX_MAILS.free + 1, "a code of the address itself"
    code = await auths.mailed_code(bare)
    assert (await auths.verify(code, password="an unheard-of phrase")).status == 200


async def exhaust_mailbox(auths: Auths, email: str) -> None:
    """Have a mailbox sent as many mails as it gets, to tagged addresses."""
    local, _, domain = email.partition("@")
    tagged = [f"{local}+{number}@{domain}" for number in range(MAILBOX_MAILS.free)]
    answers = [await register(auths, one, new_source()) for one in tagged]
    assert statuses(answers) == {202: len(tagged)}
    await auths.until_outbox_is_empty()


async def test_past_the_mails_of_a_mailbox_its_owner_registers(auths: Auths) -> None:
    email = new_email()
    await exhaust_mailbox(auths, email)
    await register(auths, email, new_source())
    code = await auths.mailed_code(email)
    assert (await auths.verify(code, password="an unheard-of phrase")).status == 200


async def test_past_the_mails_of_a_mailbox_its_account_is_reset_with_a_pin(
    auths: Auths, member: Member
) -> None:
    await exhaust_mailbox(auths, member.email)
    await register(auths, member.email, new_source())
    assert await mails_of(auths, member.email) == 0, "that it has an account, its owner knows"
    await auths.ask_for_reset(member.email)
    pin = await auths.mailed_pin(member.email)
    assert (await auths.reset(member.email, pin)).status == 200


async def test_past_the_mails_of_a_mailbox_an_invitation_is_mailed_again(
    auths: Auths, member: Member
) -> None:
    auths.database.execute("UPDATE users SET email_verified_at = NULL WHERE id = %s", member.id.bytes)
    auths.database.execute("DELETE FROM credentials WHERE user_id = %s", member.id.bytes)
    await exhaust_mailbox(auths, member.email)
    for _ in range(2):
        await auths.ask_for_reset(member.email)
        assert await mails_of(auths, member.email) == 1, "one in ten minutes"
    assert (await auths.mailed_code(member.email)).startswith("dwi_")
