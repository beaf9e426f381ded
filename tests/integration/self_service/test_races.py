"""Parallel uses of one code, address or password: exactly one succeeds."""

from collections import Counter
from functools import partial

import httpx2
import pytest

from doorward_auth.rate_limiting.limits import MAILS_BY_SOURCE, REGISTRATION_MAILS
from doorward_identity.tables import one_time_codes
from integration.harness.installation import Tokens, tokens_of
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, unique
from integration.self_service.race_setup import RaceSetup, at_once, race


def passwords(how_many: int) -> list[str]:
    return [f"candidate no. {number} of many" for number in range(how_many)]


def owners(race_setup: RaceSetup, email: str) -> int:
    found = race_setup.behind.execute("SELECT COUNT(*) FROM users WHERE email_key = :email", email=email)
    return int(found[0][0])


def assert_dead(race_setup: RaceSetup, flows: Flows, tokens: Tokens) -> None:
    assert_problem(flows.refresh(tokens.refresh), 401, "invalid_refresh_token")
    assert race_setup.is_soon_rejected(tokens.access)


@pytest.fixture(autouse=True)
def fresh(race_setup: RaceSetup) -> None:
    race_setup.fresh()


def test_a_code_entered_fifty_times_in_parallel_creates_one_account(race_setup: RaceSetup) -> None:
    flows, email = race_setup.flows(), unique()
    flows.register(email)
    code = flows.code_of(email)
    statuses = Counter(at_once(50, lambda _: flows.verify(code).status_code))
    assert statuses == {200: 1, 400: 49}
    assert owners(race_setup, email) == 1
    flows.sign_in(email, CHOSEN)


def test_of_two_registrations_verified_in_parallel_one_creates_the_account(race_setup: RaceSetup) -> None:
    flows, email, chosen = race_setup.flows(), unique(), passwords(2)
    names = ["Ada", "Stranger"]
    registered = [flows.register(email, password, name) for password, name in zip(chosen, names, strict=True)]
    code = flows.code_of(email)
    statuses = at_once(50, lambda number: flows.verify_registered(code, registered[number % 2]).status_code)
    assert Counter(statuses) == {200: 1, 400: 49}
    winner = statuses.index(200) % 2
    tokens = flows.sign_in(email, chosen[winner])
    assert flows.me(tokens.access).json()["name"] == names[winner]
    assert_problem(flows.log_in(email, chosen[1 - winner]), 401, "invalid_credentials")
    assert owners(race_setup, email) == 1
    rows = race_setup.behind.execute(
        "SELECT 1 FROM pending_registrations WHERE email_key = :email", email=email
    )
    assert rows == []


def test_fifty_parallel_registrations_of_one_address_create_one_account(race_setup: RaceSetup) -> None:
    flows, email, chosen = race_setup.flows(), unique(), passwords(50)
    answers = at_once(50, lambda number: flows.register(email, chosen[number]))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {202: MAILS_BY_SOURCE.free, 429: 50 - MAILS_BY_SOURCE.free}
    mailbox = flows.mailbox.mails_to(email)
    assert len(mailbox) in {REGISTRATION_MAILS.free, REGISTRATION_MAILS.free + 1}
    [code] = {mail.code for mail in mailbox}
    accepted = [number for number, answer in enumerate(answers) if answer.status_code == 202]
    verified = at_once(
        len(accepted),
        lambda number: flows.verify_registered(code, answers[accepted[number]]).status_code,
    )
    assert Counter(verified) == {200: 1, 400: len(accepted) - 1}
    assert owners(race_setup, email) == 1
    for number, status in zip(accepted, verified, strict=True):
        race_setup.fresh()  # wrong ones are counted, and delay further logins
        assert flows.log_in(email, chosen[number]).status_code == (200 if status == 200 else 401)


def test_an_invitation_accepted_twenty_times_in_parallel_sets_one_password(race_setup: RaceSetup) -> None:
    flows, email, chosen = race_setup.flows(), unique(), passwords(20)
    _, code = flows.invited(race_setup.admin(), email)
    statuses = at_once(20, lambda number: flows.accept(code, chosen[number]).status_code)
    assert Counter(statuses) == {200: 1, 400: 19}
    flows.sign_in(email, chosen[statuses.index(200)])


def test_a_pin_entered_twenty_times_in_parallel_sets_one_password(race_setup: RaceSetup) -> None:
    flows, email, chosen = race_setup.flows(), unique(), passwords(20)
    joined = flows.join(email)
    pin = flows.mailed_pin(email)
    statuses = at_once(20, lambda number: flows.reset(email, pin, chosen[number]).status_code)
    # The others were too late or rate limited.
    assert Counter(statuses)[200] == 1
    assert set(statuses) <= {200, 400, 429}
    race_setup.fresh()
    assert flows.joined(email, chosen[statuses.index(200)]).id == joined.id
    assert_problem(flows.log_in(email, CHOSEN), 401, "invalid_credentials")


