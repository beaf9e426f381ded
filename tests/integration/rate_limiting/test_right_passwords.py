"""Right passwords of one account are limited, too, for all processes together."""

from doorward_auth.rate_limiting.limits import LOGINS_BY_ACCOUNT
from doorward_kit.rate_limiting.keys import LimitKey
from integration.harness.bulk_users import Member, enrol
from integration.harness.races import together
from integration.rate_limiting.callers import WRONG, Auths, device_of, new_source, statuses

LIMIT = LOGINS_BY_ACCOUNT


async def test_right_passwords_of_one_account_are_limited_from_anywhere(auths: Auths, member: Member) -> None:
    (other,) = enrol(auths.database.url, 1)
    device = await device_of(auths, member)
    key = LimitKey.of(LIMIT, member.id)
    assert auths.counted(key) == 1, "the login of the device"
    auths.database.execute("UPDATE rate_limits SET count = %s WHERE key_hash = %s", LIMIT.free - 20, key.hash)
    answers = await together(30, lambda _: auths.log_in(member.email, source=new_source()), at_once=30)
    assert statuses(answers) == {200: 20, 429: 10}
    refused = await auths.log_in(member.email, source=new_source(), device=device)
    assert refused.status == 429
    assert 0 < refused.retry_after <= LIMIT.memory
    assert (await auths.log_in(other.email, source=new_source())).status == 200
    auths.later(LIMIT.memory, key)
    assert (await auths.log_in(member.email, source=new_source())).status == 200


async def test_wrong_passwords_do_not_count_as_logins(auths: Auths, member: Member) -> None:
    for _ in range(3):
        assert (await auths.log_in(member.email, WRONG, source=new_source())).status == 401
    assert auths.counted(LimitKey.of(LIMIT, member.id)) == 0
