"""Devices that an account knows: those whose token was sent back stay, whatever logs in without one."""

from doorward_auth.known_devices import MAX_DEVICES
from doorward_auth.rate_limiting.limits import LOGIN_UNKNOWN_DEVICES
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member
from integration.harness.races import together
from integration.rate_limiting.callers import Auths, device_of, statuses


async def confirmed_device_of(auths: Auths, member: Member) -> str:
    """Log in twice; return the token of a device that is known to keep it."""
    device = await device_of(auths, member)
    assert (await auths.log_in(member.email, device=device)).status == 200
    return device


async def log_in_without_a_device(auths: Auths, member: Member, count: int) -> None:
    answers = await together(count, lambda _: auths.log_in(member.email), at_once=5)
    assert statuses(answers) == {200: count}


async def block_unknown_devices(auths: Auths, member: Member) -> None:
    by_unknown_devices = LimitKey.of(LOGIN_UNKNOWN_DEVICES, member.email)
    await auths.fail(member.email, 9)
    auths.prolong(by_unknown_devices)
    assert (await auths.log_in(member.email)).status == 429


def device_count(auths: Auths, member: Member) -> int:
    [(count,)] = auths.database.execute(
        "SELECT COUNT(*) FROM known_devices WHERE user_id = %s", member.id.bytes
    )
    return int(count)


async def test_a_device_whose_token_was_sent_back_survives_logins_without_one(
    auths: Auths, member: Member
) -> None:
    """A program of the owner's logs in repeatedly, and an attacker guesses: her browser can log in."""
    device = await confirmed_device_of(auths, member)
    await log_in_without_a_device(auths, member, 50)
    assert device_count(auths, member) == 1 + MAX_DEVICES
    await block_unknown_devices(auths, member)
    assert (await auths.log_in(member.email, device=device)).status == 200


async def test_a_device_is_confirmed_by_a_login_alone(auths: Auths, member: Member) -> None:
    """A wrong password with its token confirms none, so that guesses cannot keep a device known."""
    device = await device_of(auths, member)
    await auths.fail(member.email, 1, device=device)
    await log_in_without_a_device(auths, member, MAX_DEVICES)
    await block_unknown_devices(auths, member)
    assert (await auths.log_in(member.email, device=device)).status == 429


async def test_devices_whose_token_was_sent_back_are_bounded(auths: Auths, member: Member) -> None:
    """The least recently used one is deleted, and no new device."""
    first, second, *others = [await confirmed_device_of(auths, member) for _ in range(MAX_DEVICES)]
    assert (await auths.log_in(member.email, device=first)).status == 200
    newest = await confirmed_device_of(auths, member)
    await log_in_without_a_device(auths, member, 1)
    assert device_count(auths, member) == MAX_DEVICES + 1
    await block_unknown_devices(auths, member)
    found = [
        (await auths.log_in(member.email, device=one)).status for one in (first, second, others[0], newest)
    ]
    assert found == [200, 429, 200, 200]
