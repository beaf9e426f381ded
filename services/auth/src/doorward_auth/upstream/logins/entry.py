"""The transaction that follows a login at an upstream: account, session and grant, or nothing of them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from doorward_auth import outcomes
from doorward_auth.account_repository import Account
from doorward_auth.known_devices import DeviceToken
from doorward_auth.sessions.repository import Origin
from doorward_auth.sign_in.errors import refusal_error
from doorward_auth.sign_in.opening import AccountChangedError, SessionOpener
from doorward_auth.sign_in.steps import Done, Needs, Proof, Refused, next_step, state_of
from doorward_auth.signing import Signer
from doorward_auth.tokens.token_pair import SessionGrant, TokenPair, issue_pair
from doorward_auth.upstream import identities
from doorward_auth.upstream.accounts import Profile, UpstreamAccounts
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.service import GrantService, IssuedGrant
from doorward_auth.upstream.link_errors import AlreadyLinkedError
from doorward_auth.upstream_adapters.base import UpstreamLogin
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import EmailTakenError
from doorward_identity.resources import IdentityResources
from doorward_kit.unit_of_work import Work

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_CHANGED = (AccountChangedError, AlreadyLinkedError, EmailTakenError)
"""Another request was faster: what it did is found by the next attempt."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """A login to turn into a session; `device` is the one that its user is known by."""

    provider: Provider
    login: UpstreamLogin
    profile: Profile
    origin: Origin
    device: DeviceToken | None = None


Follow = Callable[[sa.Connection, uuid.UUID], None]


def _nothing(_connection: sa.Connection) -> None:
    """Neither refuse nor write."""


class UpstreamEntry:
    """Opens sessions of users who have logged in at an upstream."""

    def __init__(
        self,
        resources: IdentityResources,
        accounts: UpstreamAccounts,
        grants: GrantService,
        opener: SessionOpener,
        signer: Signer,
    ) -> None:
        self._database = resources.database
        self._accounts = accounts
        self._grants = grants
        self._opener = opener
        self._signer = signer

    async def enter(
        self, entry: Entry, *, before: Work[None] = _nothing, after: Follow | None = None
    ) -> TokenPair:
        """Find or create the account, and open a session with its grant.

        `before` and `after` join the transaction: one may refuse, the other gets the user's id. Raises
        RegistrationClosedError, DomainNotAllowedError, AccountDisabledError.
        """

        def work(connection: sa.Connection) -> SessionGrant | DoorwardError:
            before(connection)
            account = self._account(connection, entry)
            if after is not None:
                after(connection, account.id)
            return self._open(connection, account, entry)

        for attempt in range(_ATTEMPTS):
            try:
                grant = await outcomes.write(self._database, work)
            except _CHANGED:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            log.info(
                "login.succeeded",
                user_id=str(grant.user_id),
                session_id=str(grant.token.session_id),
                provider=entry.provider.name,
            )
            return issue_pair(self._signer, grant)
        raise AssertionError("the last attempt returns or raises")

    def _account(self, connection: sa.Connection, entry: Entry) -> Account:
        name, user = entry.provider.name, entry.login.user
        found = self._accounts.find(connection, name, user)
        if found is None:
            return self._accounts.create(connection, name, user, entry.profile)
        identities.note_username(connection, found.id, name, user.username)
        return found

    def _open(
        self, connection: sa.Connection, account: Account, entry: Entry
    ) -> SessionGrant | DoorwardError:
        decision = next_step(state_of(account), frozenset({Proof.FEDERATED}))
        match decision:
            case Refused():
                return refusal_error(decision)
            case Needs():
                raise AssertionError("a login at an upstream needs no step here")
            case Done():
                now = datetime.now(UTC).replace(microsecond=0)
                opened = self._opener.open(
                    connection,
                    account,
                    decision,
                    now,
                    entry.origin,
                    entry.device,
                    extensions=entry.login.user.claims,
                )
                issued = IssuedGrant(
                    opened.user_id, entry.provider, opened.token.session_id, entry.login.tokens
                )
                self._grants.store(connection, issued)
                return opened
