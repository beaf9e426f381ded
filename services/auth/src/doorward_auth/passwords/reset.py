"""The rules of resetting a password with a mailed code.

An unknown address takes the same statements and the same answer as a known one.
"""

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository, known_devices
from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.account_repository import Account
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.known_devices import DeviceToken
from doorward_auth.mail_requests.address_states import MailRequest
from doorward_auth.mail_requests.service import MailRequests
from doorward_auth.new_password import store_new_password
from doorward_auth.one_time_codes.codes import InvalidCodeError, Purpose
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.settings import AuthSettings
from doorward_client.errors import DoorwardError
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import lookup_key
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)


class ResetService:
    """Mails codes, and takes new passwords for them."""

    def __init__(
        self,
        resources: IdentityResources,
        guesses: CodeGuesses,
        mail_requests: MailRequests,
        captcha: Captcha,
        mail: AccountMailSender,
        settings: AuthSettings,
    ) -> None:
        self._resources = resources
        self._database = resources.database
        self._guesses = guesses
        self._mail_requests = mail_requests
        self._captcha = captcha
        self._mail = mail
        self._token_seconds = settings.access_token_seconds

    async def request_code(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail a code to the address if it has an active account.

        Raises MailNotConfiguredError, TooManyAttemptsError, and as Captcha.require does.
        """
        self._mail.require_transport()
        await self._captcha.require(CaptchaAction.PASSWORD_RESET, captcha)
        key = lookup_key(email)

        def work(connection: sa.Connection) -> None:
            account = self._mail_requests.enqueue(connection, MailRequest.RESET, email, key, locale)
            target = None if account is None else account.id
            record(connection, AuditAction.PASSWORD_RESET_ASKED, actor=None, target=target)

        await self._database.write(work)
        self._mail.wake()

    async def reset(self, email: str, code: str, new_password: str) -> DeviceToken:
        """Set a new password by the code; every session ends. Return a token for this device.

        Raises TooManyAttemptsError, UnacceptablePasswordError, InvalidCodeError, OverloadedError.
        """
        require_acceptable(new_password, email=email, name="", pointer="/new_password")
        key = lookup_key(email)
        # The code comes before the hash: a wrong one costs none.
        account = await self._database.write_outcome(lambda connection: self._check(connection, key, code))
        require_acceptable(new_password, email=account.email, name=account.name, pointer="/new_password")
        password_hash = await self._resources.hashing.hash(new_password, charges.by_owner(account.id))
        device = DeviceToken.issue(uuid7s.uuid7())

        def work(connection: sa.Connection) -> DoorwardError | None:
            account = self._check(connection, key, code)
            if isinstance(account, DoorwardError):
                return account
            store_new_password(
                connection,
                account,
                password_hash,
                AuditAction.PASSWORD_RESET,
                token_seconds=self._token_seconds,
            )
            known_devices.remember(connection, account.id, device)
            self._mail_requests.forget_resets(connection, account)
            return None

        await self._database.write_outcome(work)
        self._resources.revocation_poller.wake()
        self._mail.wake()
        log.info("password.reset")
        return device

    def _check(self, connection: sa.Connection, email_key: str, code: str) -> Account | DoorwardError:
        """Return the locked account whose code was given, or the rejection to raise after the commit.

        Only wrong codes are counted. An address that an administrator has set resets nothing before its
        owner has proven it: its mailbox may be a stranger's. Raises TooManyAttemptsError.
        """
        account = account_repository.lock_by_email(connection, email_key)
        user_id = account_repository.NO_USER if account is None else account.id
        found = self._guesses.check(connection, user_id, Purpose.RESET, code, counted_by=[email_key])
        is_mailed_here = account is not None and found is not None and found.sent_to == account.email
        if account is not None and is_mailed_here and account.is_active and account.is_verified:
            return account
        target = None if account is None else account.id
        record(connection, AuditAction.PASSWORD_RESET_FAILED, actor=None, target=target)
        return InvalidCodeError()