def test_of_twenty_parallel_password_changes_one_succeeds(race_setup: RaceSetup) -> None:
    flows, email, chosen = race_setup.flows(), unique(), passwords(20)
    joined = flows.join(email)
    flows.mailbox.empty()

    def change(number: int) -> int:
        if number % 2:
            return flows.change_by_address(email, CHOSEN, chosen[number]).status_code
        return flows.change(joined.access, CHOSEN, chosen[number]).status_code

    statuses = at_once(20, change)
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 401, 429}
    assert len(flows.mailbox.mails_to(email)) == 1
    race_setup.fresh()
    flows.sign_in(email, chosen[statuses.index(204)])


rounds = pytest.mark.parametrize("_round", range(5))


@rounds
def test_of_two_parallel_changes_to_one_address_one_succeeds(race_setup: RaceSetup, _round: int) -> None:
    flows, wanted = race_setup.flows(), unique("wanted")
    movers = [flows.join(unique()) for _ in range(2)]
    pins = []
    for mover in movers:
        flows.ask_for_address(mover.access, wanted, mover.password)
        pins.append(flows.pin_of(wanted))
    statuses = at_once(
        2, lambda number: flows.confirm_address(movers[number].access, pins[number]).status_code
    )
    assert sorted(statuses) == [204, 400]
    assert owners(race_setup, wanted) == 1
    loser = movers[statuses.index(400)]
    assert flows.me(loser.access).json()["email"] == loser.email


@rounds
def test_an_address_registered_and_changed_to_in_parallel_has_one_owner(
    race_setup: RaceSetup, _round: int
) -> None:
    flows, wanted = race_setup.flows(), unique("wanted")
    mover = flows.join(unique())
    flows.register(wanted, ANOTHER)
    code = flows.code_of(wanted)
    flows.ask_for_address(mover.access, wanted, mover.password)
    pin = flows.pin_of(wanted)
    answers = race(lambda: flows.verify(code), lambda: flows.confirm_address(mover.access, pin))
    assert sorted(answer.status_code for answer in answers) in ([200, 400], [204, 400])
    assert owners(race_setup, wanted) == 1


def test_of_many_mails_asked_for_at_once_one_code_counts(race_setup: RaceSetup) -> None:
    for _ in range(5):  # a race takes moments
        race_setup.fresh()
        flows, email = race_setup.flows(), unique()
        at_once(8, partial(_resend, flows, email))
        codes = [mail.code for mail in flows.mailbox.mails_to(email)]
        assert len(codes) == 8
        assert len(set(codes)) == 1
        assert Counter(flows.verify(code).status_code for code in codes) == {200: 1, 400: 7}


def _resend(flows: Flows, email: str, _number: int) -> httpx2.Response:
    return flows.resend(email)


def test_of_parallel_pins_one_is_valid(race_setup: RaceSetup) -> None:
    flows, email = race_setup.flows(), unique()
    flows.join(email)
    flows.mailbox.empty()
    at_once(4, lambda _: flows.ask_for_reset(email))
    pins = [mail.pin for mail in flows.mailbox.mails_to(email)]
    assert len(pins) == 4
    assert len(set(pins)) == 1
    assert Counter(flows.reset(email, pin).status_code for pin in pins) == {200: 1, 400: 3}
    assert count(race_setup.behind, one_time_codes, flows.joined(email, ANOTHER).id) == 0


@rounds
def test_a_refresh_during_a_password_change_revives_no_session(race_setup: RaceSetup, _round: int) -> None:
    """In both orders the other session is ended."""
    flows, email = race_setup.flows(), unique()
    joined = flows.join(email)
    other = flows.sign_in(email, CHOSEN)
    changed, refreshed = race(
        lambda: flows.change(joined.access, CHOSEN), lambda: flows.refresh(other.refresh)
    )
    assert changed.status_code == 204
    assert refreshed.status_code in {200, 401}
    if refreshed.status_code == 200:
        assert_dead(race_setup, flows, tokens_of(refreshed))
    assert_dead(race_setup, flows, other)
    assert flows.me(joined.access).status_code == 200


@rounds
@pytest.mark.parametrize("way", ["signed in", "by address"])
def test_a_login_with_the_old_password_during_a_change_leaves_no_session(
    race_setup: RaceSetup, way: str, _round: int
) -> None:
    flows, email = race_setup.flows(), unique()
    joined = flows.join(email)

    def change() -> httpx2.Response:
        if way == "by address":
            return flows.change_by_address(email, CHOSEN)
        return flows.change(joined.access, CHOSEN)

    changed, *logins = race(change, *[lambda: flows.log_in(email, CHOSEN)] * 3)
    assert changed.status_code == 204
    for login in logins:
        assert login.status_code in {200, 401}
        if login.status_code == 200:
            assert_dead(race_setup, flows, tokens_of(login))


def test_no_incomplete_accounts_or_stuck_mails_remain(race_setup: RaceSetup) -> None:
    """Runs last: only invited accounts have no password, and no mail is stuck."""
    race_setup.mailbox.wait()
    assert race_setup.behind.execute("SELECT 1 FROM outbox") == []
    half = race_setup.behind.execute(
        "SELECT 1 FROM users WHERE email_verified_at IS NOT NULL"
        " AND id NOT IN (SELECT user_id FROM credentials)"
    )
    assert half == []
    # What lost against an account expires.
    for table in ("pending_registrations", "registration_codes"):
        without = f"SELECT 1 FROM {table} WHERE email_key NOT IN (SELECT email_key FROM users)"
        assert race_setup.behind.execute(without) == []
