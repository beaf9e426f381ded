"""Whatever attackers do with an address, its owner gets in with a password of her own, and they do not.

An owner and two attackers do everything with an address, in every order that Hypothesis finds: register it,
ask for its mails, guess codes and passwords, and claim it as the new address of an account. An administrator
invites, and time passes.
"""

import uuid
from typing import Final

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from doorward_auth.rate_limiting.limits import (
    CODES_BY_SOURCE,
    EMAIL_CHANGE_MAILS,
    EMAIL_CHANGES,
    LOGIN_BY_SOURCE,
    LOGIN_UNKNOWN_DEVICES,
    MAILS_BY_SOURCE,
    PIN_GUESSES,
)
from doorward_identity.tables import one_time_codes, pending_registrations, rate_limits, registration_codes
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People
from integration.self_service.database_rows import LONG_AGO
from integration.self_service.flows import Flows, Joined, unique
from integration.self_service.registration.owned_mailbox import CodeMail, Kind, OwnedMailbox

pytestmark = pytest.mark.databases("sqlite")  # one request at a time; test_races has several at once

OWNER: Final = "the owner's own phrase"
ATTACKER_PASSWORDS: Final = ("an attacker's phrase, no. 1", "an attacker's phrase, no. 2")
SOURCE_LIMITS: Final = (CODES_BY_SOURCE, LOGIN_BY_SOURCE, MAILS_BY_SOURCE)
MADE_UP: Final = "dwv_" + "A" * 64
attackers = st.sampled_from([0, 1])


