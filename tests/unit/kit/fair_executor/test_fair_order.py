"""The order of a queue that is shared fairly."""

from collections.abc import Hashable
from types import SimpleNamespace

import pytest

from doorward_kit.recent_jobs import HALF_LIFE_SECONDS, MAX_SUBJECTS, Charge, RecentJobs
from unit.kit.fair_executor.busy import Busy


async def test_a_newcomer_is_served_before_the_waiting_jobs_of_a_busy_source(busy: Busy) -> None:
    for number in range(24):
        await busy.add(f"flood {number}", "flooder")
    await busy.add("newcomer", "other")
    order = await busy.let_go()
    assert order[0] == "newcomer"


async def test_many_who_had_jobs_are_served_after_one_who_had_none(busy: Busy) -> None:
    for source in range(200):
        await busy.add(f"first of {source}", f"source {source}")
    for source in range(200):
        await busy.add(f"second of {source}", f"source {source}")
    await busy.add("newcomer", "other")
    order = await busy.let_go()
    assert order[0] == "newcomer"


async def test_the_busiest_of_those_charged_decides(busy: Busy) -> None:
    for source in range(50):
        await busy.add(f"flood {source}", f"source {source}", "one address")
    await busy.add("newcomer", "source of the newcomer", "another address")
    assert (await busy.let_go())[0] == "newcomer"


@pytest.mark.parametrize("number", [1, 30])
async def test_preferred_jobs_are_first(busy: Busy, number: int) -> None:
    newcomers = [f"newcomer {source}" for source in range(10)]
    for name in newcomers:
        await busy.add(name, name)
    owners = [f"owner {job}" for job in range(number)]
    for name in owners:
        await busy.add(name, "account", within={"account": 30})
    assert await busy.let_go() == owners + newcomers


async def test_preferred_jobs_past_their_share_are_jobs_like_others(busy: Busy) -> None:
    owners = [f"owner {job}" for job in range(31)]
    for name in owners:
        await busy.add(name, "account", within={"account": 30})
    await busy.add("newcomer", "source")
    assert await busy.let_go() == ["newcomer", *owners]


async def test_many_accounts_of_one_source_share_what_is_preferred_there(busy: Busy) -> None:
    for account in range(41):
        within: dict[Hashable, float] = {f"account {account}": 30, "source": 40}
        await busy.add(f"owner {account}", f"account {account}", within=within)
    await busy.add("newcomer", "elsewhere")
    await busy.add("owner", "other account", within={"other account": 30, "other source": 40})
    order = await busy.let_go()
    assert order[0] == "owner"
    assert "newcomer" in order[1:43], "no later than those who asked as often"
    assert order.index("newcomer") == 42


async def test_jobs_of_one_source_keep_their_order_while_old_ones_are_forgotten(
    clock: SimpleNamespace, busy: Busy
) -> None:
    for number in range(100):
        await busy.add(f"earlier {number}", "office")
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        clock.now += 2.0  # so long that more is forgotten than is added
        await busy.add(name, "office")
    order = await busy.let_go()
    assert [name for name in order if name in names] == names


def test_jobs_count_half_after_the_half_life() -> None:
    recent = RecentJobs()
    for _ in range(8):
        recent.add(Charge(("one",)), 0.0)
    assert recent.of("one", HALF_LIFE_SECONDS) == 4
    assert recent.of("unknown", 0.0) == 0


def test_the_busiest_are_remembered_and_no_more_than_a_number() -> None:
    recent = RecentJobs()
    for _ in range(8):
        recent.add(Charge(("busy",)), 0.0)
    for number in range(3 * MAX_SUBJECTS):
        recent.add(Charge((number,)), 0.001 * number)
    assert len(recent) <= MAX_SUBJECTS
    assert recent.of("busy", 0.0) == 8
