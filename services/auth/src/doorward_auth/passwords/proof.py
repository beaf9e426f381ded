"""Proving to know a password, without it being found by guessing: the way of logins and of changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import sqlalchemy as sa
import structlog

from doorward_auth.devices import repository as devices
from doorward_auth.devices.device_tokens import DeviceToken
from doorward_auth.throttling.limits import (
    LOGIN_BY_DEVICE,
    LOGIN_BY_SOURCE,
    LOGIN_BY_STRANGERS,
    Subject,
)
from doorward_auth.throttling.service import require_no_wait, strike
from doorward_auth.tokens import repository
from doorward_auth.tokens.errors import EmailNotVerifiedError, InvalidCredentialsError
from doorward_auth.tokens.repository import AccountRow
from doorward_common.request_context import current_address
from doorward_common.tokens import Claims
from doorward_identity.audit import Action, record
from doorward_identity.emails import InvalidEmailError, email_key
from doorward_identity.runtime import IdentityRuntime

log = structlog.get_logger(__name__)

_NOBODY: Final = ""
"""The key of an address that is none: no account can have it, and all of it takes as long."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody who knows the account's password, and the device they were recognised by, if so."""

    account: AccountRow
    device: DeviceToken | None
    subjects: Sequence[Subject]


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is there to compare with."""

    account: AccountRow | None
    registered_hash: str | None
    device: DeviceToken | None
    subjects: Sequence[Subject]

    @property
    def password_hash(self) -> str | None:
        return self.account.password_hash if self.account else self.registered_hash


class PasswordProofs:
    """Compares passwords. Every way through takes one hash, whoever is or is not known."""

    def __init__(self, runtime: IdentityRuntime) -> None:
        self._database = runtime.database
        self._hashing = runtime.hashing

    async def prove(self, email: str, password: str, device_token: str | None) -> Proven:
        """Compare a password.

        Raises TooManyAttemptsError; InvalidCredentialsError; EmailNotVerifiedError, only after the right
        password of somebody who has registered.
        """
        key = key_or_nobody(email)
        device = None if device_token is None else DeviceToken.parse(device_token)
        return await self._compare(
            await self._database.read(lambda connection: _look_up(connection, key, device)), password
        )

    async def prove_own(self, caller: Claims, password: str) -> Proven:
        """Compare the password of somebody who is signed in; raises as `prove` does.

        The session counts as a device: what others try does not stand in its way.
        """
        return await self._compare(
            await self._database.read(lambda connection: _look_up_own(connection, caller)), password
        )

    async def _compare(self, claim: _Claim, password: str) -> Proven:
        if not await self._hashing.verify(claim.password_hash, password):
            await self._failed(claim)
        if claim.account is None:
            raise EmailNotVerifiedError
        return Proven(claim.account, claim.device, claim.subjects)

    async def _failed(self, claim: _Claim) -> NoReturn:
        def work(connection: sa.Connection) -> None:
            strike(connection, claim.subjects)
            target = claim.account.id if claim.account else None
            record(connection, Action.LOGIN_FAILED, actor=None, target=target)

        await self._database.write(work)
        log.info("login.failed", reason="wrong_password" if claim.account else "unknown_account")
        raise InvalidCredentialsError


def _look_up(connection: sa.Connection, key: str, device: DeviceToken | None) -> _Claim:
    account = repository.find_account(connection, key)
    registered_hash = repository.find_registration(connection, key)
    owner = None if device is None else devices.find_owner(connection, device.id.bytes, device.hash())
    if device is not None and account is not None and owner == account.id:
        subjects = [Subject.of(LOGIN_BY_DEVICE, device.id.bytes)]
    else:
        device = None
        by_source = Subject.of_source(LOGIN_BY_SOURCE, current_address())
        subjects = [Subject.of(LOGIN_BY_STRANGERS, key), by_source]
    require_no_wait(connection, subjects)
    return _Claim(account, registered_hash, device, subjects)


def _look_up_own(connection: sa.Connection, caller: Claims) -> _Claim:
    subjects = [Subject.of(LOGIN_BY_DEVICE, caller.session_id.bytes)]
    require_no_wait(connection, subjects)
    account = repository.find_account_by_id(connection, caller.subject.bytes)
    return _Claim(account, None, None, subjects)


def key_or_nobody(email: str) -> str:
    """Return the canonical address; for what is none, a key that no account can have."""
    try:
        return email_key(email)
    except InvalidEmailError:
        return _NOBODY
