"""The rules of changing a password that is known."""

import uuid

import sqlalchemy as sa
import structlog

from doorward_auth.account_mail.sender import MailSender
from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.known_devices import repository as devices
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.passwords import repository
from doorward_auth.passwords.authentication import AuthenticatedAccount, PasswordAuthenticator
from doorward_auth.passwords.errors import SamePasswordError
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens.errors import AccountDisabledError, EmailNotVerifiedError, InvalidCredentialsError
from doorward_client.tokens import Claims
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit.repository import Action, record
from doorward_identity.mail_types import MailName, post
from doorward_identity.passwords import normalize, require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_other_sessions, end_sessions, end_tokens

log = structlog.get_logger(__name__)


class PasswordService:
    """Changes passwords. Every other session ends, and the account's owner is told by mail."""

    def __init__(
        self,
        runtime: IdentityResources,
        proofs: PasswordAuthenticator,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._runtime = runtime
        self._proofs = proofs
        self._mail = mail
        self._token_seconds = settings.access_token_seconds

    async def change_own(self, caller: Claims, current: str, new: str) -> None:
        """Change the caller's password and keep the caller's session.

        Raises TooManyAttemptsError, InvalidCredentialsError, UnacceptablePasswordError, SamePasswordError.
        """
        proven = await self._proofs.prove_own(caller, current)
        await self._change(proven, current, new, keep=caller.session_id)

    async def change(
        self, email: str, current: str, new: str, *, device_token: str | None, captcha: CaptchaToken
    ) -> None:
        """Change a password by knowing it, and end every session.

        Raises as `change_own` and PasswordAuthenticator.prove do; behind a right password EmailNotVerified
        and AccountDisabledError. The way for somebody whose password an administrator chose.
        """
        proven = await self._proofs.prove(email, current, device_token, captcha)
        if proven.account.status != Status.ACTIVE:
            raise AccountDisabledError
        if not proven.account.is_verified:
            raise EmailNotVerifiedError
        await self._change(proven, current, new, keep=None)

    async def _change(
        self, proven: AuthenticatedAccount, current: str, new: str, *, keep: uuid.UUID | None
    ) -> None:
        account = proven.account
        if normalize(current) == normalize(new):
            raise SamePasswordError
        require_acceptable(new, email=account.email, name=account.name, pointer="/new_password")
        new_hash = await self._runtime.hashing.hash(new)

        def work(connection: sa.Connection) -> bool:
            owner = repository.lock_owner(connection, account.id)
            is_ours = owner is not None and owner.status == Status.ACTIVE
            old = account.password_hash
            if not is_ours or not repository.replace_hash(connection, account.id, old=old, new=new_hash):
                return False
            self._end_sessions(connection, account.id, keep)
            devices.forget_all(connection, account.id)
            codes.delete(connection, account.id)
            record(connection, Action.PASSWORD_CHANGED, actor=account.id, target=account.id)
            post(connection, MailName.PASSWORD_CHANGED, account.email, name=account.name)
            return True

        if not await self._runtime.database.write(work):
            # While the hashes were computed, the password was changed or the account disabled.
            raise InvalidCredentialsError
        self._runtime.revocation_poller.wake()
        self._mail.wake()
        log.info("password.changed")

    def _end_sessions(self, connection: sa.Connection, user_id: uuid.UUID, keep: uuid.UUID | None) -> None:
        if keep is None:
            end_sessions(connection, user_id, SessionEnd.PASSWORD)
            end_tokens(connection, user_id, token_seconds=self._token_seconds)
        else:
            end_other_sessions(
                connection, user_id, keep, SessionEnd.PASSWORD, token_seconds=self._token_seconds
            )
