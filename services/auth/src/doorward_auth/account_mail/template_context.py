"""The variables of mails, computed just before each attempt to send: codes are made and their hashes stored.

So no code is stored in clear, and a mail that is retried carries a new one.
"""

import uuid
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import (
    PIN_SECONDS,
    InvitationCode,
    Purpose,
    VerificationCode,
    hash_pin,
    new_pin,
)
from doorward_auth.registration import repository as registrations
from doorward_client.keys.key_store import KeyStore
from doorward_identity.emails import email_key
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.templates import Variables

INVITATION_SECONDS: Final = 7 * 86_400
_MINUTES: Final = PIN_SECONDS // 60


class MailTemplateContext:
    """The hooks; each runs in a transaction, and drops a mail whose purpose is gone."""

    def __init__(self, keys: KeyStore, *, frontend_url: str | None) -> None:
        self._keys = keys
        self._frontend_url = frontend_url

    def verify_email(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Make the code of a registration."""
        registration_id = uuid.UUID(mail.parameters["registration_id"])
        code = VerificationCode.issue(registration_id)
        if registrations.set_code(connection, registration_id, code.hash()) is None:
            return None
        return {"code": str(code), "link": self._link("verify-email", code)}

    def invitation(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Make the code of an invitation."""
        user_id = uuid.UUID(mail.parameters["user_id"])
        if not self._is_active(connection, user_id):
            return None
        code = InvitationCode.issue(user_id)
        codes.store(
            connection,
            user_id,
            Purpose.INVITATION,
            code.hash(),
            seconds=INVITATION_SECONDS,
            sent_to=mail.recipient,
        )
        return {"code": str(code), "link": self._link("accept-invitation", code), "days": 7}

    def password_reset(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Make the PIN of a reset."""
        user_id = uuid.UUID(mail.parameters["user_id"])
        if not self._is_active(connection, user_id):
            return None
        return self._pin(connection, user_id, Purpose.RESET, mail.recipient)

    def email_change(self, connection: sa.Connection, mail: LeasedMail) -> Variables | None:
        """Make the PIN that confirms a new address, unless another account has it by now."""
        user_id, email = uuid.UUID(mail.parameters["user_id"]), mail.parameters["email"]
        if not self._is_active(connection, user_id) or account_repository.is_email_taken(
            connection, email_key(email)
        ):
            return None
        return self._pin(connection, user_id, Purpose.EMAIL, email)

    def plain(self, _connection: sa.Connection, _mail: LeasedMail) -> Variables | None:
        """Give mails without a code the application's URL."""
        return {"link": self._frontend_url}

    def _pin(
        self, connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose, sent_to: str | None
    ) -> Variables | None:
        pin = new_pin()
        hashed = hash_pin(self._keys.secrets[0], purpose, user_id, pin)
        codes.store(connection, user_id, purpose, hashed, seconds=PIN_SECONDS, sent_to=sent_to)
        return {"pin": pin, "minutes": _MINUTES}

    def _is_active(self, connection: sa.Connection, user_id: uuid.UUID) -> bool:
        account = account_repository.lock_by_id(connection, user_id)
        return account is not None and account.is_active

    def _link(self, page: str, code: object) -> str | None:
        # From settings alone: a Host header would let a stranger choose where the link leads.
        return None if self._frontend_url is None else f"{self._frontend_url}/{page}?code={code}"


def sample_code() -> str:
    """Make a code to try templates with."""
    return str(VerificationCode.issue(uuid7s.uuid7()))
