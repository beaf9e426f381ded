"""One Idempotency-Key at several processes, with rejected first requests, which cause InnoDB deadlocks.

When the holder of the row rolls back, all waiting transactions get a shared lock, and each wants to write.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import httpx2
import pytest

from integration.harness.installation import TICKETS
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from support.databases import DatabaseServer

AT_ONCE: Final = 24
"""More than two processes have connections."""

ROUNDS: Final = 10
STALE: Final = {"If-Match": '"99"'}


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("keys")
    # A long timeout for busy machines, so that only the number of attempts can run out.
    patience = {"DOORWARD_DATABASE_TIMEOUT_SECONDS": "10"}
    with new_chain(mariadb_server, folder, more=1, **patience) as chain, chain.tickets, chain.more[0]:
        yield chain


def database_errors(chain: Chain, code: int, outcome: str) -> float:
    """Read from both processes how often the database's error `code` had this outcome."""
    wanted = f'doorward_database_errors_total{{code="{code}",outcome="{outcome}"}} '
    lines = [
        line
        for service in (chain.tickets, *chain.more)
        for line in chain.client.get(f"{service.url}/metrics").text.splitlines()
    ]
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


async def reply_at_once(
    chain: Chain, ticket: str, token: str, headers: list[dict[str, str]]
) -> list[httpx2.Response]:
    """Send one reply in parallel to both processes, once with each of the headers."""
    urls = [service.url for service in (chain.tickets, *chain.more)]
    async with httpx2.AsyncClient(timeout=20) as client:

        async def run_one(number: int) -> httpx2.Response:
            sent = {"Authorization": f"Bearer {token}", **headers[number]}
            where = f"{urls[number % len(urls)]}{TICKETS}/{ticket}/replies"
            return await client.post(where, headers=sent, json={"body": "Once."})

        return await asyncio.gather(*(run_one(number) for number in range(len(headers))))


def test_parallel_rejected_requests_all_get_the_reason(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    _, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
    for number in range(ROUNDS):
        headers = [{"Idempotency-Key": f"rejected-{number}", **STALE}] * AT_ONCE
        answers = asyncio.run(reply_at_once(chain, ticket["id"], token, headers))
        told = {(answer.status_code, answer.json()["code"]) for answer in answers}
        assert told == {(412, "precondition_failed")}
    assert database_errors(chain, 1213, "retried") > AT_ONCE, "they did not meet"
    assert database_errors(chain, 1213, "failed") == 0


def test_a_valid_request_after_rejected_ones_runs_once(chain: Chain) -> None:
    """If-Match is not part of the request, so a request with the same key and without it may succeed."""
    token = chain.log_in("user@example.com")
    for number in range(ROUNDS):
        _, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
        key = {"Idempotency-Key": f"mixed-{number}"}
        headers = [{**key, **STALE} if number % 4 else key for number in range(AT_ONCE)]
        answers = asyncio.run(reply_at_once(chain, ticket["id"], token, headers))
        carried_out = [answer for answer in answers if answer.status_code == 201]
        rejected = [answer for answer in answers if answer.status_code == 412]
        assert len(carried_out) + len(rejected) == AT_ONCE, {answer.status_code for answer in answers}
        assert all("if-match" in answer.request.headers for answer in rejected)
        assert len({answer.content for answer in carried_out}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in carried_out) == 1
        _, shown = chain.ticket("GET", f"{TICKETS}/{ticket['id']}", token)
        assert [reply["body"] for reply in shown["replies"]] == ["Once."]
