"""Clients that do not prove who they are: counted by source, and in the audit log.

Secrets have at least 256 bits, so no limit is needed against guesses, and a right one is always accepted: a
service with an old secret must not shut out its other replicas behind the same address (ADR 56).
"""

from typing import NoReturn

import sqlalchemy as sa
import structlog

from doorward_auth.oauth_errors import InvalidClientError
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import CLIENTS_BY_SOURCE, REJECTED_CLIENT_EVENTS
from doorward_client.errors import UnavailableError
from doorward_client.request_context import current_address
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.errors import TooManyAttemptsError
from doorward_kit.rate_limiting.limits import LimitKey
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)


class TooManyClientFailuresError(TooManyAttemptsError):
    """429 for a wrong client id or secret from a source of many."""

    code = "too_many_client_failures"
    detail = "The client id or secret is wrong, as were many from this address. A right one is accepted."


class ClientRejections:
    """Counts and rejects clients."""

    def __init__(self, database: Database, limiter: AuthRateLimiter) -> None:
        self._database = database
        self._limiter = limiter

    async def reject(self, client_id: str) -> NoReturn:
        """Count a client that did not prove who it is, and reject it.

        Raises InvalidClientError, TooManyClientFailuresError. Without the database nothing is counted, and
        the answer is about the client all the same.
        """
        source = LimitKey.of_source(CLIENTS_BY_SOURCE, current_address())

        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, [source])
            # Many sources must not fill the log about one client.
            if self._limiter.spend(connection, LimitKey.of(REJECTED_CLIENT_EVENTS, client_id)):
                details = {"client": client_id}
                record(connection, AuditAction.CLIENT_REJECTED, actor=None, target=None, details=details)

        try:
            await self._database.read(lambda connection: self._limiter.check(connection, [source]))
            await self._database.write(work)
        except TooManyAttemptsError as error:
            raise TooManyClientFailuresError(error.seconds) from None
        except UnavailableError as error:
            log.warning("audit.failed", action=AuditAction.CLIENT_REJECTED.value, error=error.code)
        log.warning("client.rejected", client=client_id)
        raise InvalidClientError
