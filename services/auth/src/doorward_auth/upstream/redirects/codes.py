"""One-time codes of logins at upstreams' own pages."""

import hmac
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_auth.pkce import is_proven
from doorward_auth.upstream.errors import UpstreamUnavailableError
from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.errors import InvalidAuthorizationCodeError
from doorward_auth.upstream.redirects.repository import RedeemableLogin
from doorward_auth.upstream.redirects.schemas import UpstreamCodeRequest
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import UpstreamLogin
from doorward_auth.vault.errors import UnknownVaultKeyError, UnopenableError
from doorward_kit.unit_of_work import Database, Work

log = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 5


class UpstreamLoginCode(OpaqueToken):
    """The one-time code. Its id is the row's."""

    prefix = "dwx_"


@dataclass(frozen=True, slots=True, repr=False)
class RedeemedLogin:
    """A login whose code is used up. `release` joins the transaction that stores or revokes its tokens."""

    login: UpstreamLogin
    release: Work[None]


class LoginCodes:
    """Exchanges a one-time code for the login that it stands for."""

    def __init__(
        self, database: Database, sealing: AuthorizationSealing, revocation: UpstreamTokenRevocation
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._revocation = revocation

    async def redeem(self, name: str, request: UpstreamCodeRequest) -> RedeemedLogin:
        """Return the login of a one-time code, which is used up; raises InvalidAuthorizationCodeError.

        With a wrong verifier the code is used up as well, and the upstream's tokens are revoked. Raises
        UpstreamUnavailableError, and leaves the code valid, if this process does not have the login's key.
        """
        code = UpstreamLoginCode.parse(request.code.get_secret_value())
        if code is None:
            raise InvalidAuthorizationCodeError
        verifier = request.code_verifier.get_secret_value()

        def work(connection: sa.Connection) -> UpstreamLogin | InvalidAuthorizationCodeError:
            row = repository.take_redeemable(connection, code.id)
            if row is None:
                return InvalidAuthorizationCodeError()
            is_theirs = _is_right(row, name, code, verifier)
            try:
                login = self._sealing.open_login(row.id, row.provider, row.login)
            except UnopenableError as error:
                log.error("upstream.login_unreadable", provider=name, error=type(error).__name__)  # noqa: TRY400 - the type suffices
                if is_theirs and isinstance(error, UnknownVaultKeyError):
                    raise UpstreamUnavailableError(retry_after=_RETRY_SECONDS) from None
                # AbandonedLogins ends it, in a process that has its key.
                return InvalidAuthorizationCodeError()
            if is_theirs:
                return login
            repository.delete(connection, row.id)
            self._revocation.revoke_in(connection, row.provider, login)
            return InvalidAuthorizationCodeError()

        try:
            login = await self._database.write_outcome(work)
        except InvalidAuthorizationCodeError:
            self._revocation.wake()
            raise
        return RedeemedLogin(login, partial(repository.delete, row_id=code.id))


def _is_right(row: RedeemableLogin, name: str, code: UpstreamLoginCode, verifier: str) -> bool:
    """Tell whether a client may have a login: it knows the code and the verifier of its challenge."""
    return (
        row.provider == name
        and hmac.compare_digest(row.code_hash, code.hash())
        and is_proven(row.code_challenge, verifier)
    )
