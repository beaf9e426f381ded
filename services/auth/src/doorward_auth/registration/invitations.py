"""Becoming a user by invitation: an administrator creates the account, and its user chooses the password."""

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository, known_devices
from doorward_auth.known_devices import DeviceToken
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import InvalidCodeError, InvitationCode, Purpose
from doorward_auth.one_time_codes.wrong_codes import WrongCodes
from doorward_identity.account_changes import AccountChange, follow_up
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)


class InvitationService:
    """Sets the first password of invited users."""

    def __init__(self, resources: IdentityResources, wrong_codes: WrongCodes, *, token_seconds: int) -> None:
        self._database = resources.database
        self._hashing = resources.hashing
        self._keys = resources.verification.keys
        self._wrong_codes = wrong_codes
        self._token_seconds = token_seconds

    async def accept(self, text: str, password: str) -> DeviceToken:
        """Set the first password of an invited user; return a token for the caller's device.

        Raises InvalidCodeError, which is recorded; UnacceptablePasswordError, OverloadedError.
        """
        code = InvitationCode.parse(text)
        try:
            return await self._accept(code, password)
        except InvalidCodeError:
            await self._wrong_codes.record(AuditAction.INVITATION_FAILED, None if code is None else code.id)
            raise

    async def _accept(self, code: InvitationCode | None, password: str) -> DeviceToken:
        if code is None:
            raise InvalidCodeError
        # The code comes before the hash: a wrong one costs none.
        account = await self._database.read(lambda connection: self._find_invited(connection, code))
        require_acceptable(password, email=account.email, name=account.name)
        password_hash = await self._hashing.hash(password, charges.by_owner(account.id))
        device = DeviceToken.issue(uuid7s.uuid7())

        def work(connection: sa.Connection) -> None:
            account = self._find_invited(connection, code, is_locked=True)
            require_acceptable(password, email=account.email, name=account.name)
            account_repository.set_password(connection, account, password_hash)
            account_repository.mark_verified(connection, account.id)
            follow_up(
                connection,
                AccountChange.FIRST_PASSWORD_CHOSEN,
                account.as_owner,
                token_seconds=self._token_seconds,
            )
            known_devices.remember(connection, account.id, device)
            record(connection, AuditAction.INVITATION_ACCEPTED, actor=account.id, target=account.id)

        await self._database.write(work)
        log.info("invitation.accepted", user_id=str(code.id))
        return device

    def _find_invited(
        self, connection: sa.Connection, code: InvitationCode, *, is_locked: bool = False
    ) -> account_repository.Account:
        find = account_repository.lock_by_id if is_locked else account_repository.find_by_id
        account = find(connection, code.id)
        stored = codes.find_for(connection, code.id, Purpose.INVITATION)
        live = [invitation for invitation in stored if invitation.is_live]
        if account is None or not live or not account.is_active or account.password_hash is not None:
            raise InvalidCodeError
        if live[0].sent_to != account.email or not code.is_of(self._keys.secrets, live[0].seed):
            raise InvalidCodeError
        return account
