"""Guessing a code of six digits: five guesses in 90 days; past them codes are too long."""

import pytest

from doorward_auth.one_time_codes.codes import Purpose
from doorward_auth.rate_limiting.limits import CODES_BY_SOURCE, PIN_GUESSES
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member
from integration.harness.installation import AUTH
from integration.harness.races import together
from integration.rate_limiting.callers import Answer, Auths, new_email, new_source, statuses

ACCEPT = f"{AUTH}/invitations/accept"
VERIFY = f"{AUTH}/verify-email"

MAX_GUESSES = PIN_GUESSES.free

IN_PARALLEL = 30
"""More would wait for a connection longer than a busy machine has."""


def by_account(member: Member) -> LimitKey:
    return LimitKey.of(PIN_GUESSES, f"{Purpose.RESET}:{member.email}")


def wrong_pins(right: str, count: int) -> list[str]:
    """Return wrong PINs."""
    return [f"{(int(right) + number) % 1_000_000:06d}" for number in range(1, count + 1)]


async def guess(auths: Auths, email: str, pins: list[str], *, at_once: int = 1) -> list[Answer]:
    return await together(len(pins), lambda number: auths.reset(email, pins[number]), at_once=at_once)


async def mailed(auths: Auths, member: Member, *, mails: int = 1) -> str:
    assert (await auths.ask_for_reset(member.email)).status == 202
    return await auths.mailed_pin(member.email, mails=mails)


async def long_code(auths: Auths, member: Member) -> str:
    """Guess at a PIN as often as is answered, and return the long code of the next mail."""
    pin = await mailed(auths, member)
    await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES))
    await auths.ask_for_reset(member.email)
    return await auths.mailed_code(member.email, mails=2)


async def test_two_hundred_parallel_guesses_are_no_more_than_five(auths: Auths, member: Member) -> None:
    """Over three processes: all are answered alike, and five are of use."""
    pin = await mailed(auths, member)
    found = statuses(await guess(auths, member.email, wrong_pins(pin, 200), at_once=IN_PARALLEL))
    assert found == {400: 200}
    assert auths.counted(by_account(member)) == MAX_GUESSES
    assert (await auths.reset(member.email, pin)).status == 400


async def test_the_right_code_among_two_hundred_guesses_does_not_bypass_the_limit(
    auths: Auths, member: Member
) -> None:
    """The code is accepted among the first five guesses, and rejected afterwards."""
    pin = await mailed(auths, member)
    pins = wrong_pins(pin, 199)
    pins.insert(150, pin)
    answers = await guess(auths, member.email, pins, at_once=IN_PARALLEL)
    found = statuses(answers)
    assert found in ({400: 200}, {200: 1, 400: 199})
    assert (answers[150].status == 200) == (200 in found)
    assert auths.counted(by_account(member)) <= MAX_GUESSES - found.get(200, 0)


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


async def test_new_code_gives_no_new_guesses(auths: Auths, member: Member) -> None:
    """Past five wrong ones codes are long: no guess is right, and the owner is not kept out."""
    pin = await mailed(auths, member)
    wrong = await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES), at_once=MAX_GUESSES)
    assert statuses(wrong) == {400: MAX_GUESSES}
    auths.expire_codes()
    await auths.ask_for_reset(member.email)
    code = await auths.mailed_code(member.email, mails=2)
    assert code.startswith("dwc_")
    more = await guess(auths, member.email, wrong_pins(pin, 20), at_once=20)
    assert statuses(more) == {400: 20}
    assert (await auths.reset(member.email, code)).status == 200
    auths.later(PIN_GUESSES.memory, by_account(member))
    await auths.until_outbox_is_empty()
    assert await mailed(auths, member, mails=len(auths.mails(member.email)) + 1)


async def test_guesses_at_an_earlier_pin_count_for_the_next(auths: Auths, member: Member) -> None:
    pin = await mailed(auths, member)
    await guess(auths, member.email, wrong_pins(pin, MAX_GUESSES - 1))
    auths.expire_codes()
    pin = await mailed(auths, member, mails=2)
    assert (await auths.reset(member.email, wrong_pins(pin, 1)[0])).status == 400
    assert (await auths.reset(member.email, pin)).status == 400
    auths.later(PIN_GUESSES.memory, by_account(member))
    assert (await auths.reset(member.email, pin)).status == 200, "nothing else was counted"


