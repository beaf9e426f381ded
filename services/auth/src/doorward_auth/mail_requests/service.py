"""Enqueues the mail that anyone can ask for by naming an address."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.mail_requests.address_states import MAILS, AddressState, MailRequest, state_of
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Form, Purpose
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.rate_limiting.limits import (
    ALIAS_MAILS,
    MAILS_BY_SOURCE,
    REGISTRATION_MAILS,
    RESET_MAILS,
    SURPLUS_MAILS,
)
from doorward_client.request_context import current_address
from doorward_identity.emails import mailbox_key, spelling_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_kit.rate_limiting.keys import LimitKey

_DECOYS: Final = {
    MailRequest.REGISTRATION: MailName.ALREADY_REGISTERED,
    MailRequest.RESET: MailName.PASSWORD_RESET,
}
_VALID_FOR: Final = timedelta(hours=1)
"""An earlier code that expires sooner is no reason to send none."""


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
        user_id = account_repository.NO_USER if account is None else account.id
        stored = codes.find(connection, user_id)
        proof = registration_codes.find_by_email(connection, email)
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
        name = MAILS[state][request]
        limit, surplus = _limits_of(request, name, recipient)
        if not (is_within := self._limiter.spend(connection, limit)):
            # Spending it while a code is valid costs the owner nothing: the code is there.
            is_free = self._limiter.spend(connection, surplus)
            name = name if is_free and not is_valid.get(name, True) else None
        # Accounts are exempt, or strangers could spend what their owners need.
        counts = name is not None and state is AddressState.UNKNOWN
        if not self._is_within_alias_limit(connection, email_key, counts=counts) or not email_key:
            name = None
        enqueue_mail(
            connection,
            name or _DECOYS[request],
            None if name is None else recipient,
            locale=locale,
            user_id=user_id,
            is_reminder=True,
            **({} if is_within else {"is_surplus": True}),
        )
        return account

    def forget_resets(self, connection: sa.Connection, account: Account) -> None:
        """Give an address its mails back whose owner has just entered the code of one."""
        self._limiter.forget(
            connection, _limits_of(MailRequest.RESET, MailName.PASSWORD_RESET, account.email)
        )

    def _is_within_alias_limit(self, connection: sa.Connection, key: str, *, counts: bool) -> bool:
        mailbox = mailbox_key(key)
        is_limited = counts and mailbox != key
        limit = LimitKey.of(ALIAS_MAILS, mailbox)
        return self._limiter.spend(connection, limit, is_counted=is_limited) or not is_limited


def _limits_of(request: MailRequest, name: MailName | None, address: str) -> tuple[LimitKey, LimitKey]:
    """Return the limits of a mail to an address, and past it.

    By the mail: what strangers had sent while an address had another state costs its owner nothing now. And
    by spelling, as the codes: two mailboxes can have one key.
    """
    limit = RESET_MAILS if (name or _DECOYS[request]) is MailName.PASSWORD_RESET else REGISTRATION_MAILS
    # A request that calls for no mail spends none of those that a later state calls for.
    subject = f"{name or request}:{spelling_key(address)}"
    return LimitKey.of(limit, subject), LimitKey.of(SURPLUS_MAILS, subject)


def _of_caller() -> list[LimitKey]:
    return [LimitKey.of_source(MAILS_BY_SOURCE, current_address())]
