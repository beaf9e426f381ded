"""The rules of becoming a user.

An unverified sign-up is a registration, not a user. Several may exist for one address; only the one whose
mailed code is entered becomes the account, with its own password.
"""

import hmac
import uuid
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository, outcomes
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import InvalidCodeError, InvitationCode, Purpose, VerificationCode
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.rate_limiting.limits import (
    CODES_BY_SOURCE,
    MAILS_BY_SOURCE,
    MAILS_TO_ADDRESS,
    LimitKey,
)
from doorward_auth.registration import repository
from doorward_auth.registration.repository import PendingRegistration
from doorward_auth.registration.schemas import RegistrationRequest
from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_client.errors import DoorwardError
from doorward_client.request_context import current_address
from doorward_identity.accounts import EmailTakenError, NewAccount, create_account, credentials_changed
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import email_key, lookup_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.passwords import require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_mail.sender import MailSender

log = structlog.get_logger(__name__)

VERIFICATION_SECONDS: Final = 86_400


class RegistrationClosedError(DoorwardError):
    """403: only an administrator's invitation creates an account."""

    status = 403
    code = "registration_closed"
    detail = "Registration is closed. Ask an administrator for an invitation."


class DomainNotAllowedError(DoorwardError):
    """403 for an address of another domain, whether or not it has an account."""

    status = 403
    code = "email_domain_not_allowed"
    detail = "Addresses of this domain may not register here."


class RegistrationService:
    """Takes registrations, and turns them and invitations into users who can log in."""

    def __init__(
        self,
        resources: IdentityResources,
        limiter: RateLimiter,
        captcha: Captcha,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._database = resources.database
        self._hashing = resources.hashing
        self._limiter = limiter
        self._captcha = captcha
        self._mail = mail
        self._policy = settings.registration
        self._domains = settings.registration_domains

    async def register(self, request: RegistrationRequest, locale: str, captcha: CaptchaToken) -> None:
        """Store a registration and mail its code, or notify the owner of the account that exists.

        Raises RegistrationClosedError, DomainNotAllowedError, UnacceptablePasswordError,
        TooManyAttemptsError, and as Captcha.require does.
        """
        key = email_key(request.email)
        self._require_open(key)
        password = request.password.get_secret_value()
        require_acceptable(password, email=request.email, name=request.name)
        limits = _mail_limits(key)
        await self._database.read(lambda connection: self._limiter.check(connection, limits))
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        password_hash = await self._hashing.hash(password)
        pending = PendingRegistration(uuid7s.uuid7(), request.email, key, request.name, password_hash, None)

        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, limits)
            account = account_repository.find_by_email(connection, key)
            # Also if there is an account: the answer to a login with this password must not depend on it.
            # Its code is never mailed, so the registration is never verified.
            repository.insert(connection, pending, seconds=VERIFICATION_SECONDS)
            if account is None:
                name, recipient = MailName.VERIFY_EMAIL, request.email
                parameters: dict[str, object] = {"registration_id": pending.id}
            else:
                name, recipient = MailName.ALREADY_REGISTERED, account.email
                parameters = {"name": account.name}
            enqueue_mail(connection, name, recipient, locale=locale, **parameters)
            target = None if account is None else account.id
            record(connection, AuditAction.REGISTERED, actor=None, target=target)

        await self._database.write(work)
        self._mail.wake()

    async def resend(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail a new code for the newest registration of an address.

        Raises TooManyAttemptsError, and as Captcha.require does.
        """
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        key = lookup_key(email)

        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, _mail_limits(key))
            newest = repository.find_newest(connection, key)
            pending = None if account_repository.find_by_email(connection, key) else newest
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
        """Turn the registration of a code into a user; raises InvalidCodeError."""
        code = VerificationCode.parse(text)
        if code is None:
            raise InvalidCodeError
        user_id = uuid7s.uuid7()

        def work(connection: sa.Connection) -> DoorwardError | None:
            pending = repository.lock(connection, code.id)
            if pending is None or pending.code_hash is None:
                return InvalidCodeError()
            if not hmac.compare_digest(pending.code_hash, code.hash()):
                return InvalidCodeError()
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
                return InvalidCodeError()
            record(connection, AuditAction.EMAIL_VERIFIED, actor=user_id, target=user_id)
            return None

        await outcomes.write(self._database, work)
        log.info("account.verified", user_id=str(user_id))

    async def accept(self, text: str, password: str) -> None:
        """Set the first password of an invited user.

        Raises TooManyAttemptsError, InvalidCodeError, UnacceptablePasswordError.
        """
        code = InvitationCode.parse(text)
        if code is None:
            raise InvalidCodeError
        # The code cannot be guessed, but every made-up one would cost a hash.
        limits = [LimitKey.of_source(CODES_BY_SOURCE, current_address())]
        await self._database.write(lambda connection: self._limiter.acquire(connection, limits))
        password_hash = await self._hashing.hash(password)

        def work(connection: sa.Connection) -> None:
            account = account_repository.lock_by_id(connection, code.id)
            # No guess is used up: 256 bits cannot be guessed, and a caller who knows the id must not
            # exhaust the guesses.
            stored = codes.find(connection, code.id, Purpose.INVITATION)
            if account is None or stored is None or not account.is_active:
                raise InvalidCodeError
            is_right = hmac.compare_digest(stored.code_hash, code.hash())
            if not is_right or stored.sent_to != account.email or account.password_hash is not None:
                raise InvalidCodeError
            require_acceptable(password, email=account.email, name=account.name)
            account_repository.set_password(connection, account, password_hash)
            credentials_changed(connection, account.id)
            account_repository.mark_verified(connection, account.id)
            codes.delete(connection, account.id)
            record(connection, AuditAction.INVITATION_ACCEPTED, actor=account.id, target=account.id)

        await self._database.write(work)
        log.info("invitation.accepted", user_id=str(code.id))

    def _require_open(self, key: str) -> None:
        if self._policy is RegistrationPolicy.CLOSED:
            raise RegistrationClosedError
        if self._policy is RegistrationPolicy.DOMAINS and key.rpartition("@")[2] not in self._domains:
            raise DomainNotAllowedError


def _mail_limits(key: str) -> list[LimitKey]:
    source = LimitKey.of_source(MAILS_BY_SOURCE, current_address())
    return [LimitKey.of(MAILS_TO_ADDRESS, key), source]
