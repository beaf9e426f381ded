"""The source of a request is the client IP reported by a trusted proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_auth.rate_limiting.limits import LOGIN_BY_SOURCE
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.bulk_users import Member
from integration.harness.races import together
from integration.rate_limiting.callers import (
    WRONG,
    Answer,
    Auths,
    device_of,
    new_email,
    new_source,
    statuses,
)

LIMIT = LOGIN_BY_SOURCE


def by_source(address: str) -> LimitKey:
    return LimitKey.of_source(LIMIT, address)


async def spray(auths: Auths, sources: list[str]) -> list[Answer]:
    """Guess at a different account from each source in turn."""
    return await together(
        len(sources), lambda number: auths.log_in(new_email(), WRONG, source=sources[number]), at_once=20
    )


async def test_one_client_ip_shares_a_limit_across_accounts(auths: Auths, member: Member) -> None:
    source = new_source()
    answers = await spray(auths, [source] * (LIMIT.free + 50))
    assert statuses(answers) == {401: LIMIT.free, 429: 50}
    rejected = await auths.log_in(member.email, source=source)
    assert rejected.status == 429
    assert LIMIT.memory - 120 <= rejected.retry_after <= LIMIT.memory
    assert (await auths.log_in(member.email)).status == 200, "from elsewhere"


async def test_the_limit_resets_with_its_window(auths: Auths, member: Member) -> None:
    source = new_source()
    assert statuses(await spray(auths, [source] * LIMIT.free)) == {401: LIMIT.free}
    auths.later(LIMIT.memory - 120, by_source(source))
    assert (await auths.log_in(member.email, source=source)).status == 429
    auths.later(120, by_source(source))
    assert (await auths.log_in(member.email, source=source)).status == 200


async def test_a_known_device_is_not_blocked_by_others_at_its_ip(auths: Auths, member: Member) -> None:
    device, source = await device_of(auths, member), new_source()
    await spray(auths, [source] * (LIMIT.free + 5))
    assert (await auths.log_in(member.email, source=source)).status == 429
    assert (await auths.log_in(member.email, source=source, device=device)).status == 200


async def test_ips_of_one_ipv6_site_are_one_source(auths: Auths) -> None:
    inside = [f"2001:db8:1:2:{number:x}:{number:x}::{number:x}" for number in range(LIMIT.free + 20)]
    assert statuses(await spray(auths, inside)) == {401: LIMIT.free, 429: 20}
    assert auths.counted(by_source("2001:db8:1:2::")) == LIMIT.free


async def test_ipv6_sites_are_separate_sources(auths: Auths) -> None:
    sites = [f"2001:db8:2:{number:x}::1" for number in range(LIMIT.free + 20)]
    assert statuses(await spray(auths, sites)) == {401: LIMIT.free + 20}


async def test_ipv4_mapped_in_ipv6_is_the_ipv4_source(auths: Auths) -> None:
    source = new_source()
    spellings = [source, f"::ffff:{source}", f"::FFFF:{source}"]
    await spray(auths, spellings)
    assert auths.counted(by_source(source)) == len(spellings)


async def test_forwarded_ips_before_our_proxys_are_ignored(auths: Auths) -> None:
    source = new_source()
    claims = [f"{new_source()}, {new_source()}, {source}" for _ in range(LIMIT.free + 10)]
    assert statuses(await spray(auths, claims)) == {401: LIMIT.free, 429: 10}


@pytest.fixture(scope="module")
def directly(shared_auths: Auths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auths]:
    """A process without a trusted proxy."""
    folder: Path = tmp_path_factory.mktemp("directly")
    with Auths(shared_auths.database, folder, count=1, DOORWARD_TRUSTED_PROXIES="203.0.113.0/24") as auths:
        yield auths


async def test_forwarded_ips_of_untrusted_peers_are_ignored(directly: Auths) -> None:
    answers = await spray(directly, [new_source() for _ in range(LIMIT.free + 30)])
    await directly.close()
    assert statuses(answers) == {401: LIMIT.free, 429: 30}
    assert directly.counted(by_source("127.0.0.1")) == LIMIT.free
