"""Mail that strangers have sent to others: so many to one address, and so many from one.

The limits of an address drop mail and refuse nobody; a caller's own limit refuses.
"""

from collections.abc import Awaitable, Callable

import pytest

from doorward_auth.rate_limiting.limits import (
    ALIAS_MAILS,
    EMAIL_CHANGE_MAILS,
    MAILS_BY_SOURCE,
    REGISTRATION_MAILS,
    RESET_MAILS,
    SURPLUS_MAILS,
)
from doorward_kit.rate_limiting.algorithms import FixedWindow
from doorward_kit.rate_limiting.keys import LimitKey
from integration.harness.bulk_users import Member
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
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
    """Who keeps registering an address takes no reset from its owner."""
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


async def test_refused_by_its_source_uses_nothing_of_the_address(auths: Auths, member: Member) -> None:
    source = new_source()
    await together(
        MAILS_BY_SOURCE.free, lambda _: auths.ask_for_reset(new_email(), source=source), at_once=20
    )
    refused = await auths.ask_for_reset(member.email, source=source)
    assert refused.status == 429
    assert 0 < refused.retry_after <= MAILS_BY_SOURCE.memory
    assert auths.counted(limit_key(ask_for_reset, member.email)) == 0


@pytest.mark.parametrize("ask", ASKS)
async def test_the_rejection_is_the_same_for_known_and_unknown_addresses(
    auths: Auths, member: Member, ask: Ask
) -> None:
    refusals = []
    for email in (member.email, new_email()):
        source, free = new_source(), MAILS_BY_SOURCE.free
        answers = [await ask(auths, email, source) for _ in range(free + 1)]
        assert [answer.status for answer in answers] == [202] * free + [429]
        refusals.append(answers[-1])
    assert refusals[0].anonymous_content == refusals[1].anonymous_content
    assert list(refusals[0].headers) == list(refusals[1].headers)


@pytest.mark.parametrize("ask", ASKS)
async def test_budget_comes_back(auths: Auths, member: Member, ask: Ask) -> None:
    sent = await exhausted(auths, member.email, ask)
    auths.later(limit_of(ask).memory, limit_key(ask, member.email))
    assert (await ask(auths, member.email, new_source())).status == 202
    assert await mails_of(auths, member.email) == sent + 1


@pytest.mark.parametrize("ask", [register, ask_again])
async def test_past_the_budget_an_address_without_an_account_has_a_live_code(auths: Auths, ask: Ask) -> None:
    """Strangers use the mails of the day up; the owner registers whenever she wants to."""
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
    tagged = [f"{local}+{number}@{domain}" for number in range(ALIAS_MAILS.free + 5)]
    # Both ways by which an address without an account gets mail; the third, a reset, sends it none.
    asks = [register, ask_again, ask_for_reset]
    answers = [await asks[number % 3](auths, email, new_source()) for number, email in enumerate(tagged * 3)]
    assert statuses(answers) == {202: len(tagged) * 3}
    await auths.until_outbox_is_empty()
    assert sum(len(auths.mails(email)) for email in tagged) == ALIAS_MAILS.free
    await register(auths, f"{local}@{domain}", new_source())
    assert await mails_of(auths, f"{local}@{domain}") == 1
    account = f"{local}+account@{domain}"
    auths.database.execute(
        "UPDATE users SET email = %s, email_key = %s WHERE id = %s", account, account, member.id.bytes
    )
    await auths.ask_for_reset(account)
    assert await mails_of(auths, account) == 1, "an account has its own"


@pytest.mark.parametrize("tag", ["", "+tag"])
async def test_new_address_of_an_account_has_a_budget(auths: Auths, member: Member, tag: str) -> None:
    """Signed in, one has mail sent to others as well: to the address that one claims to have."""
    local, _, domain = new_email().partition("@")
    access = (await auths.log_in(member.email)).json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}

    async def ask(number: int) -> Answer:
        email = f"{local}{tag and tag + str(number)}@{domain}"
        return await auths.call(
            "POST", f"{AUTH}/email", {"email": email, "password": PASSWORD}, headers=headers
        )

    answers = [await ask(number) for number in range(EMAIL_CHANGE_MAILS.free + 2)]
    assert statuses(answers) == {202: EMAIL_CHANGE_MAILS.free, 429: 2}
