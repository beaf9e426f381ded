"""The rules of changing an email address: the password requests it, the new address's mail confirms it."""

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import InvalidCodeError, Purpose
from doorward_auth.one_time_codes.guesses import CodeGuesses, by_account_and_mailbox
from doorward_auth.password_check.service import PasswordCheck
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import (
    EMAIL_CHANGE_MAILS,
    EMAIL_CHANGE_SURPLUS,
    EMAIL_CHANGES,
    MAILS_BY_SOURCE,
)
from doorward_auth.registration.policy import AddressPolicy
from doorward_client.errors import DoorwardError
from doorward_client.request_context import current_address
from doorward_client.tokens import Claims
from doorward_identity.account_changes import AccountChange, follow_up
from doorward_identity.accounts import EmailTakenError
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.emails import email_key, mailbox_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.resources import IdentityResources
from doorward_kit.rate_limiting.limits import LimitKey

log = structlog.get_logger(__name__)


class EmailChangeService:
    """Changes addresses, and notifies the old one."""

    def __init__(  # noqa: PLR0913 - what the rules work with
        self,
        resources: IdentityResources,
        passwords: PasswordCheck,
        policy: AddressPolicy,
        limiter: AuthRateLimiter,
        guesses: CodeGuesses,
        mail: AccountMailSender,
        *,
        token_seconds: int,
    ) -> None:
        self._database = resources.database
        self._revocations = resources.revocation_poller
        self._token_seconds = token_seconds
        self._passwords = passwords
        self._policy = policy
        self._limiter = limiter
        self._guesses = guesses
        self._mail = mail

    async def request(self, caller: Claims, email: str, password: str, locale: str) -> None:
        """Mail a code to the new address, unless an account has it: the answer is the same.

        Mails that others have sent to the mailbox never reject this request; only the caller's own requests
        are limited. Raises DomainNotAllowedError, MailNotConfiguredError, TooManyAttemptsError,
        InvalidCredentialsError.
        """
        key = email_key(email)
        self._policy.require_domain(key)
        self._mail.require_transport()
        attempt = await self._passwords.compare_own(caller, password)
        me = caller.user_id
        limits = [
            LimitKey.of(EMAIL_CHANGES, me),
            LimitKey.of_source(MAILS_BY_SOURCE, current_address()),
        ]

        def work(connection: sa.Connection) -> DoorwardError | None:
            account = attempt.conclude(connection)
            if isinstance(account, DoorwardError):
                return account
            self._limiter.acquire(connection, limits)
            require_unchanged_account(connection, caller)
            # Codes of other addresses are deleted here and not by the next mail: that no mail follows must
            # not show.
            codes.delete_sent_elsewhere(connection, me, Purpose.EMAIL, email)
            is_within = self._limiter.spend(connection, LimitKey.of(EMAIL_CHANGE_MAILS, mailbox_key(key)))
            surplus = LimitKey.of(EMAIL_CHANGE_SURPLUS, f"{me}:{mailbox_key(key)}")
            is_sent = self._limiter.spend(connection, surplus, is_counted=not is_within) or is_within
            is_taken = account_repository.is_email_taken(connection, key)
            enqueue_mail(
                connection,
                MailName.EMAIL_CHANGE,
                email if is_sent and not is_taken else None,
                locale=locale,
                user_id=me,
                email=email,
                **({} if is_within else {"is_surplus": True}),
            )
            record(connection, AuditAction.EMAIL_CHANGE_ASKED, actor=me, target=me)
            return None

        await self._database.write_outcome(work)
        self._mail.wake()

    async def confirm(self, caller: Claims, pin: str) -> None:
        """Change the address to the one that the code was mailed to; the caller's other sessions end.

        Raises TooManyAttemptsError; InvalidCodeError, also if another account has the address by now;
        DomainNotAllowedError, if its domain has ceased to be allowed since.
        """
        me = caller.user_id

        def work(connection: sa.Connection) -> DoorwardError | None:
            account = account_repository.lock_by_id(connection, me)
            require_unchanged_account(connection, caller)
            mailed_to = [code.sent_to for code in codes.find_for(connection, me, Purpose.EMAIL)]
            counted_by = by_account_and_mailbox(me, *mailed_to)
            stored = self._guesses.check(connection, me, Purpose.EMAIL, pin, counted_by=counted_by)
            if account is None or stored is None:
                record(connection, AuditAction.EMAIL_CHANGE_FAILED, actor=me, target=me)
                return InvalidCodeError()
            self._policy.require_domain(email_key(stored.sent_to))
            codes.delete(connection, me)
            try:
                account_repository.set_email(connection, me, stored.sent_to, email_key(stored.sent_to))
            except EmailTakenError:
                # Without a reason, because users read their events: who has the address is not told.
                record(connection, AuditAction.EMAIL_CHANGE_FAILED, actor=me, target=me)
                return InvalidCodeError()
            follow_up(
                connection,
                AccountChange.EMAIL_CHANGED,
                account.as_owner,
                token_seconds=self._token_seconds,
                keep_session=caller.session_id,
            )
            record(connection, AuditAction.EMAIL_CHANGED, actor=me, target=me)
            return None

        await self._database.write_outcome(work)
        self._revocations.wake()
        self._mail.wake()
        log.info("email.changed", user_id=str(caller.user_id))
