"""The rules of changing a known password."""

import uuid

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.new_password import SamePasswordError, store_new_password
from doorward_auth.password_check.errors import EmailNotVerifiedError, InvalidCredentialsError
from doorward_auth.password_check.service import PasswordAttempt, PasswordCheck
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.errors import denial_error
from doorward_auth.sign_in.steps import Denied, Proof, Step, StepRequired, next_step, state_of
from doorward_client.errors import DoorwardError
from doorward_client.tokens import Claims
from doorward_identity.audit.own_events import require_room
from doorward_identity.audit.repository import AuditAction
from doorward_identity.passwords import charges, normalize, require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_mail.worker.sender import MailSender

log = structlog.get_logger(__name__)


class PasswordService:
    """Changes passwords. Every other session ends, and a mail notifies the owner."""

    def __init__(
        self,
        resources: IdentityResources,
        passwords: PasswordCheck,
        mail: MailSender,
        settings: AuthSettings,
    ) -> None:
        self._resources = resources
        self._passwords = passwords
        self._mail = mail
        self._token_seconds = settings.access_token_seconds

    async def change_own(self, caller: Claims, current: str, new: str) -> None:
        """Change the caller's password and keep the caller's session.

        Raises TooManyAttemptsError, InvalidCredentialsError, UnacceptablePasswordError, SamePasswordError.
        """
        attempt = await self._passwords.compare_own(caller, current)
        await self._change(attempt, current, new, keep_session=caller.session_id)

    async def change(
        self, email: str, current: str, new: str, *, device_token: str | None, captcha: CaptchaToken
    ) -> None:
        """Change the password of an address, and end every session.

        Raises as `change_own` and PasswordCheck.compare do; after the right password also
        AccountDisabledError and EmailNotVerifiedError.
        """
        attempt = await self._passwords.compare(email, current, device_token, captcha)
        await self._change(attempt, current, new, keep_session=None)

    async def _change(
        self, attempt: PasswordAttempt, current: str, new: str, *, keep_session: uuid.UUID | None
    ) -> None:
        account = await self._resources.database.write_outcome(
            lambda connection: _conclude(connection, attempt)
        )
        if normalize(current) == normalize(new):
            raise SamePasswordError
        require_acceptable(new, email=account.email, name=account.name, pointer="/new_password")
        # In a transaction of its own, because the hash takes long and locks must not wait for it.
        password_hash = await self._resources.hashing.hash(new, charges.by_owner(account.id))

        def work(connection: sa.Connection) -> None:
            locked = account_repository.lock_by_id(connection, account.id)
            if locked is None or locked.auth_version != account.auth_version or not locked.is_active:
                # The account was changed while the hashes were computed.
                raise InvalidCredentialsError
            if not locked.must_change:  # a temporary password is an administrator's change
                require_room(connection, AuditAction.PASSWORD_CHANGED, account.id)
            store_new_password(
                connection,
                locked,
                password_hash,
                AuditAction.PASSWORD_CHANGED,
                keep_session=keep_session,
                token_seconds=self._token_seconds,
            )

        await self._resources.database.write(work)
        self._resources.revocation_poller.wake()
        self._mail.wake()
        log.info("password.changed")


def _conclude(connection: sa.Connection, attempt: PasswordAttempt) -> Account | DoorwardError:
    account = attempt.conclude(connection)
    if isinstance(account, DoorwardError):
        return account
    decision = next_step(state_of(account), frozenset({Proof.PASSWORD}))
    if isinstance(decision, Denied):
        return denial_error(decision)
    if decision == StepRequired(Step.EMAIL_CODE):
        return EmailNotVerifiedError()
    # A temporary password may be changed here; a second factor would have to be given, too.
    return account
