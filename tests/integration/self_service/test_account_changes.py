"""The consequences of each change of an account: notifications, ended sessions, deleted data.

Each row is a kind of change. docs/security.md shows the table; doorward_identity.account_changes acts on it.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
import sqlalchemy as sa

from doorward import create_admin
from doorward_auth.account_mail.template_context import MailTemplateContext
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import SURPLUS_MAILS
from doorward_identity.account_changes import CONSEQUENCES, AccountChange
from doorward_identity.passwords import PasswordHashing
from doorward_identity.tables import credentials, known_devices, one_time_codes, rate_limits, sessions, users
from doorward_kit.column_types import utc_now
from doorward_kit.metrics import Metrics
from doorward_kit.rate_limiting.limits import LimitKey
from doorward_kit.unit_of_work import Database
from doorward_mail.outbox.leases import LeasedMail
from integration.harness.installation import AUTH, Installation, auth_settings
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, other_pin

C: Final = AccountChange

NEW: Final = "moved@example.com"
OWN_PASSWORD: Final = "Your password at Doorward was changed"
PASSWORD_SET: Final = "An administrator has set your password at Doorward"
ADDRESS_CHANGED: Final = "Your address at Doorward was changed"
ADDRESS_REPLACED: Final = "An administrator has changed your address at Doorward"
ADDRESS_SET: Final = "Your address at Doorward waits for your login"
INVITED: Final = "You are invited to Doorward"


@dataclass(frozen=True)
class AccountSetup:
    """Ada with two sessions, known devices and an outstanding code."""

    flows: Flows
    installation: Installation
    people: People
    ada: Joined
    reset_pin: str

    def patch(self, **changes: str) -> None:
        response = self.installation.call("PATCH", self.ada.path, self.people.admin.access, json=changes)
        assert response.status_code == 200, response.text
        self.flows.mailbox.wait()


def changes_password(setup: AccountSetup) -> None:
    assert setup.flows.change(setup.ada.access, CHOSEN).status_code == 204


def changes_password_by_address(setup: AccountSetup) -> None:
    assert setup.flows.change_by_address(setup.ada.email, CHOSEN).status_code == 204


def resets_password(setup: AccountSetup) -> None:
    assert setup.flows.reset(setup.ada.email, setup.reset_pin).status_code == 200


def replaces_temporary_password(setup: AccountSetup) -> None:
    mine = credentials.c.user_id == uuid.UUID(setup.ada.id)
    setup.installation.execute(credentials.update().where(mine).values(must_change=True))
    token = setup.flows.log_in(setup.ada.email, CHOSEN).json()["sign_in_token"]
    body = {"grant_type": "urn:doorward:grant:new-password", "sign_in_token": token, "new_password": ANOTHER}
    assert setup.installation.call("POST", f"{AUTH}/token", json=body).status_code == 200


def administrator_sets_password(setup: AccountSetup) -> None:
    setup.patch(password=ANOTHER)


def command_sets_password(setup: AccountSetup) -> None:
    metrics, settings = Metrics(), auth_settings(setup.installation.database_url)
    database, hashing = Database(settings, metrics, pool_size=1), PasswordHashing(settings, metrics)
    create_admin.create_admin(database, hashing, setup.ada.email, ANOTHER, reset_password=True)
    hashing.shutdown()
    database.dispose()


def changes_address(setup: AccountSetup) -> None:
    assert setup.flows.ask_for_address(setup.ada.access, NEW, CHOSEN).status_code == 202
    pin = setup.flows.pin_of(NEW)
    setup.flows.mailbox.empty()
    assert setup.flows.confirm_address(setup.ada.access, pin).status_code == 204


def administrator_sets_address(setup: AccountSetup) -> None:
    setup.patch(email=NEW)


def administrator_sets_address_of_account_without_password(setup: AccountSetup) -> None:
    """Like one that was imported without a hash."""
    setup.installation.execute(credentials.delete().where(credentials.c.user_id == uuid.UUID(setup.ada.id)))
    setup.patch(email=NEW)


def administrator_sets_password_and_address(setup: AccountSetup) -> None:
    setup.patch(email=NEW, password=ANOTHER)


def administrator_changes_case_of_address(setup: AccountSetup) -> None:
    setup.patch(email=setup.ada.email.upper())


def administrator_gives_role(setup: AccountSetup) -> None:
    setup.patch(role="admin")


def administrator_disables(setup: AccountSetup) -> None:
    setup.patch(status="disabled")


def administrator_enables(setup: AccountSetup) -> None:
    mine = users.c.id == uuid.UUID(setup.ada.id)
    setup.installation.execute(users.update().where(mine).values(status="disabled"))
    setup.patch(status="active")


def administrator_renames(setup: AccountSetup) -> None:
    setup.patch(name="Countess")


@dataclass(frozen=True)
class Row:
    """`mails` are subjects by "old" and "new" address; `sessions` are those that stay valid."""

    way: Callable[[AccountSetup], None]
    changes: tuple[AccountChange, ...]
    mails: dict[str, list[str]]
    lives_on: str
    forgets: bool
    voids_sign_ins: bool = True


TABLE: Final = [
    Row(changes_password, (C.PASSWORD_CHANGED,), {"old": [OWN_PASSWORD]}, "own", forgets=True),
    Row(changes_password_by_address, (C.PASSWORD_CHANGED,), {"old": [OWN_PASSWORD]}, "none", forgets=True),
    Row(resets_password, (C.PASSWORD_CHANGED,), {"old": [OWN_PASSWORD]}, "none", forgets=True),
    Row(replaces_temporary_password, (C.PASSWORD_CHANGED,), {"old": [OWN_PASSWORD]}, "none", forgets=True),
    Row(administrator_sets_password, (C.PASSWORD_SET,), {"old": [PASSWORD_SET]}, "none", forgets=True),
    Row(command_sets_password, (C.PASSWORD_SET,), {"old": [PASSWORD_SET]}, "none", forgets=True),
    Row(changes_address, (C.EMAIL_CHANGED,), {"old": [ADDRESS_CHANGED]}, "own", forgets=True),
    Row(
        administrator_sets_address,
        (C.EMAIL_SET,),
        {"old": [ADDRESS_REPLACED], "new": [ADDRESS_SET]},
        "none",
        forgets=True,
    ),
    Row(
        administrator_sets_address_of_account_without_password,
        (C.EMAIL_SET_WITHOUT_PASSWORD,),
        {"old": [ADDRESS_REPLACED], "new": [INVITED]},
        "none",
        forgets=True,
    ),
    Row(
        administrator_sets_password_and_address,
        (C.PASSWORD_SET, C.EMAIL_SET),
        {"old": [PASSWORD_SET, ADDRESS_REPLACED], "new": [ADDRESS_SET]},
        "none",
        forgets=True,
    ),
    Row(administrator_changes_case_of_address, (), {}, "all", forgets=False, voids_sign_ins=False),
    Row(administrator_gives_role, (C.ROLE,), {}, "all", forgets=False),
    Row(administrator_disables, (C.DISABLED,), {}, "none", forgets=False),
    Row(administrator_enables, (C.ENABLED,), {}, "all", forgets=False),
    Row(administrator_renames, (), {}, "all", forgets=False, voids_sign_ins=False),
]


@pytest.fixture
def setup(flows: Flows, installation: Installation, people: People, ada: Joined) -> AccountSetup:
    flows.sign_in(ada.email, CHOSEN)
    pin = flows.mailed_pin(ada.email)
    flows.mailbox.empty()
    return AccountSetup(flows, installation, people, ada, pin)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.way.__name__)
def test_each_change_has_the_consequences_of_the_table(setup: AccountSetup, row: Row) -> None:
    mine = sessions.c.user_id == uuid.UUID(setup.ada.id)
    version = sa.select(users.c.auth_version).where(users.c.id == uuid.UUID(setup.ada.id))
    live = sa.select(sessions.c.id).where(mine, sessions.c.ended_at.is_(None))
    before = {session for (session,) in setup.installation.execute(live)}
    assert len(before) == 2
    devices = {device for (device,) in setup.installation.execute(sa.select(known_devices.c.id))}
    [own] = setup.installation.execute(sa.select(sessions.c.id).where(mine).order_by(sessions.c.id).limit(1))
    [seen] = setup.installation.execute(version)

    row.way(setup)

    told = {
        name: sorted(mail.subject for mail in setup.flows.mailbox.all() if mail.recipient == address)
        for name, address in (("old", setup.ada.email), ("new", NEW))
    }
    assert {name: subjects for name, subjects in told.items() if subjects} == {
        name: sorted(subjects) for name, subjects in row.mails.items()
    }
    assert {mail.recipient for mail in setup.flows.mailbox.all()} <= {setup.ada.email, NEW}
    lives_on = {session for (session,) in setup.installation.execute(live)} & before
    assert lives_on == {"own": {own[0]}, "none": set(), "all": before}[row.lives_on]
    kept = {device for (device,) in setup.installation.execute(sa.select(known_devices.c.id))} & devices
    assert (count(setup.installation, one_time_codes, setup.ada.id) == 0) is (
        row.forgets and INVITED not in row.mails.get("new", [])
    )
    mine_kept = setup.installation.execute(
        sa.select(known_devices.c.id).where(
            known_devices.c.user_id == uuid.UUID(setup.ada.id), known_devices.c.id.in_(kept)
        )
    )
    assert bool(mine_kept) is not row.forgets
    [after] = setup.installation.execute(version)
    assert (after != seen) is row.voids_sign_ins


def test_every_change_of_the_code_is_in_the_table() -> None:
    """An invitation, for the first password, is accepted in test_invitations.py."""
    changes = {change for row in TABLE for change in row.changes} | {AccountChange.FIRST_PASSWORD_CHOSEN}
    assert changes == set(AccountChange) == CONSEQUENCES.keys()


def test_an_address_set_by_an_administrator_needs_password_and_mailed_code(setup: AccountSetup) -> None:
    setup.patch(email=NEW)
    assert setup.installation.call("GET", setup.ada.path, setup.people.admin.access).json()[
        "email_verified"
    ] is (False)
    rejected = assert_problem(setup.flows.log_in(NEW, CHOSEN), 403, "email_not_verified")
    token, pin = rejected["sign_in_token"], setup.flows.pin_of(NEW)
    assert_problem(setup.flows.prove_address(token, other_pin(pin)), 400, "invalid_code")
    assert_problem(setup.flows.prove_address("dws_" + "A" * 64, pin), 401, "invalid_sign_in_token")
    assert setup.flows.prove_address(token, pin).status_code == 200
    assert_problem(setup.flows.prove_address(token, pin), 401, "invalid_sign_in_token")
    assert setup.flows.joined(NEW, CHOSEN).id == setup.ada.id


def test_the_reader_of_a_mistyped_address_cannot_take_the_account_over(setup: AccountSetup) -> None:
    setup.patch(email=NEW)
    for ask in (setup.flows.ask_for_reset, setup.flows.register):
        setup.flows.mailbox.empty()
        assert ask(NEW).status_code == 202
        assert [mail.subject for mail in setup.flows.mailbox.all()] == [ADDRESS_SET]
    assert count(setup.installation, one_time_codes, setup.ada.id) == 0
    # Nor with a code from a moment when the address was verified.
    mine = users.update().where(users.c.id == uuid.UUID(setup.ada.id))
    setup.installation.execute(mine.values(email_verified_at=utc_now()))
    pin = setup.flows.mailed_pin(NEW)
    setup.installation.execute(mine.values(email_verified_at=None))
    assert_problem(setup.flows.reset(NEW, pin), 400, "invalid_code")
    assert_problem(setup.flows.change_by_address(NEW, CHOSEN), 403, "email_not_verified")


def test_a_temporary_password_and_an_unproven_address_are_two_steps(setup: AccountSetup) -> None:
    setup.patch(email=NEW)
    mine = credentials.c.user_id == uuid.UUID(setup.ada.id)
    setup.installation.execute(credentials.update().where(mine).values(must_change=True))
    proven = setup.flows.sign_in_with_code(NEW, CHOSEN)
    token = assert_problem(proven, 403, "password_change_required")["sign_in_token"]
    body = {"grant_type": "urn:doorward:grant:new-password", "sign_in_token": token, "new_password": ANOTHER}
    assert setup.installation.call("POST", f"{AUTH}/token", json=body).status_code == 200


def test_a_command_makes_a_moved_administrator_usable(setup: AccountSetup) -> None:
    setup.patch(email=NEW)
    metrics, settings = Metrics(), auth_settings(setup.installation.database_url)
    database, hashing = Database(settings, metrics, pool_size=1), PasswordHashing(settings, metrics)
    create_admin.create_admin(database, hashing, NEW, ANOTHER, reset_password=True)
    hashing.shutdown()
    database.dispose()
    assert setup.flows.joined(NEW, ANOTHER).id == setup.ada.id


def test_logins_mail_ten_codes_a_day_then_one_every_ten_minutes(setup: AccountSetup) -> None:
    setup.patch(email=NEW)
    setup.flows.mailbox.empty()
    for _ in range(13):
        rejected = assert_problem(setup.flows.log_in(NEW, CHOSEN), 403, "email_not_verified")
    assert len(setup.flows.mailbox.all()) == 11
    surplus = rate_limits.c.key_hash == LimitKey.of(SURPLUS_MAILS, f"{uuid.UUID(setup.ada.id)}:{NEW}").hash
    setup.installation.execute(rate_limits.delete().where(surplus))
    rejected = assert_problem(setup.flows.log_in(NEW, CHOSEN), 403, "email_not_verified")
    assert len(setup.flows.mailbox.all()) == 12
    pin = setup.flows.pin_of(NEW)
    assert setup.flows.prove_address(rejected["sign_in_token"], pin).status_code == 200


def test_codes_for_a_mistyped_address_are_not_counted_for_the_corrected_one(setup: AccountSetup) -> None:
    setup.patch(email="mistyped@example.com")
    for _ in range(13):
        assert_problem(setup.flows.log_in("mistyped@example.com", CHOSEN), 403, "email_not_verified")
    setup.patch(email=NEW)
    setup.flows.mailbox.empty()
    rejected = assert_problem(setup.flows.log_in(NEW, CHOSEN), 403, "email_not_verified")
    assert setup.flows.prove_address(rejected["sign_in_token"], setup.flows.pin_of(NEW)).status_code == 200


def test_an_administrator_changes_the_own_address_by_its_proof_only(setup: AccountSetup) -> None:
    admin = setup.people.admin
    response = setup.installation.call("PATCH", admin.path, admin.access, json={"email": NEW})
    assert_problem(response, 409, "own_email")
    assert setup.installation.call("GET", admin.path, admin.access).json()["email"] == admin.email


def test_an_administrator_changes_the_own_password_with_the_current_one_only(setup: AccountSetup) -> None:
    admin = setup.people.admin
    response = setup.installation.call("PATCH", admin.path, admin.access, json={"password": ANOTHER})
    assert_problem(response, 409, "own_password")
    assert setup.flows.log_in(admin.email, admin.password).status_code == 200


def test_a_password_makes_an_invited_account_usable_at_its_new_address(setup: AccountSetup) -> None:
    bob, _ = setup.flows.invited(setup.people.admin.access, "rob@example.com")
    setup.flows.mailbox.empty()
    body = {"email": "bob@example.com", "password": ANOTHER}
    path = f"/api/v1/users/{bob}"
    assert setup.installation.call("PATCH", path, setup.people.admin.access, json=body).status_code == 200
    assert [(mail.recipient, mail.subject) for mail in setup.flows.mailbox.all()] == [
        ("bob@example.com", PASSWORD_SET)
    ]
    assert setup.flows.joined("bob@example.com", ANOTHER).id == bob


def test_a_code_still_to_be_mailed_is_dropped_once_the_address_is_replaced(setup: AccountSetup) -> None:
    """A mail server may be away for hours between the request and the mail."""
    keys = setup.installation.auth_app.state.resources.verification.keys
    guesses = CodeGuesses(AuthRateLimiter(Metrics()), keys)
    context = MailTemplateContext(keys, guesses, frontend_url=None)
    rendered = []
    for recipient in ("replaced@example.com", setup.ada.email):
        ids = uuid.uuid4(), uuid.uuid4()
        parameters = {"user_id": setup.ada.id}
        mail = LeasedMail(*ids, "password_reset", recipient, "", parameters, 1, 0.0, is_expired=False)
        with setup.installation.transaction() as connection:
            rendered.append(context.password_reset(connection, mail))
    assert rendered[0] is None
    assert rendered[1] is not None
