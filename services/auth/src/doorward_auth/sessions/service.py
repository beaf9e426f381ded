"""The rules of ending sessions."""

import structlog

from doorward_auth.sessions import repository
from doorward_common.tokens import Claims
from doorward_common.unit_of_work import Database
from doorward_identity.accounts import SessionEnd

log = structlog.get_logger(__name__)


class SessionService:
    """Ends sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def log_out(self, caller: Claims) -> None:
        """End the caller's session. Ending it again changes nothing and is no error."""
        was_live = await self._database.write(
            lambda connection: repository.end_session(connection, caller.session_id.bytes, SessionEnd.LOGOUT)
        )
        log.info("logout", user_id=str(caller.subject), session_id=str(caller.session_id), was_live=was_live)
