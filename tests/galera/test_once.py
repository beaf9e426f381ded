"""What happens once on one server happens once on several nodes: guesses, keyed requests, leases of mail."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import PIN_SECONDS, CodeForm, Purpose, derive, pin_of
from doorward_auth.rate_limiting.limits import LOGIN_UNKNOWN_DEVICES, PIN_GUESSES
from doorward_identity.tables import outbox
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from doorward_mail.outbox.leases import LeasedMail, delete_sent, lease
from doorward_mail.outbox.mail import Mail, enqueue
from galera.cluster import ROUNDS, Cluster
from galera.spread import Spread, on_node
from galera.test_multi_writer import at_once
from integration.harness.bulk_users import Member
from integration.harness.databases import transaction_at
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS
from integration.harness.tickets import TICKET
from integration.tickets.test_mail_processes import reported_replies
from support.databases import Database
from support.services import SECRET_KEY
from support.smtp import ReceivedMail

MAILS = 60 * ROUNDS
REPLIES = 20 * ROUNDS


def guesses_of_one_counter(seconds: float) -> int:
    """Return how many wrong passwords one counter lets pass: the free ones, and one after each wait."""
    limit = LOGIN_UNKNOWN_DEVICES
    passed, wait = limit.free + 1, limit.first_wait
    while seconds >= wait:
        seconds -= wait
        passed, wait = passed + 1, 2 * wait
    return passed


def test_guesses_over_two_nodes_are_counted_together(spread: Spread) -> None:
    """Five wrong passwords are free; then each is followed by a wait, which doubles."""
    for _ in range(3 * ROUNDS):
        member = spread.member()

        def guess(node: int, email: str = member.email) -> int:
            login = {"email": email, "password": "not the password"}
            return spread.client.post(f"{spread.auth[node].url}{AUTH}/token", json=login).status_code

        started = time.monotonic()
        counted = Counter(at_once([partial(guess, 1 + number % 2) for number in range(24)]))
        assert set(counted) <= {401, 429}, counted
        assert counted[401] <= guesses_of_one_counter(time.monotonic() - started), counted
        events = "SELECT COUNT(*) FROM audit_events WHERE target_id = %s AND action = 'auth:login:failed'"
        [(failed,)] = spread.database.execute(events, member.id.bytes)
        assert failed <= counted[401]


def new_pin(database: Database, member: Member) -> str:
    """Return the PIN that a mail about a new password would carry."""
    with transaction_at(database.url) as connection:
        seed = codes.renew(
            connection, member.id, Purpose.RESET, CodeForm.PIN, seconds=PIN_SECONDS, sent_to=member.email
        )
    return pin_of(derive(SECRET_KEY.encode(), Purpose.RESET, member.id, seed))


def test_guesses_of_a_pin_over_two_nodes_are_counted_together(spread: Spread) -> None:
    """Each writes the row of the code, whatever node it locks the account on, and counts for the address."""
    for _ in range(ROUNDS):
        member = spread.member()
        right = new_pin(spread.database, member)

        def guess(node: int, pin: str, email: str = member.email) -> int:
            body = {"email": email, "pin": pin, "new_password": "another phrase, long enough"}
            path = f"{spread.auth[node].url}{AUTH}/password/reset"
            return spread.client.patch(path, json=body, headers=spread.new_source()).status_code

        wrong = [f"{(int(right) + number) % 1_000_000:06d}" for number in range(1, 2 * PIN_GUESSES.free + 1)]
        statuses = at_once([partial(guess, 1 + number % 2, pin) for number, pin in enumerate(wrong)])
        assert set(statuses) == {400}
        attempts = "SELECT attempts FROM one_time_codes WHERE user_id = %s"
        assert spread.database.execute(attempts, member.id.bytes) == ((len(wrong),),)
        assert [guess(node, right) for node in (1, 2)] == [400, 400]


def headers_of(token: str, key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key}


def new_ticket(spread: Spread, node: int, token: str, key: str) -> str:
    """Create a ticket with an idempotency key; return its id."""
    path = spread.tickets[node].url + TICKETS
    response = spread.client.post(path, headers=headers_of(token, key), json=dict(TICKET))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def test_a_keyed_request_on_two_nodes_creates_one_ticket(spread: Spread) -> None:
    token = spread.log_in(1, spread.member())["access_token"]
    count = "SELECT COUNT(*) FROM tickets"
    [(before,)] = spread.tickets_database.execute(count)
    for _ in range(8 * ROUNDS):
        key = uuid.uuid4().hex
        jobs = [partial(new_ticket, spread, (1, 3)[number % 2], token, key) for number in range(8)]
        assert len(set(at_once(jobs))) == 1
    assert spread.tickets_database.execute(count) == ((before + 8 * ROUNDS,),)


def test_replies_on_two_nodes_are_mailed_once(spread: Spread) -> None:
    """Workers of two nodes write and send the mails, and race the replies."""
    member = spread.member()
    token, admin = (str(spread.log_in(1, one)["access_token"]) for one in (member, spread.member("admin")))
    ticket = new_ticket(spread, 1, token, uuid.uuid4().hex)

    def reply(number: int) -> None:
        path = f"{spread.tickets[(1, 3)[number % 2]].url}{TICKETS}/{ticket}/replies"
        answer = spread.client.post(
            path, headers=headers_of(admin, uuid.uuid4().hex), json={"body": f"Number {number}"}
        )
        assert answer.status_code == 201, answer.text

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(reply, range(REPLIES)))

    def mailed() -> list[ReceivedMail]:
        return [mail for mail in spread.smtp.mails() if mail.recipients == [member.email]]

    wait_until(lambda: reported_replies(mailed()) >= REPLIES, "reported", 90)
    outbox_size = "SELECT COUNT(*) FROM tickets_outbox"
    wait_until(lambda: spread.tickets_database.execute(outbox_size) == ((0,),), "sent", 90)
    mails = mailed()
    assert len({mail.id for mail in mails}) == len(mails), "a mail was sent twice"
    assert reported_replies(mails) == REPLIES


@pytest.fixture
def workers(cluster: Cluster, database: Database) -> Iterator[list[UnitsOfWork]]:
    """Units of work on different nodes."""
    made = []
    for number in (1, 3):
        url = SecretStr(on_node(database.url, cluster[number]))
        settings = DatabaseSettings(database_url=url, database_timeout_seconds=30.0)
        made.append(UnitsOfWork(settings, Metrics(), pool_size=1))
    yield made
    for one in made:
        one.dispose()


def test_a_mail_is_leased_by_one_worker(workers: list[UnitsOfWork]) -> None:
    """SKIP LOCKED skips the locks of one node only."""

    def fill(connection: sa.Connection) -> None:
        connection.execute(outbox.delete())
        for _ in range(MAILS):
            enqueue(connection, outbox, Mail("none", "ada@example.com"))

    workers[0].write_now(fill)

    def work(units: UnitsOfWork) -> list[uuid.UUID]:
        sent: list[uuid.UUID] = []
        while mails := units.write_now(_lease_some):
            sent += [mail.id for mail in mails]
            for mail in mails:
                assert units.write_now(partial(_delete, mail=mail))
        return sent

    jobs: list[Callable[[], list[uuid.UUID]]] = [partial(work, units) for units in workers]
    sent = [mail for mails in at_once(jobs) for mail in mails]
    assert len(sent) == len(set(sent)) == MAILS


def _lease_some(connection: sa.Connection) -> list[LeasedMail]:
    return lease(connection, outbox, count=4, seconds=600, lease_id=uuid.uuid4())


def _delete(connection: sa.Connection, mail: LeasedMail) -> bool:
    return delete_sent(connection, outbox, mail)
