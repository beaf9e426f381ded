"""Enqueues the mail that anyone can ask for by naming an address."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.mail_requests.address_states import MAILS, AddressState, MailRequest, state_of
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import CodeForm, Purpose
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import (
    MAILBOX_MAILS,
    MAILS_BY_SOURCE,
    REGISTRATION_MAILS,
    RESET_MAILS,
    SURPLUS_MAILS,
)
from doorward_client.request_context import current_address
from doorward_identity.emails import mailbox_key, spelling_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_kit.rate_limiting.limits import LimitKey

_DECOYS: Final = {
    MailRequest.REGISTRATION: MailName.ALREADY_REGISTERED,
    MailRequest.RESET: MailName.PASSWORD_RESET,
}
_VALID_FOR: Final = timedelta(hours=1)
"""An earlier code that expires sooner is no reason to send none."""


class MailRequests:
    """Handles every request for a mail that needs no login, so that observers cannot tell the cases apart.

    Whatever the address is, the same statements run, and a mail or a decoy is enqueued.
    """

    def __init__(self, limiter: AuthRateLimiter) -> None:
        self._limiter = limiter

    def check(self, connection: sa.Connection) -> None:
        """Raise TooManyAttemptsError while the caller must wait; spares the work before `enqueue`."""
        self._limiter.check(connection, _caller_keys())

    def enqueue(
        self, connection: sa.Connection, request: MailRequest, email: str, email_key: str, locale: str
    ) -> Account | None:
        """Enqueue the mail that `address_states.MAILS` calls for; return the account of the address.

        To be called first in its transaction. A mail past the limit of its address is dropped, and the
        request accepted. Raises TooManyAttemptsError past the caller's own limit.
        """
        self._limiter.acquire(connection, _caller_keys())
        account = account_repository.find_by_email(connection, email_key)
        user_id = account_repository.NO_USER if account is None else account.id
        stored = codes.find(connection, user_id)
        proof = registration_codes.find_by_email(connection, email)
        state = state_of(account, next((code for code in stored if code.purpose is Purpose.INVITATION), None))
        # Mails of other states carry no code that could have expired.
        recipient = email if account is None else account.email
        name = MAILS[state][request]
        limit, surplus = _limits_of(request, name, recipient)
        is_within_kind = self._limiter.spend(connection, limit)
        is_within_mailbox = self._spend_of_mailbox(connection, email_key, name, is_counted=is_within_kind)
        is_within = is_within_kind and is_within_mailbox
        # Spending it while a code is valid costs the owner nothing: the code is there.
        is_free = self._limiter.spend(connection, surplus, is_counted=not is_within)
        is_valid: dict[MailName | None, bool] = {
            MailName.VERIFY_EMAIL: proof is not None and proof.is_live_for(_VALID_FOR),
            # Its first mail was an administrator's, and may be long ago.
            MailName.INVITATION: not is_within_kind,
            MailName.PASSWORD_RESET: any(
                (code.purpose, code.form) == (Purpose.RESET, CodeForm.LONG)
                and code.sent_to == recipient
                and code.is_live_for(_VALID_FOR)
                for code in stored
            ),
        }
        if not is_within:
            # A mailbox has any number of tags, so they have no surplus, except the addresses of accounts.
            is_alias = state is AddressState.UNKNOWN and mailbox_key(email_key) != email_key
            is_needed = not is_valid.get(name, True) and (is_within_mailbox or not is_alias)
            name = name if is_free and is_needed else None
        if not email_key:
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

    def _spend_of_mailbox(
        self, connection: sa.Connection, email_key: str, name: MailName | None, *, is_counted: bool
    ) -> bool:
        """Count a mail to a mailbox, and tell whether its limit was not reached before."""
        is_limited = name not in {MailName.PASSWORD_RESET, None}
        limit = LimitKey.of(MAILBOX_MAILS, mailbox_key(email_key))
        return self._limiter.spend(connection, limit, is_counted=is_counted and is_limited) or not is_limited


def _limits_of(request: MailRequest, name: MailName | None, address: str) -> tuple[LimitKey, LimitKey]:
    """Return the limits of a mail to an address, and past it.

    By the mail: what strangers had sent while an address had another state costs its owner nothing now. And
    by spelling, as the codes: two mailboxes can have one key.
    """
    limit = RESET_MAILS if (name or _DECOYS[request]) is MailName.PASSWORD_RESET else REGISTRATION_MAILS
    # A request that calls for no mail spends none of those that a later state calls for.
    subject = f"{name or request}:{spelling_key(address)}"
    return LimitKey.of(limit, subject), LimitKey.of(SURPLUS_MAILS, subject)


def _caller_keys() -> list[LimitKey]:
    return [LimitKey.of_source(MAILS_BY_SOURCE, current_address())]
