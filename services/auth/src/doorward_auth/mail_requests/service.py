"""Enqueues the mail that anyone can ask for by naming an address."""

import uuid
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.mail_requests.address_states import MAILS, AddressState, MailRequest, state_of
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Form, Purpose
from doorward_auth.rate_limiting.algorithms import FixedWindow
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.rate_limiting.limits import (
    ALIAS_MAILS,
    MAILS_BY_SOURCE,
    REGISTRATION_MAILS,
    RESET_MAILS,
    SURPLUS_MAILS,
    LimitKey,
)
from doorward_client.request_context import current_address
from doorward_identity.emails import mailbox_key
from doorward_identity.mail_types import MailName, enqueue_mail

_LIMITS: Final[dict[MailRequest, FixedWindow]] = {
    MailRequest.REGISTRATION: REGISTRATION_MAILS,
    MailRequest.RESET: RESET_MAILS,
}
_VALID_FOR: Final = timedelta(hours=1)
"""An earlier code that expires sooner is no reason to send none."""

_NO_USER: Final = uuid.UUID(int=0)


class MailRequests:
    """One way for every mail that is sent without a login, so that none can be told from another.

    Whatever the address is, the same statements run, and a mail or a decoy is enqueued.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    def check(self, connection: sa.Connection) -> None:
        """Raise TooManyAttemptsError while the caller must wait; spares the work before `enqueue`."""
        self._limiter.check(connection, _of_caller())

    def enqueue(
        self, connection: sa.Connection, request: MailRequest, email: str, email_key: str, locale: str
    ) -> Account | None:
        """Enqueue the mail that `address_states.MAILS` calls for; return the account of the address.

        To be called first in its transaction. The limits of an address drop a mail and refuse nobody.
        Raises TooManyAttemptsError for the caller's own.
        """
        self._limiter.acquire(connection, _of_caller())
        account = account_repository.find_by_email(connection, email_key)
        user_id = _NO_USER if account is None else account.id
        stored = codes.find(connection, user_id)
        proof = registration_codes.find_by_email(connection, email_key)
        state = state_of(account, next((code for code in stored if code.purpose is Purpose.INVITATION), None))
        # Mails of other states carry no code that could have expired.
        recipient = email if account is None else account.email
        is_valid: dict[MailName | None, bool] = {
            MailName.VERIFY_EMAIL: proof is not None and proof.is_live_for(_VALID_FOR),
            MailName.PASSWORD_RESET: any(
                (code.purpose, code.form) == (Purpose.RESET, Form.LONG)
                and code.sent_to == recipient
                and code.is_live_for(_VALID_FOR)
                for code in stored
            ),
        }
        is_within = self._limiter.try_acquire(connection, [LimitKey.of(_LIMITS[request], email_key)])
        name = MAILS[state][request]
        if not is_within:
            surplus = LimitKey.of(SURPLUS_MAILS, f"{request}:{email_key}")
            if not self._limiter.try_acquire(connection, [surplus]) or is_valid.get(name, True):
                name = None
        if not self._is_within_alias_limit(connection, state, email_key) or not email_key:
            name = None
        # Nobody is told a name but the account's own user.
        enqueue_mail(
            connection,
            name or MAILS[AddressState.ACTIVE][request] or MailName.VERIFY_EMAIL,
            None if name is None else recipient,
            locale=locale,
            name="" if account is None else account.name,
            user_id=user_id,
            email_key=email_key,
            is_reminder=True,
            is_surplus=not is_within,
        )
        return account

    def _is_within_alias_limit(self, connection: sa.Connection, state: AddressState, key: str) -> bool:
        mailbox = mailbox_key(key)
        is_within = self._limiter.try_acquire(connection, [LimitKey.of(ALIAS_MAILS, mailbox)])
        # Accounts are exempt, or strangers could spend what their owners need.
        return is_within or mailbox == key or state is not AddressState.UNKNOWN


def _of_caller() -> list[LimitKey]:
    return [LimitKey.of_source(MAILS_BY_SOURCE, current_address())]
