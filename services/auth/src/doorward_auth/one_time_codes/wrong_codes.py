"""Wrong codes of registrations and invitations, in the audit log.

These codes cannot be guessed, so their attempts are not limited. But many attempts must not fill the log:
each source has a number of events an hour. Past it a wrong code costs one read, is in the access log only,
and its answer waits like that of a rejected request.
"""

import uuid

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import WRONG_CODE_EVENTS
from doorward_client.errors import UnavailableError
from doorward_client.request_context import current_address, note_rejection
from doorward_identity.audit.repository import AuditAction, record
from doorward_kit.rate_limiting.limits import LimitKey
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)


class WrongCodes:
    """Records wrong codes."""

    def __init__(self, database: Database, limiter: AuthRateLimiter) -> None:
        self._database = database
        self._limiter = limiter

    async def record(self, action: AuditAction, owner_id: uuid.UUID | None) -> None:
        """Add an event unless the caller's number is used up; `owner_id` is what the code says.

        Without the database there is none, and the caller gets the answer about the code all the same.
        """
        try:
            await self._record(action, owner_id)
        except UnavailableError as error:
            log.warning("audit.failed", action=action.value, error=error.code)

    async def _record(self, action: AuditAction, owner_id: uuid.UUID | None) -> None:
        key = LimitKey.of_source(WRONG_CODE_EVENTS, current_address())
        if not await self._database.read(lambda connection: self._limiter.is_free(connection, key)):
            note_rejection()
            return

        def work(connection: sa.Connection) -> None:
            if not self._limiter.spend(connection, key):
                return
            # The id of a registration, or of an invented code, is not that of a user.
            account = None if owner_id is None else account_repository.find_by_id(connection, owner_id)
            record(connection, action, actor=None, target=None if account is None else account.id)

        await self._database.write(work)
