"""Whatever strangers do with an address, its owner gets in with a password of her own, and they do not.

An owner and two strangers do everything that needs no login, in every order that Hypothesis finds; an
administrator invites, and time passes.
"""

import re
from typing import Final

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

from doorward_auth.rate_limiting.limits import CODES_BY_SOURCE, LOGIN_BY_SOURCE, MAILS_BY_SOURCE
from doorward_identity.tables import one_time_codes, pending_registrations, rate_limits, registration_codes
from doorward_kit.rate_limiting.keys import LimitKey
from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People
from integration.self_service.database_rows import LONG_AGO
from integration.self_service.flows import Flows, unique

pytestmark = pytest.mark.databases("sqlite")  # one request at a time; test_races has several at once

OWNER: Final = "the owner's own phrase"
STRANGERS: Final = ("a stranger's phrase, no. 1", "a stranger's phrase, no. 2")
SOURCE_LIMITS: Final = (CODES_BY_SOURCE, LOGIN_BY_SOURCE, MAILS_BY_SOURCE)
CODE: Final = re.compile(r"\b(dw[vic]_)[A-Za-z0-9_-]{64}(?![A-Za-z0-9_-])")
PIN: Final = re.compile(r"^ *([0-9]{6})$", re.MULTILINE)
strangers = st.sampled_from([0, 1])


class Ownership(RuleBasedStateMachine):
    """One address, of which only the owner reads the mail."""

    installation: Installation
    flows: Flows
    admin_email: str

    @initialize()
    def begin(self) -> None:
        self.email = unique("owner")
        self.tokens: list[str] = []
        self.own_token: str | None = None
        self.is_member = False
        self.is_invited = False
        self.device: str | None = None

    def forget_sources(self) -> None:
        """Strangers have as many addresses as they like, so the limits of one bound nothing."""
        sources = [LimitKey.of_source(limit, "0.0.0.0").hash for limit in SOURCE_LIMITS]
        self.installation.execute(rate_limits.delete().where(rate_limits.c.key_hash.in_(sources)))

    def register(self, password: str) -> str:
        self.forget_sources()
        response = self.flows.register(self.email, password)
        assert response.status_code == 202, response.text
        return str(response.json()["registration_token"])

    # What strangers do.

    @rule(who=strangers)
    def stranger_registers(self, who: int) -> None:
        self.tokens.append(self.register(STRANGERS[who]))

    @rule()
    def stranger_asks_for_the_mail_again(self) -> None:
        self.forget_sources()
        assert self.flows.resend(self.email).status_code == 202

    @rule(times=st.integers(1, 12))
    def stranger_asks_for_resets(self, times: int) -> None:
        for _ in range(times):
            self.forget_sources()
            assert self.flows.ask_for_reset(self.email).status_code == 202

    @rule(times=st.integers(1, 7), who=strangers)
    def stranger_guesses_codes(self, times: int, who: int) -> None:
        for number in range(times):
            self.forget_sources()
            assert self.flows.reset(self.email, f"{number:06d}", STRANGERS[who]).status_code == 400
            made_up = "dwv_" + "A" * 64
            assert self.flows.verify(made_up, STRANGERS[who]).status_code == 400

    @rule(times=st.integers(1, 8), who=strangers)
    def stranger_logs_in(self, times: int, who: int) -> None:
        for _ in range(times):
            self.forget_sources()
            assert self.flows.log_in(self.email, STRANGERS[who]).status_code in {401, 429}

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

    @rule(choice=st.data())
    def owner_enters_a_code_of_her_mailbox(self, choice: st.DataObject) -> None:
        mails = self.mails_with_codes()
        if mails:
            self.enter(choice.draw(st.sampled_from(mails)))

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
        self.flows.mailbox.empty()

    def mails_with_codes(self) -> list[str]:
        texts = [mail.text for mail in self.flows.mailbox.to(self.email)]
        return [text for text in texts if CODE.search(text) or PIN.search(text)]

    def enter(self, text: str) -> bool:
        """Enter the code of a mail; it works unless its purpose is gone, or a PIN was guessed at."""
        self.forget_sources()
        code, pin = CODE.search(text), PIN.search(text)
        if code is not None and code[1] == "dwv_":
            response = self.flows.verify(code[0], OWNER)
            is_expected = not self.is_member and not self.is_invited
        elif code is not None and code[1] == "dwi_":
            response = self.flows.accept(code[0], OWNER)
            is_expected = not self.is_member
        else:
            assert code is not None or pin is not None
            response = self.flows.reset(self.email, code[0] if code else pin[1] if pin else "", OWNER)
            is_expected = False  # used, or replaced after a password change, or guessed at
        if response.status_code == 200:
            self.is_member, self.device = True, response.json()["device_token"]
            return True
        assert not is_expected, response.text
        assert response.json()["code"] == "invalid_code", response.text
        return False

    def asks_and_enters(self) -> bool:
        """Ask for a mail and enter the newest code of the mailbox; tell whether it was right."""
        self.forget_sources()
        if self.is_member:
            assert self.flows.ask_for_reset(self.email).status_code == 202
        else:
            self.own_token = self.register(OWNER)
        return self.enter(self.mails_with_codes()[-1])

    def teardown(self) -> None:
        """She asks for one mail, or for two where the PIN of the first was guessed at, and is in."""
        if not hasattr(self, "email"):
            return
        assert self.asks_and_enters() or self.asks_and_enters()
        self.forget_sources()
        body = {"email": self.email, "password": OWNER, "device_token": self.device}
        assert self.flows._send("POST", "/api/v1/auth/token", body).status_code == 200
        for phrase in STRANGERS:
            self.forget_sources()
            assert self.flows.log_in(self.email, phrase).status_code in {401, 429}


def test_owner_of_an_address_gets_in_and_strangers_do_not(
    flows: Flows, installation: Installation, people: People
) -> None:
    class Machine(Ownership):
        pass

    Machine.installation, Machine.flows, Machine.admin_email = installation, flows, people.admin.email
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=16,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
