"""The rules of resetting a password with a mailed code.

An unknown address takes the same statements, the same hash and the same answer as a known one.
"""

import uuid
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository, known_devices, outcomes
from doorward_auth.account_repository import Account
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.known_devices import DeviceToken
from doorward_auth.new_password import store_new_password
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import InvalidCodeError, Purpose, is_pin
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.rate_limiting.limits import (
    CODE_GUESSES,
    CODES_BY_SOURCE,
    MAILS_BY_SOURCE,
    MAILS_TO_ADDRESS,
    LimitKey,
)
from doorward_auth.settings import AuthSettings
from doorward_client.errors import DoorwardError
from doorward_client.request_context import current_address
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import lookup_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.passwords import require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_mail.sender import MailSender

log = structlog.get_logger(__name__)

_UNKNOWN_USER_ID: Final = uuid.UUID(int=0)


class ResetService:
    """Mails codes, and takes new passwords for them."""

    def __init__(
        self,
        resources: IdentityResources,
        limiter: RateLimiter,
        captcha: Captcha,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._resources = resources
        self._database = resources.database
        self._limiter = limiter
        self._captcha = captcha
        self._keys = resources.verification.keys
        self._mail = mail
        self._token_seconds = settings.access_token_seconds

    async def request_code(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail a code to the address if it has an active account.

        Raises TooManyAttemptsError, and as Captcha.require does.
        """
        await self._captcha.require(CaptchaAction.PASSWORD_RESET, captcha)
        key = lookup_key(email)
        source = LimitKey.of_source(MAILS_BY_SOURCE, current_address())
        limits = [LimitKey.of(MAILS_TO_ADDRESS, key), source]

        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, limits)
            account = account_repository.find_by_email(connection, key)
            is_active = account is not None and account.is_active
            enqueue_mail(
                connection,
                MailName.PASSWORD_RESET,
                account.email if account is not None and is_active else None,
                locale=locale,
                user_id=account.id if account is not None and is_active else _UNKNOWN_USER_ID,
            )
            target = None if account is None else account.id
            record(connection, AuditAction.PASSWORD_RESET_ASKED, actor=None, target=target)

        await self._database.write(work)
        self._mail.wake()

    async def reset(self, email: str, pin: str, new_password: str) -> DeviceToken:
        """Set a new password by the code; every session ends. Return a token for this device.

        Raises TooManyAttemptsError, UnacceptablePasswordError, InvalidCodeError.
        """
        key = lookup_key(email)
        limits = [
            LimitKey.of(CODE_GUESSES, key),
            LimitKey.of_source(CODES_BY_SOURCE, current_address()),
        ]
        await self._database.read(lambda connection: self._limiter.check(connection, limits))
        require_acceptable(new_password, email=email, name="", pointer="/new_password")
        password_hash = await self._resources.hashing.hash(new_password)
        device = DeviceToken.issue(uuid7s.uuid7())

        def work(connection: sa.Connection) -> DoorwardError | None:
            # A right code is counted as a guess, too: whether it is right is known only afterwards.
            self._limiter.acquire(connection, limits)
            account = account_repository.lock_by_email(connection, key)
            is_right = self._take_guess(connection, account, pin)
            if account is None or not is_right:
                target = None if account is None else account.id
                record(connection, AuditAction.PASSWORD_RESET_FAILED, actor=None, target=target)
                return InvalidCodeError()
            require_acceptable(new_password, email=account.email, name=account.name, pointer="/new_password")
            account_repository.mark_verified(connection, account.id)
            store_new_password(
                connection,
                account,
                password_hash,
                AuditAction.PASSWORD_RESET,
                token_seconds=self._token_seconds,
            )
            known_devices.remember(connection, account.id, device)
            return None

        await outcomes.write(self._database, work)
        self._resources.revocation_poller.wake()
        self._mail.wake()
        log.info("password.reset")
        return device

    def _take_guess(self, connection: sa.Connection, account: Account | None, pin: str) -> bool:
        """Use up a guess; tell whether the code is right and was mailed to the account's address."""
        user_id = _UNKNOWN_USER_ID if account is None else account.id
        stored = codes.take_guess(connection, user_id, Purpose.RESET)
        if stored is None or account is None or stored.sent_to != account.email:
            return False
        is_right = is_pin(stored.code_hash, self._keys.secrets, Purpose.RESET, account.id, pin)
        return is_right and account.is_active
