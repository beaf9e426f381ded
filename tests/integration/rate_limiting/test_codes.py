"""Limits on guessing codes of six digits: five guesses for each code, and twenty a day for an account."""

import pytest

from doorward_auth.one_time_codes.codes import MAX_GUESSES
from doorward_auth.rate_limiting.limits import CODE_GUESSES, CODES_BY_SOURCE, MAILS_TO_ADDRESS, LimitKey
from integration.harness.bulk_users import Member
from integration.harness.installation import AUTH
from integration.harness.races import together
from integration.rate_limiting.callers import Answer, Auths, new_email, new_source, statuses

ACCEPT = f"{AUTH}/invitations/accept"


def by_account(email: str) -> LimitKey:
    return LimitKey.of(CODE_GUESSES, email)


def wrong_pins(right: str, count: int) -> list[str]:
    """Return wrong PINs."""
    return [f"{(int(right) + number) % 1_000_000:06d}" for number in range(1, count + 1)]


def attempts(auths: Auths, member: Member) -> int:
    """Return the number of comparisons with the code."""
    statement = "SELECT attempts FROM one_time_codes WHERE user_id = %s"
    return int(auths.database.execute(statement, member.id.bytes)[0][0])


async def guess(auths: Auths, email: str, pins: list[str], *, at_once: int = 1) -> list[Answer]:
    return await together(len(pins), lambda number: auths.reset(email, pins[number]), at_once=at_once)


async def mailed(auths: Auths, member: Member, *, mails: int = 1) -> str:
    assert (await auths.ask_for_reset(member.email)).status == 202
    return await auths.mailed_pin(member.email, mails=mails)


async def test_of_two_hundred_parallel_guesses_five_are_checked(auths: Auths, member: Member) -> None:
    """Over three processes: the daily limit permits twenty, and the code is compared five times."""
    pin = await mailed(auths, member)
    found = statuses(await guess(auths, member.email, wrong_pins(pin, 200), at_once=200))
    assert found == {400: CODE_GUESSES.free, 429: 200 - CODE_GUESSES.free}
    assert attempts(auths, member) == MAX_GUESSES


async def test_the_right_code_among_two_hundred_guesses_does_not_bypass_the_limit(
    auths: Auths, member: Member
) -> None:
    """It is accepted among the first five guesses, and rejected afterwards."""
    pin = await mailed(auths, member)
    pins = wrong_pins(pin, 199)
    pins.insert(150, pin)
    answers = await guess(auths, member.email, pins, at_once=200)
    found = statuses(answers)
    assert found[429] == 200 - CODE_GUESSES.free
    assert found.get(200, 0) + found[400] == CODE_GUESSES.free
    assert (answers[150].status == 200) == (200 in found)


async def test_the_right_code_after_five_wrong_ones_is_rejected(auths: Auths, member: Member) -> None:
    pin = await mailed(auths, member)
    wrong = await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES))
    late = await auths.reset(member.email, pin)
    assert statuses([*wrong, late]) == {400: MAX_GUESSES + 1}
    assert late.anonymous_content == wrong[0].anonymous_content


async def test_the_right_code_after_four_wrong_ones_is_accepted_once(auths: Auths, member: Member) -> None:
    pin = await mailed(auths, member)
    await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES - 1))
    assert statuses(await guess(auths, member.email, [pin] * 5, at_once=5)) == {200: 1, 400: 4}


async def test_a_new_code_does_not_reset_the_daily_limit_of_guesses(auths: Auths, member: Member) -> None:
    for number in range(CODE_GUESSES.free // MAX_GUESSES):
        pin = await mailed(auths, member, mails=number + 1)
        wrong = await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES), at_once=MAX_GUESSES)
        assert statuses(wrong) == {400: MAX_GUESSES}
    auths.later(MAILS_TO_ADDRESS.memory, LimitKey.of(MAILS_TO_ADDRESS, member.email))
    pin = await mailed(auths, member, mails=5)
    refused = await auths.reset(member.email, pin)
    assert refused.status == 429, "the right code of today's fifth mail"
    assert CODE_GUESSES.memory - 300 <= refused.retry_after <= CODE_GUESSES.memory
    assert attempts(auths, member) == 0
    auths.later(refused.retry_after, by_account(member.email))
    assert (await auths.reset(member.email, pin)).status == 200


async def test_an_unknown_address_gets_the_same_rejection(auths: Auths, member: Member) -> None:
    pin = await mailed(auths, member)
    unknown = new_email()
    assert (await auths.ask_for_reset(unknown)).status == 202
    pins = wrong_pins(pin, CODE_GUESSES.free + 1)
    known, others = await guess(auths, member.email, pins), await guess(auths, unknown, pins)
    assert [one.status for one in known] == [one.status for one in others]
    assert [one.anonymous_content for one in known] == [one.anonymous_content for one in others]
    assert [list(one.headers) for one in known] == [list(one.headers) for one in others]


async def test_one_client_ip_shares_a_limit_across_accounts(auths: Auths) -> None:
    source = new_source()
    answers = await together(
        CODES_BY_SOURCE.free + 10, lambda _: auths.reset(new_email(), "123456", source=source), at_once=20
    )
    assert statuses(answers) == {400: CODES_BY_SOURCE.free, 429: 10}


@pytest.mark.parametrize("pin", [123456, 12345, 123456.0, ["123456"], None, True, {"": 0}])
async def test_a_code_must_be_a_string(auths: Auths, member: Member, pin: object) -> None:
    """An integer could equal several strings, or match them all."""
    refused = await auths.reset(member.email, pin)
    assert refused.status == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/pin"]
    assert auths.counted(by_account(member.email)) == 0


@pytest.mark.parametrize(
    "change", ["{pin} ", " {pin}", "0{pin}", "+{pin}", "{pin}.0", "{pin}\u0660", "{wide}"]
)
async def test_other_spellings_of_a_code_are_rejected(auths: Auths, member: Member, change: str) -> None:
    pin = await mailed(auths, member)
    wide = "".join(chr(ord("\uff10") + int(digit)) for digit in pin)
    assert (await auths.reset(member.email, change.format(pin=pin, wide=wide))).status == 400
    assert (await auths.reset(member.email, pin)).status == 200


async def test_forged_invitations_are_limited_before_hashing(auths: Auths) -> None:
    """Guessing one is improbable, but each attempt would cost a hash."""
    source = new_source()
    body = {"code": "dwi_" + "A" * 64, "password": "an unheard-of phrase"}
    answers = await together(
        CODES_BY_SOURCE.free + 10, lambda _: auths.call("POST", ACCEPT, body, source=source), at_once=20
    )
    assert statuses(answers) == {400: CODES_BY_SOURCE.free, 429: 10}
