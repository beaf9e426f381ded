"""The rules of becoming a user.

Somebody who has not proven the address yet is no user but a registration: several may stand beside each
other, and only who reads the address's mail turns the own one into an account, with the password chosen
with it. Claiming somebody's address first is worth nothing.
"""

import hmac
import uuid
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.account_mail.sender import MailSender
from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.captcha.service import Captcha
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Purpose
from doorward_auth.one_time_codes.errors import InvalidCodeError
from doorward_auth.passwords import repository as passwords
from doorward_auth.passwords.authentication import email_key_or_unknown
from doorward_auth.rate_limiting.limits import CODES_BY_SOURCE, MAILS_BY_SOURCE, MAILS_TO_ADDRESS, Subject
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.registration import repository
from doorward_auth.registration.codes import InvitationCode, VerificationCode
from doorward_auth.registration.errors import DomainNotAllowedError, RegistrationClosedError
from doorward_auth.registration.repository import Pending
from doorward_auth.registration.schemas import Registration
from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_client.request_context import current_address
from doorward_identity.accounts import (
    EmailTakenError,
    NewAccount,
    Status,
    create_account,
    credentials_changed,
)
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import email_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.passwords import require_acceptable
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

VERIFICATION_SECONDS: Final = 86_400


class RegistrationService:
    """Takes registrations, and turns them and invitations into users who can log in."""

    def __init__(
        self,
        runtime: IdentityResources,
        throttle: RateLimiter,
        captcha: Captcha,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._database = runtime.database
        self._hashing = runtime.hashing
        self._throttle = throttle
        self._captcha = captcha
        self._mail = mail
        self._policy = settings.registration
        self._domains = settings.registration_domains

    async def register(self, wanted: Registration, locale: str, captcha: CaptchaToken) -> None:
        """Take a registration and mail its code, or tell the owner of an account that there is one.

        Raises RegistrationClosedError, DomainNotAllowedError, UnacceptablePasswordError,
        TooManyAttemptsError, and as Captcha.require does; never says whether the address is known.
        """
        key = email_key(wanted.email)
        self._require_welcome(key)
        password = wanted.password.get_secret_value()
        require_acceptable(password, email=wanted.email, name=wanted.name)
        budgets = _budgets(key)
        await self._throttle.check(budgets)
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        password_hash = await self._hashing.hash(password)
        await self._throttle.claim(budgets)
        pending = Pending(uuid7s.uuid7(), wanted.email, key, wanted.name, password_hash, None)

        def work(connection: sa.Connection) -> None:
            owner = passwords.find_owner_by_email(connection, key)
            # Also where there is an account: what a login with this password is told must not depend on it.
            # No mail carries its code, so nobody ever proves it.
            repository.insert(connection, pending, seconds=VERIFICATION_SECONDS)
            if owner is None:
                enqueue_mail(
                    connection,
                    MailName.VERIFY_EMAIL,
                    wanted.email,
                    locale=locale,
                    registration_id=pending.id,
                )
            else:
                enqueue_mail(
                    connection, MailName.ALREADY_REGISTERED, owner.email, locale=locale, name=owner.name
                )
            record(connection, AuditAction.REGISTERED, actor=None, target=owner.id if owner else None)

        await self._database.write(work)
        self._mail.wake()

    async def resend(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail a new code for the newest registration of an address.

        Raises TooManyAttemptsError, and as Captcha.require does.
        """
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        key = email_key_or_unknown(email)
        await self._throttle.claim(_budgets(key))

        def work(connection: sa.Connection) -> None:
            newest = repository.find_newest(connection, key)
            pending = None if passwords.find_owner_by_email(connection, key) else newest
            enqueue_mail(
                connection,
                MailName.VERIFY_EMAIL,
                pending.email if pending else None,
                locale=locale,
                registration_id=pending.id if pending else uuid.UUID(int=0),
            )

        await self._database.write(work)
        self._mail.wake()

    async def verify(self, text: str) -> None:
        """Turn the registration that a code is of into a user; raises InvalidCodeError."""
        code = VerificationCode.parse(text)
        if code is None:
            raise InvalidCodeError
        user_id = uuid7s.uuid7()

        def work(connection: sa.Connection) -> bool:
            pending = repository.lock(connection, code.id)
            if pending is None or pending.code_hash is None:
                return False
            if not hmac.compare_digest(pending.code_hash, code.hash()):
                return False
            repository.delete_of_address(connection, pending.email_key)
            account = NewAccount(
                id=user_id,
                email=pending.email,
                name=pending.name,
                is_verified=True,
                password_hash=pending.password_hash,
            )
            try:
                create_account(connection, account)
            except EmailTakenError:
                return False
            record(connection, AuditAction.EMAIL_VERIFIED, actor=user_id, target=user_id)
            return True

        if not await self._database.write(work):
            raise InvalidCodeError
        log.info("account.verified", user_id=str(user_id))

    async def accept(self, text: str, password: str) -> None:
        """Set the first password of an invited user.

        Raises TooManyAttemptsError, InvalidCodeError, UnacceptablePasswordError.
        """
        code = InvitationCode.parse(text)
        if code is None:
            raise InvalidCodeError
        # Nobody guesses such a code, but anybody could make one up and have a hash computed for it.
        await self._throttle.claim([Subject.of_source(CODES_BY_SOURCE, current_address())])
        password_hash = await self._hashing.hash(password)

        def work(connection: sa.Connection) -> bool:
            owner = passwords.lock_owner(connection, code.id)
            # Not counted: nobody guesses 256 bits, and whoever knows the id could use the guesses up.
            stored = codes.find(connection, code.id, Purpose.INVITATION)
            if owner is None or stored is None or owner.status != Status.ACTIVE:
                return False
            is_right = hmac.compare_digest(stored.code_hash, code.hash()) and stored.sent_to == owner.email
            if not is_right or passwords.has_password(connection, owner.id):
                return False
            require_acceptable(password, email=owner.email, name=owner.name)
            passwords.set_hash(connection, owner.id, password_hash)
            credentials_changed(connection, owner.id)
            passwords.mark_verified(connection, owner.id)
            codes.delete(connection, owner.id)
            record(connection, AuditAction.INVITATION_ACCEPTED, actor=owner.id, target=owner.id)
            return True

        if not await self._database.write(work):
            raise InvalidCodeError
        log.info("invitation.accepted", user_id=str(code.id))

    def _require_welcome(self, key: str) -> None:
        if self._policy is RegistrationPolicy.CLOSED:
            raise RegistrationClosedError
        if self._policy is RegistrationPolicy.DOMAINS and key.rpartition("@")[2] not in self._domains:
            raise DomainNotAllowedError


def _budgets(key: str) -> list[Subject]:
    source = Subject.of_source(MAILS_BY_SOURCE, current_address())
    return [Subject.of(MAILS_TO_ADDRESS, key), source]
