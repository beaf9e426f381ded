"""Several replicas send few mails about tickets, and report every reply."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from integration.harness.deployment import wait_until
from integration.harness.installation import TICKETS
from integration.harness.single_service import running_single_service
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from integration.tickets.mailing import event_of
from support.databases import DatabaseServer
from support.services import Service
from support.smtp import ReceivedMail, SmtpServer

WINDOW_SECONDS = 1
REPLIES = 80
DEAD_LETTERS = f"{TICKETS}/mail/dead-letters"


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path_factory.mktemp("smtp")) as server:
        yield server


@pytest.fixture(scope="module")
def chain(
    mariadb_server: DatabaseServer, smtp: SmtpServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    env = {
        **smtp.service_env,
        "DOORWARD_MAIL_POLL_SECONDS": "0.05",
        "DOORWARD_MAIL_SEND_TIMEOUT_SECONDS": "4",
        "DOORWARD_MAIL_LEASE_SECONDS": "5",
        "DOORWARD_NOTIFICATION_INTERVAL_SECONDS": str(WINDOW_SECONDS),
    }
    with new_chain(mariadb_server, tmp_path_factory.mktemp("mailing"), more=1, **env) as chain:
        chain.tickets.start()
        chain.more[0].start()
        yield chain


def reported_replies(mails: list[ReceivedMail]) -> int:
    """Return the number of distinct replies that mails reported."""
    said = {mail.id: event_of(mail) for mail in mails}
    counts = [re.search(r" has (?:(\d+) new replies|a new reply)$", event) for event in said.values()]
    return sum(int(found[1] or 1) for found in counts if found is not None)


def is_sent(chain: Chain) -> bool:
    return chain.own.execute("SELECT COUNT(*) FROM tickets_outbox") == ((0,),)


def write(chain: Chain, path: str, token: str, number: int) -> None:
    """Reply through the replicas in turn."""
    service: Service = (chain.tickets, chain.more[0])[number % 2]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{path}{number}"}
    answer = chain.client.post(
        f"{service.url}{path}/replies", headers=headers, json={"body": f"Number {number}"}
    )
    assert answer.status_code == 201, answer.text


def test_a_few_mails_report_every_reply(chain: Chain, smtp: SmtpServer) -> None:
    """Replies race the workers that write mails: each is in the current mail or causes the next."""
    admin, user = chain.log_in("admin@example.com"), chain.log_in("user@example.com")
    _, ticket = chain.ticket("POST", TICKETS, user, json=dict(TICKET))
    path = f"{TICKETS}/{ticket['id']}"
    before, started = len(smtp.mails()), time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(partial(write, chain, path, admin), range(REPLIES)))
    wait_until(lambda: is_sent(chain), "sent", 90)
    seconds = time.monotonic() - started
    mails = smtp.mails()[before:]
    assert reported_replies(mails) >= REPLIES
    assert len(mails) <= seconds / WINDOW_SECONDS + 2
    assert {mail.recipients[0] for mail in mails} == {"user@example.com"}


def test_a_killed_replica_loses_no_mail(chain: Chain, smtp: SmtpServer) -> None:
    admin, user = chain.log_in("admin@example.com"), chain.log_in("user@example.com")
    before = len(smtp.mails())
    smtp.behave(delay=0.3)
    try:
        for _ in range(6):
            _, ticket = chain.ticket("POST", TICKETS, user, json=dict(TICKET))
            write(chain, f"{TICKETS}/{ticket['id']}", admin, 0)
        smtp.wait_for(lambda mails: len(mails) > before)
        chain.more[0].kill9()
        chain.tickets.kill9()
        chain.tickets.start()
    finally:
        smtp.behave()
        chain.more[0].start()
    wait_until(lambda: is_sent(chain), "sent", 90)
    assert len({mail.id for mail in smtp.mails()[before:]}) == 6
    assert reported_replies(smtp.mails()[before:]) >= 6


def test_of_parallel_retries_of_a_dead_letter_one_succeeds(chain: Chain, smtp: SmtpServer) -> None:
    """Through both replicas in parallel, with the database privileges of tickets."""
    admin, user = chain.log_in("admin@example.com"), chain.log_in("user@example.com")
    before = len(smtp.mails())
    smtp.behave(reject_at="rcpt", code=550, status="5.1.1")
    try:
        for _ in range(2):
            _, ticket = chain.ticket("POST", TICKETS, user, json=dict(TICKET))
            write(chain, f"{TICKETS}/{ticket['id']}", admin, 0)
        wait_until(lambda: len(dead(chain, admin)) == 2, "dead", 90)
    finally:
        smtp.behave()
    retried, discarded = dead(chain, admin)
    headers = {"Authorization": f"Bearer {admin}"}

    def resend(number: int) -> int:
        service = (chain.tickets, chain.more[0])[number % 2]
        return chain.client.post(f"{service.url}{DEAD_LETTERS}/{retried}/retry", headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(resend, range(16))) == [202, *[404] * 15]
    assert chain.ticket("DELETE", f"{DEAD_LETTERS}/{discarded}", admin) == (204, {})
    wait_until(lambda: is_sent(chain), "sent", 90)
    assert [mail.id for mail in smtp.mails()[before:]] == [retried]


def dead(chain: Chain, admin: str) -> list[str]:
    """Return the ids of the dead letters from the API."""
    status, page = chain.ticket("GET", DEAD_LETTERS, admin)
    assert status == 200
    return [letter["id"] for letter in page["items"]]


def test_the_standalone_process_shows_the_mail_in_its_mailbox(tmp_path: Path) -> None:
    with running_single_service(tmp_path) as service:
        service.client.post(f"{service.ticket}/replies", headers=service.admin, json={"body": "Coming."})
        shown = f"Ticket #1: “{TICKET['subject']}”"
        wait_until(lambda: shown in service.client.get(service.mailbox_page).text, "in the mailbox")
        metrics = service.client.get("/metrics").text
        for outbox in ("outbox", "tickets_outbox"):
            assert f'doorward_mail_messages{{outbox="{outbox}",state="waiting"}}' in metrics
