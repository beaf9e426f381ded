"""The rules of choosing a new password with a code by mail.

An address that nobody has goes the same way as one that somebody has: the same statements, the same
hash, the same answer.
"""

import uuid
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.account_mail.sender import MailSender
from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.captcha.service import Captcha
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.known_devices import repository as devices
from doorward_auth.known_devices.device_tokens import DeviceToken
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Purpose, is_pin
from doorward_auth.one_time_codes.errors import InvalidCodeError
from doorward_auth.passwords import repository
from doorward_auth.passwords.authentication import email_key_or_unknown
from doorward_auth.passwords.repository import Owner
from doorward_auth.rate_limiting.limits import (
    CODE_GUESSES,
    CODES_BY_SOURCE,
    MAILS_BY_SOURCE,
    MAILS_TO_ADDRESS,
    Subject,
)
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.settings import AuthSettings
from doorward_client.request_context import current_address
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit.repository import Action, record
from doorward_identity.mail_types import MailName, post
from doorward_identity.passwords import require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_sessions, end_tokens

log = structlog.get_logger(__name__)

_NOBODY: Final = Owner(uuid.UUID(int=0), "", "", "")


class ResetService:
    """Mails codes, and takes new passwords for them."""

    def __init__(
        self,
        runtime: IdentityResources,
        throttle: RateLimiter,
        captcha: Captcha,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._runtime = runtime
        self._throttle = throttle
        self._captcha = captcha
        self._keys = runtime.verification.keys
        self._mail = mail
        self._token_seconds = settings.access_token_seconds

    async def ask(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail a code to the address if it is an account's.

        Raises TooManyAttemptsError, and as Captcha.require does.
        """
        await self._captcha.require(CaptchaAction.PASSWORD_RESET, captcha)
        key = email_key_or_unknown(email)
        source = Subject.of_source(MAILS_BY_SOURCE, current_address())
        await self._throttle.claim([Subject.of(MAILS_TO_ADDRESS, key), source])

        def work(connection: sa.Connection) -> None:
            found = repository.find_owner_by_email(connection, key)
            owner = found if found is not None and found.status == Status.ACTIVE else _NOBODY
            recipient = owner.email or None
            post(connection, MailName.PASSWORD_RESET, recipient, locale=locale, user_id=owner.id)
            record(connection, Action.PASSWORD_RESET_ASKED, actor=None, target=found.id if found else None)

        await self._runtime.database.write(work)
        self._mail.wake()

    async def reset(self, email: str, pin: str, new: str) -> DeviceToken:
        """Set a new password by the code; every session ends. Return a token for this device.

        Raises TooManyAttemptsError, UnacceptablePasswordError, InvalidCodeError.
        """
        key = email_key_or_unknown(email)
        subjects = [
            Subject.of(CODE_GUESSES, key),
            Subject.of_source(CODES_BY_SOURCE, current_address()),
        ]
        await self._throttle.check(subjects)
        require_acceptable(new, email=email, name="", pointer="/new_password")
        new_hash = await self._runtime.hashing.hash(new)
        device = DeviceToken.issue(uuid7s.uuid7())
        # A right code is one guess as well: so nobody has to know it is right before it is allowed.
        await self._throttle.claim(subjects)

        def work(connection: sa.Connection) -> bool:
            owner = repository.lock_owner_by_email(connection, key) or _NOBODY
            if not self._is_right(connection, owner, pin):
                target = None if owner is _NOBODY else owner.id
                record(connection, Action.PASSWORD_RESET_FAILED, actor=None, target=target)
                return False
            require_acceptable(new, email=owner.email, name=owner.name, pointer="/new_password")
            self._set(connection, owner, new_hash)
            devices.remember(connection, owner.id, device.id, device.hash())
            return True

        # Raised here, behind the commit: the guess stays used.
        if not await self._runtime.database.write(work):
            raise InvalidCodeError
        self._runtime.revocation_poller.wake()
        self._mail.wake()
        log.info("password.reset")
        return device

    def _is_right(self, connection: sa.Connection, owner: Owner, pin: str) -> bool:
        stored = codes.take_guess(connection, owner.id, Purpose.RESET)
        return (
            stored is not None
            and stored.subject == owner.email  # and not one that the account has left since
            and is_pin(stored.code_hash, self._keys.secrets, Purpose.RESET, owner.id, pin)
            and owner.status == Status.ACTIVE
        )

    def _set(self, connection: sa.Connection, owner: Owner, new_hash: str) -> None:
        repository.set_hash(connection, owner.id, new_hash)
        repository.mark_verified(connection, owner.id)
        codes.delete(connection, owner.id)
        devices.forget_all(connection, owner.id)
        end_sessions(connection, owner.id, SessionEnd.PASSWORD)
        end_tokens(connection, owner.id, token_seconds=self._token_seconds)
        record(connection, Action.PASSWORD_RESET, actor=owner.id, target=owner.id)
        post(connection, MailName.PASSWORD_CHANGED, owner.email, name=owner.name)