async def test_an_unknown_address_gets_the_same_rejection(auths: Auths, member: Member) -> None:
    pin = await mailed(auths, member)
    unknown = new_email()
    assert (await auths.ask_for_reset(unknown)).status == 202
    pins = wrong_pins(pin, 2 * MAX_GUESSES + 1)
    known, others = await guess(auths, member.email, pins), await guess(auths, unknown, pins)
    assert {answer.status for answer in known} == {400}
    assert [answer.status for answer in known] == [other.status for other in others]
    assert [answer.anonymous_content for answer in known] == [other.anonymous_content for other in others]
    assert [list(answer.headers) for answer in known] == [list(other.headers) for other in others]


async def test_one_client_ip_shares_a_limit_across_accounts(auths: Auths) -> None:
    source = new_source()
    answers = await together(
        CODES_BY_SOURCE.free + 10, lambda _: auths.reset(new_email(), "123456", source=source), at_once=20
    )
    assert statuses(answers) == {400: CODES_BY_SOURCE.free, 429: 10}


async def test_long_code_is_taken_from_a_source_that_guesses(auths: Auths, member: Member) -> None:
    """Many users can share an IP address with an attacker: a long code does not count as a guess."""
    code, source = await long_code(auths, member), new_source()
    answers = await together(
        CODES_BY_SOURCE.free + 1, lambda _: auths.reset(new_email(), "123456", source=source), at_once=20
    )
    assert statuses(answers) == {400: CODES_BY_SOURCE.free, 429: 1}
    for wrong in ("123456", code[:-1], code.replace("dwc_", "dwe_")):
        assert (await auths.reset(member.email, wrong, source=source)).status == 429
    assert (await auths.reset(member.email, code, source=source)).status == 200


async def test_right_pin_counts_nothing(auths: Auths, member: Member) -> None:
    source = new_source()
    pin = await mailed(auths, member)
    assert (await auths.reset(member.email, pin, source=source)).status == 200
    assert auths.counted(by_account(member)) == 0
    assert auths.counted(LimitKey.of_source(CODES_BY_SOURCE, source)) == 0


@pytest.mark.parametrize("pin", [123456, 12345, 123456.0, ["123456"], None, True, {"": 0}])
async def test_a_code_must_be_a_string(auths: Auths, member: Member, pin: object) -> None:
    """An integer could equal several strings, or match them all."""
    rejected = await auths.reset(member.email, pin)
    assert rejected.status == 422
    assert [error["pointer"] for error in rejected.json()["errors"]] == ["/pin"]
    assert auths.counted(by_account(member)) == 0


@pytest.mark.parametrize(
    "change", ["{pin} ", " {pin}", "0{pin}", "+{pin}", "{pin}.0", "{pin}\u0660", "{wide}"]
)
async def test_other_spellings_of_a_code_are_rejected(auths: Auths, member: Member, change: str) -> None:
    pin = await mailed(auths, member)
    wide = "".join(chr(ord("\uff10") + int(digit)) for digit in pin)
    assert (await auths.reset(member.email, change.format(pin=pin, wide=wide))).status == 400
    assert (await auths.reset(member.email, pin)).status == 200


@pytest.mark.parametrize(("path", "prefix"), [(ACCEPT, "dwi_"), (VERIFY, "dwv_")])
async def test_made_up_long_codes_are_not_counted(auths: Auths, path: str, prefix: str) -> None:
    """Such codes cannot be guessed, and each costs a query and no hash."""
    source = new_source()
    body = {"code": prefix + "A" * 64, "password": "an unheard-of phrase"}
    answers = await together(
        CODES_BY_SOURCE.free + 10, lambda _: auths.call("POST", path, body, source=source), at_once=20
    )
    assert statuses(answers) == {400: CODES_BY_SOURCE.free + 10}
    assert auths.counted(LimitKey.of_source(CODES_BY_SOURCE, source)) == 0
