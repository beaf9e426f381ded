"""Right passwords of one account are limited, too, for all processes together."""

from doorward_auth.rate_limiting.limits import LOGINS_BY_ACCOUNT
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import together
from integration.rate_limiting.callers import WRONG, Auths, device_of, new_source, statuses

LIMIT = LOGINS_BY_ACCOUNT


async def test_right_passwords_of_one_account_are_limited_from_unknown_devices(
    auths: Auths, member: Member
) -> None:
    (other,) = enrol(auths.database.url, 1)
    await device_of(auths, member)
    key = LimitKey.of(LIMIT, member.id)
    assert auths.counted(key) == 1, "the login of the device"
    auths.database.execute("UPDATE rate_limits SET count = %s WHERE key_hash = %s", LIMIT.free - 20, key.hash)
    answers = await together(30, lambda _: auths.log_in(member.email, source=new_source()), at_once=30)
    assert statuses(answers) == {200: 20, 429: 10}
    rejected = await auths.log_in(member.email, source=new_source())
    assert rejected.status == 429
    assert 0 < rejected.retry_after <= LIMIT.memory
    assert (await auths.log_in(other.email, source=new_source())).status == 200
    auths.later(LIMIT.memory, key)
    assert (await auths.log_in(member.email, source=new_source())).status == 200


async def test_a_known_device_and_a_session_are_not_limited_by_others_who_know_the_password(
    auths: Auths, member: Member
) -> None:
    first = (await auths.log_in(member.email)).json()
    auths.database.execute(
        "UPDATE rate_limits SET count = %s, blocked_until = expires_at WHERE key_hash = %s",
        LIMIT.free,
        LimitKey.of(LIMIT, member.id).hash,
    )
    assert (await auths.log_in(member.email)).status == 429
    assert (await auths.log_in(member.email, device=first["device_token"])).status == 200
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    body = {"current_password": PASSWORD, "new_password": "a phrase that nobody has stolen"}
    assert (await auths.call("POST", f"{AUTH}/password", body, headers=headers)).status == 204


async def test_wrong_passwords_do_not_count_as_logins(auths: Auths, member: Member) -> None:
    for _ in range(3):
        assert (await auths.log_in(member.email, WRONG, source=new_source())).status == 401
    assert auths.counted(LimitKey.of(LIMIT, member.id)) == 0
