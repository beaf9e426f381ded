"""Rejections wait before they are answered, and take nothing meanwhile that others need."""

import asyncio
import math
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

import httpx2
import pytest

from doorward_auth.rate_limiting.limits import MAILS_BY_SOURCE, WRONG_CODE_EVENTS
from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import until
from integration.rate_limiting.callers import REGISTER, Answer, Auths, new_email, new_source
from support.databases import DatabaseServer
from support.services import Service

REJECTIONS: Final = 20
IN_USE: Final = 'doorward_database_pool_connections{database="database",state="in_use"}'
WAITING: Final = "doorward_rejections_waiting"
REJECTED: Final = f'doorward_rate_limit_rejections_total{{limit="{MAILS_BY_SOURCE.name}"}}'


@pytest.fixture
def auths(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auths]:
    """One process with one database connection, whose rejections wait longer than any test."""
    with (
        mariadb_server.create_database("rejections") as database,
        Auths(
            database,
            tmp_path_factory.mktemp("rejections"),
            count=1,
            DOORWARD_DATABASE_POOL_SIZE="1",
            DOORWARD_CAPTCHA_VERIFY_URL="http://127.0.0.1:1/unused",  # no token is ever sent
            DOORWARD_CAPTCHA_SECRET="a secret of the captcha",
            DOORWARD_CAPTCHA_REQUIRED_FOR="register",
            DOORWARD_REJECTION_DELAY_SECONDS="60",
        ) as auths,
    ):
        yield auths


def value(service: Service, metric: str) -> float:
    """Read a metric; not a number, and equal to none, if it is not there yet."""
    metrics = httpx2.get(f"{service.url}/metrics", timeout=30, trust_env=False).text
    found = re.search(rf"^{re.escape(metric)} (\S+)$", metrics, re.MULTILINE)
    return math.nan if found is None else float(found[1])


async def test_waiting_rejections_hold_no_connection_and_no_process(auths: Auths) -> None:
    (service,) = auths.services
    member = enrol(auths.database.url, 1)[0]
    source = new_source()
    for _ in range(MAILS_BY_SOURCE.free):
        assert (await auths.ask_for_reset(new_email(), source=source)).status == 202
    waiting = [
        asyncio.create_task(auths.ask_for_reset(new_email(), source=source)) for _ in range(REJECTIONS)
    ]
    await until(lambda: value(service, REJECTED) == REJECTIONS, "every request rejected")
    await until(lambda: value(service, IN_USE) == 0, "the only connection given back")
    assert (await auths.log_in(member.email)).status == 200
    assert not any(task.done() for task in waiting)
    # It ends without having waited, and answers all of them before.
    assert await asyncio.to_thread(service.stop) == 0
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [429] * REJECTIONS
    await auths.close()


async def wait_for_all(auths: Auths, ask: Callable[[], Coroutine[Any, Any, Answer]], status: int) -> None:
    """Check that answers wait while others log in, and that each has the status in the end."""
    (service,) = auths.services
    member = enrol(auths.database.url, 1)[0]
    waiting = [asyncio.create_task(ask()) for _ in range(REJECTIONS)]
    await until(lambda: value(service, WAITING) == REJECTIONS, "every answer waiting")
    assert (await auths.log_in(member.email)).status == 200
    assert not any(task.done() for task in waiting)
    assert await asyncio.to_thread(service.stop) == 0
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [status] * REJECTIONS
    await auths.close()


async def test_requests_without_a_captcha_wait(auths: Auths) -> None:
    """They cost a client nothing, and a read of ours."""
    await wait_for_all(
        auths, lambda: auths.call("POST", REGISTER, {"email": new_email(), "password": PASSWORD}), 403
    )


async def test_wrong_codes_of_a_busy_source_wait(auths: Auths) -> None:
    """The first wrong codes of a source are answered at once, for users who mistype."""
    source, made_up = new_source(), "dwv_" + "A" * 64

    def enter() -> Coroutine[Any, Any, Answer]:
        return auths.call(
            "POST", f"{AUTH}/verify-email", {"code": made_up, "password": PASSWORD}, source=source
        )

    for _ in range(WRONG_CODE_EVENTS.free):
        assert (await enter()).status == 400
    await wait_for_all(auths, enter, 400)
