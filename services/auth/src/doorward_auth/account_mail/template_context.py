"""The variables of mails, computed just before each attempt to send.

Codes are derived here, so none is stored in clear, and a mail that is sent twice carries the same code.
"""

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import (
    LONG_CODE_SECONDS,
    LONG_CODES,
    PIN_SECONDS,
    CodeForm,
    InvitationCode,
    Purpose,
    VerificationCode,
    derive,
    pin_of,
)
from doorward_auth.one_time_codes.guesses import CodeGuesses, by_account_and_mailbox
from doorward_client.keys.key_store import KeyStore
from doorward_identity.emails import email_key
from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import Variables
from doorward_mail.outbox.leases import LeasedMail

INVITATION_SECONDS: Final = 7 * 86_400
_PROVIDER: Final = re.compile(r"[a-z0-9_-]{1,32}")
_SECONDS: Final = {CodeForm.PIN: PIN_SECONDS, CodeForm.LONG: LONG_CODE_SECONDS}


class MailTemplateContext:
    """The hooks; each runs in a transaction, and drops a mail whose purpose is gone."""

    def __init__(
        self,
        keys: KeyStore,
        guesses: CodeGuesses,
        *,
        frontend_url: str | None,
        upstream_titles: Mapping[str, str] | None = None,
    ) -> None:
        self._upstream_titles = upstream_titles or {}
        self._keys = keys
        self._guesses = guesses
        self._frontend_url = frontend_url

    def verify_email(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Give the code of an address, unless an account has it by now."""
        recipient = mail.recipient or ""
        if account_repository.is_email_taken(connection, email_key(recipient)):
            return None
        stored = registration_codes.renew(connection, recipient)
        code = VerificationCode.of(self._keys.secrets[0], stored.id, stored.seed)
        return {"code": TrustedText(code), "link": self._link("verify-email", code)}

    def invitation(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Give the code of an invitation; an invited user's own reminder does not extend it."""
        account = self._lock_active(connection, mail)
        if account is None or account.password_hash is not None or account.email != mail.recipient:
            return None
        stored = codes.find_for(connection, account.id, Purpose.INVITATION)
        if stored and "is_reminder" in mail.parameters:
            if not stored[0].is_live or stored[0].sent_to != account.email:
                return None
            seed, days = stored[0].seed, math.ceil((stored[0].expires_at - stored[0].now) / timedelta(days=1))
        else:
            days = INVITATION_SECONDS // 86_400
            seed = codes.renew(
                connection,
                account.id,
                Purpose.INVITATION,
                CodeForm.LONG,
                seconds=INVITATION_SECONDS,
                sent_to=account.email,
            )
        code = InvitationCode.of(self._keys.secrets[0], account.id, seed)
        return {"code": TrustedText(code), "link": self._link("accept-invitation", code), "days": days}

    def password_reset(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Give the code of a reset, unless the account has another address by now."""
        account = self._lock_active(connection, mail)
        if account is None or not account.is_verified or account.email != mail.recipient:
            return None
        counted_by = [email_key(account.email)]
        return self._code(connection, account, Purpose.RESET, account.email, mail, counted_by)

    def email_change(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Give the code that confirms a new address, unless another account has it by now."""
        email = mail.parameters["email"]
        account = self._lock_active(connection, mail)
        if account is None or account_repository.is_email_taken(connection, email_key(email)):
            return None
        counted_by = by_account_and_mailbox(account.id, email)
        return self._code(connection, account, Purpose.EMAIL, email, mail, counted_by)

    def email_proof(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Give the code that proves the address of an account, unless it is proven or replaced by now."""
        account = self._lock_active(connection, mail)
        if account is None or account.is_verified or account.email != mail.recipient:
            return None
        counted_by = [str(account.id), email_key(account.email)]
        return self._code(connection, account, Purpose.PROOF, account.email, mail, counted_by)

    def about_upstream(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Name the upstream as the pages do; one that is no longer in the settings has its name there."""
        provider = mail.parameters["provider"]
        if not _PROVIDER.fullmatch(provider):
            return None
        title = TrustedText(self._upstream_titles.get(provider, provider))
        return {"provider": title, **(self.plain(connection, mail) or {})}

    def plain(self, _connection: sa.Connection, _mail: LeasedMail) -> Variables | None:
        """Give mails without a code the application's URL."""
        return {"link": None if self._frontend_url is None else TrustedText(self._frontend_url)}

    def _code(
        self,
        connection: sa.Connection,
        account: Account,
        purpose: Purpose,
        sent_to: str,
        mail: LeasedMail,
        counted_by: Sequence[str],
    ) -> Variables:
        form = self._guesses.form_to_mail(connection, purpose, counted_by)
        if "is_surplus" in mail.parameters:
            form = CodeForm.LONG
        seconds = _SECONDS[form]
        seed = codes.renew(connection, account.id, purpose, form, seconds=seconds, sent_to=sent_to)
        secret = self._keys.secrets[0]
        if form is CodeForm.PIN:
            code = pin_of(derive(secret, purpose, account.id, seed))
        else:
            code = str(LONG_CODES[purpose].of(secret, account.id, seed))
        return {"pin": TrustedText(code), "minutes": seconds // 60}

    @staticmethod
    def _lock_active(connection: sa.Connection, mail: LeasedMail) -> Account | None:
        account = account_repository.lock_by_id(connection, uuid.UUID(mail.parameters["user_id"]))
        return account if account is not None and account.is_active else None

    def _link(self, page: str, code: object) -> TrustedText | None:
        # From settings alone: a Host header would let a stranger choose where the link leads.
        return None if self._frontend_url is None else TrustedText(f"{self._frontend_url}/{page}?code={code}")


def sample_code() -> TrustedText:
    """Make a code to try templates with."""
    return TrustedText(VerificationCode.issue(uuid7s.uuid7()))
