"""The rules of changing an address: who has the password asks, who reads the new mail confirms."""

import sqlalchemy as sa
import structlog

from doorward_auth.account_mail.sender import MailSender
from doorward_auth.email_change import repository
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Purpose, is_pin
from doorward_auth.one_time_codes.errors import InvalidCodeError
from doorward_auth.passwords import repository as passwords
from doorward_auth.passwords.authentication import PasswordAuthenticator
from doorward_auth.rate_limiting.limits import CODE_GUESSES, MAILS_BY_SOURCE, MAILS_TO_ADDRESS, Subject
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_client.request_context import current_address
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.emails import email_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)


class EmailChangeService:
    """Changes addresses. The one before is told."""

    def __init__(
        self,
        runtime: IdentityResources,
        proofs: PasswordAuthenticator,
        throttle: RateLimiter,
        mail: MailSender,
    ) -> None:
        self._database = runtime.database
        self._throttle = throttle
        self._keys = runtime.verification.keys
        self._proofs = proofs
        self._mail = mail

    async def ask(self, caller: Claims, email: str, password: str, locale: str) -> None:
        """Mail a code to the new address; to one that an account has, nothing, which is not told.

        Raises TooManyAttemptsError, InvalidCredentialsError.
        """
        await self._proofs.prove_own(caller, password)
        key = email_key(email)
        me = caller.user_id
        budgets = [
            Subject.of(MAILS_TO_ADDRESS, key),
            Subject.of_source(MAILS_BY_SOURCE, current_address()),
        ]
        await self._throttle.claim(budgets)

        def work(connection: sa.Connection) -> None:
            require_unchanged_account(connection, caller)
            # The code before dies here, and not with the next mail: that none comes must not tell.
            codes.delete(connection, me, Purpose.EMAIL)
            recipient = None if repository.is_taken(connection, key) else email
            enqueue_mail(connection, MailName.EMAIL_CHANGE, recipient, locale=locale, user_id=me, email=email)
            record(connection, AuditAction.EMAIL_CHANGE_ASKED, actor=me, target=me)

        await self._database.write(work)
        self._mail.wake()

    async def confirm(self, caller: Claims, pin: str) -> None:
        """Change the address to the one that the code was mailed to.

        Raises InvalidCodeError, also when somebody else has got the address meanwhile, and
        TooManyAttemptsError.
        """
        me = caller.user_id
        await self._throttle.claim([Subject.of(CODE_GUESSES, me)])

        def work(connection: sa.Connection) -> bool:
            owner = passwords.lock_owner(connection, me)
            require_unchanged_account(connection, caller)
            stored = codes.take_guess(connection, me, Purpose.EMAIL)
            secrets = self._keys.secrets
            is_right = stored is not None and is_pin(stored.code_hash, secrets, Purpose.EMAIL, me, pin)
            if owner is None or stored is None or stored.sent_to is None or not is_right:
                return False
            codes.delete(connection, me)
            if not repository.set_email(connection, me, stored.sent_to, email_key(stored.sent_to)):
                return False
            record(connection, AuditAction.EMAIL_CHANGED, actor=me, target=me)
            enqueue_mail(connection, MailName.EMAIL_CHANGED, owner.email, name=owner.name)
            return True

        # Raised here, behind the commit: the guess stays used.
        if not await self._database.write(work):
            raise InvalidCodeError
        self._mail.wake()
        log.info("email.changed", user_id=str(caller.user_id))