class Ownership(RuleBasedStateMachine):
    """One address, of which only the owner reads the mail."""

    installation: Installation
    flows: Flows
    admin_email: str
    claimants: list[Joined]
    """The attackers' own accounts."""

    @initialize(before=st.sampled_from(["nothing", "registered first", "joined", "moved here"]))
    def begin(self, before: str) -> None:
        self.email = unique("owner")
        self.mailbox = OwnedMailbox(self.flows.mailbox, self.email)
        self.attackers_tokens: list[str] = []
        self.own_token: str | None = None
        self.is_member = False
        self.is_invited = False
        self.device: str | None = None
        if before == "registered first":
            self.owner_registers_first_and_enters_the_code_last(who=0)
        elif before == "joined":
            self.asks_and_enters()
        elif before == "moved here":
            self.owner_moves_her_account_here(claims=EMAIL_CHANGE_MAILS.free, who=0)

    def forget(self, *keys: LimitKey) -> None:
        hashes = [key.hash for key in keys]
        self.installation.execute(rate_limits.delete().where(rate_limits.c.key_hash.in_(hashes)))

    def forget_sources(self) -> None:
        """Attackers have as many IP addresses and accounts as they like: the limits of one bound nothing."""
        self.forget(
            *(LimitKey.of_source(limit, "0.0.0.0") for limit in SOURCE_LIMITS),
            *(LimitKey.of(EMAIL_CHANGES, uuid.UUID(claimant.id)) for claimant in self.claimants),
        )

    def register(self, password: str) -> str:
        self.forget_sources()
        response = self.flows.register(self.email, password)
        assert response.status_code == 202, response.text
        return str(response.json()["registration_token"])

    # What attackers do.

    @rule(who=attackers)
    def attacker_registers(self, who: int) -> None:
        self.attackers_tokens.append(self.register(ATTACKER_PASSWORDS[who]))

    @rule()
    def attacker_asks_for_the_mail_again(self) -> None:
        self.forget_sources()
        assert self.flows.resend(self.email).status_code == 202

    @rule(times=st.integers(1, 12))
    def attacker_asks_for_resets(self, times: int) -> None:
        for _ in range(times):
            self.forget_sources()
            assert self.flows.ask_for_reset(self.email).status_code == 202

    @rule(times=st.integers(1, 7), who=attackers)
    def attacker_guesses_codes(self, times: int, who: int) -> None:
        self.mailbox.reset_guessed(times)
        for pin in self.mailbox.wrong_pins(times):
            self.forget_sources()
            assert self.flows.reset(self.email, pin, ATTACKER_PASSWORDS[who]).status_code == 400
        assert self.flows.verify(MADE_UP, ATTACKER_PASSWORDS[who]).status_code == 400
        for token in self.attackers_tokens[-1:]:
            assert self.flows.verify(MADE_UP, None, registration_token=token).status_code == 400

    @rule(times=st.integers(1, 8), who=attackers)
    def attacker_logs_in(self, times: int, who: int) -> None:
        self.assert_attacker_is_out(ATTACKER_PASSWORDS[who])
        for _ in range(times - 1):
            self.forget_sources()
            assert self.flows.log_in(self.email, ATTACKER_PASSWORDS[who]).status_code in {401, 429}

    @rule(asks=st.integers(1, 2), times=st.integers(1, 7), who=attackers)
    def attacker_claims_the_address(self, asks: int, times: int, who: int) -> None:
        """As the new address of an own account, whose code is mailed to the owner, and guesses the code."""
        own = self.claimants[who]
        for _ in range(asks):
            self.forget_sources()
            assert self.flows.ask_for_address(own.access, self.email, own.password).status_code == 202
        for pin in self.mailbox.wrong_pins(times):
            self.forget_sources()
            assert self.flows.confirm_address(own.access, pin).status_code == 400

    # What happens to the owner.

    @precondition(lambda self: not self.is_member and not self.is_invited)
    @rule()
    def administrator_invites(self) -> None:
        admin = self.flows.sign_in(self.admin_email, PASSWORD)
        self.flows.invited(admin.access, self.email)
        self.is_invited = True

    @rule()
    def owner_registers(self) -> None:
        self.own_token = self.register(OWNER)

    @precondition(lambda self: not self.is_member and not self.is_invited)
    @rule(claims=st.sampled_from([0, EMAIL_CHANGE_MAILS.free]), who=attackers)
    def owner_moves_her_account_here(self, claims: int, who: int) -> None:
        """From another address; the mail that she asks for now is enough, however many attackers had sent."""
        self.attacker_claims_the_address(claims, 1, who)
        self.forget_sources()
        own = self.flows.join(unique("old"), OWNER)
        assert self.flows.ask_for_address(own.access, self.email, OWNER).status_code == 202
        newest = self.mailbox.codes(Kind.CHANGE)[-1]
        self.forget_sources()
        assert self.flows.confirm_address(own.access, newest.code).status_code == 204
        self.has_joined(device=None)

    @precondition(lambda self: not self.is_member and not self.is_invited)
    @rule(who=attackers)
    def owner_registers_first_and_enters_the_code_last(self, who: int) -> None:
        self.owner_registers()
        self.attacker_registers(who)
        assert self.enter_newest()

    @precondition(lambda self: self.is_member)
    @rule()
    def owner_enters_the_code_of_her_mail_after_attackers_asked(self) -> None:
        before = len(self.mailbox.codes(Kind.RESET))
        self.ask()
        own = self.mailbox.codes(Kind.RESET)[before:]
        self.attacker_asks_for_resets(2)
        if own:
            self.enter(own[0], with_token=False)

    @rule(choice=st.data())
    def owner_enters_a_code_of_her_mailbox(self, choice: st.DataObject) -> None:
        # A code to confirm the address is of no use without the session that asked for it.
        mails = self.mailbox.codes(Kind.VERIFICATION, Kind.INVITATION, Kind.RESET)
        if mails:
            self.enter(choice.draw(st.sampled_from(mails)), with_token=choice.draw(st.booleans()))

    @precondition(lambda self: self.is_member)
    @rule(who=attackers)
    def attackers_guess_between_the_mail_and_the_owners_entry(self, who: int) -> None:
        """Then, and only then, she needs a second mail."""
        self.ask()
        self.attacker_guesses_codes(PIN_GUESSES.free, who)
        if not self.enter_newest():
            self.asks_and_enters()

    @rule()
    def a_day_passes(self) -> None:
        """Every code and registration expires but the invitation, and the limits of a day."""
        long_ago = {"expires_at": LONG_AGO}
        self.installation.execute(
            one_time_codes.update().where(one_time_codes.c.purpose != "invitation").values(long_ago)
        )
        for table in (registration_codes, pending_registrations):
            self.installation.execute(table.update().values(long_ago))
        self.installation.execute(rate_limits.delete())
        self.mailbox.day_passed()
        self.own_token = None

    def has_joined(self, device: str | None) -> None:
        """Note that she has chosen her password, which is now the one that opens the account."""
        self.is_member, self.device = True, device
        self.mailbox.account_changed()
        self.assert_owner_is_in()

    def verify(self, code: str, *, with_token: bool) -> httpx2.Response:
        """With the token of her own registration, if she has one and likes; else with the password."""
        if with_token and self.own_token is not None:
            return self.flows.verify(code, None, registration_token=self.own_token)
        return self.flows.verify(code, OWNER)

    def enter(self, mail: CodeMail, *, with_token: bool) -> bool:
        """Enter the code of a mail, and tell whether it worked: exactly if its purpose is not gone."""
        self.forget_sources()
        if mail.kind is Kind.VERIFICATION:
            must_work = not self.is_member and not self.is_invited
            response = self.verify(mail.code, with_token=with_token)
        elif mail.kind is Kind.INVITATION:
            must_work = not self.is_member
            response = self.flows.accept(mail.code, OWNER)
        else:
            must_work = self.mailbox.must_reset(mail)
            if not must_work:
                self.mailbox.reset_guessed()
            response = self.flows.reset(self.email, mail.code, OWNER)
        assert (response.status_code == 200) == must_work, (mail, response.text)
        if not must_work:
            assert response.json()["code"] == "invalid_code", response.text
            return False
        self.has_joined(response.json()["device_token"])
        return True

    def ask(self) -> None:
        """Ask for a mail, by the way of her state."""
        self.forget_sources()
        if self.is_member:
            assert self.flows.ask_for_reset(self.email).status_code == 202
        else:
            self.own_token = self.register(OWNER)

    def enter_newest(self) -> bool:
        """Enter the newest code of the kind that she has asked for."""
        awaited = Kind.RESET if self.is_member else Kind.INVITATION if self.is_invited else Kind.VERIFICATION
        return self.enter(self.mailbox.codes(awaited)[-1], with_token=True)

    def asks_and_enters(self) -> None:
        """Get in within one mail."""
        self.ask()
        assert self.enter_newest()

    def assert_owner_is_in(self) -> None:
        """Log in with her password, from the device that the code has made known."""
        self.forget_sources()
        device = {} if self.device is None else {"device_token": self.device}
        if self.device is None:
            self.forget(LimitKey.of(LOGIN_UNKNOWN_DEVICES, self.email))
        body = {"email": self.email, "password": OWNER, **device}
        assert self.flows._send("POST", f"{AUTH}/token", body).status_code == 200

    def assert_attacker_is_out(self, phrase: str) -> None:
        """Log in with a phrase; not as one of too many, because then a right password is rejected, too."""
        self.forget_sources()
        self.forget(LimitKey.of(LOGIN_UNKNOWN_DEVICES, self.email))
        assert self.flows.log_in(self.email, phrase).status_code == 401

    def teardown(self) -> None:
        """Check that the owner needs one more mail to sign in."""
        if not hasattr(self, "email"):
            return
        self.asks_and_enters()
        for phrase in ATTACKER_PASSWORDS:
            self.assert_attacker_is_out(phrase)


def test_the_owner_of_an_address_can_log_in_and_attackers_cannot(
    flows: Flows, installation: Installation, people: People
) -> None:
    class Machine(Ownership):
        pass

    Machine.installation, Machine.flows, Machine.admin_email = installation, flows, people.admin.email
    Machine.claimants = [flows.join(unique("attacker"), phrase) for phrase in ATTACKER_PASSWORDS]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=16,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
