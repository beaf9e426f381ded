"""The rules of auth's dead letters: what administrators do with them is in the audit log."""

import uuid
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from doorward_auth.mails.room import MailRoom
from doorward_common.mail.dead_letters import service
from doorward_common.mail.dead_letters.service import Decision
from doorward_common.pagination import CursorCodec
from doorward_common.settings import ServiceSettings
from doorward_common.tokens import Claims
from doorward_identity.audit import Action, record
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.standing import require_standing
from doorward_identity.tables import outbox

_ACTIONS: Final[Mapping[Decision, Action]] = {
    Decision.RESENT: Action.MAIL_RESENT,
    Decision.DISCARDED: Action.MAIL_DISCARDED,
}


class DeadLetterService(service.DeadLetterService):
    """Decides about mails of accounts."""

    def __init__(self, runtime: IdentityRuntime, mail: MailRoom, settings: ServiceSettings) -> None:
        cursors = CursorCodec(lambda: settings.cursor_secrets(runtime.verification.keys))
        super().__init__(runtime.database, outbox, cursors, wake=mail.wake)

    def require_standing(self, connection: sa.Connection, caller: Claims) -> None:
        """Raise InvalidAccessTokenError for whoever is no administrator any more, as every write does."""
        require_standing(connection, caller)

    def record(
        self, connection: sa.Connection, caller: Claims, mail_id: uuid.UUID, decision: Decision
    ) -> None:
        """Add the decision to the audit log."""
        details = {"mail_id": mail_id}
        record(connection, _ACTIONS[decision], actor=caller.subject.bytes, target=None, details=details)
