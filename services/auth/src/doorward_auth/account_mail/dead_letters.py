"""Dead letters of auth: what administrators do with them is audited."""

import uuid
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from doorward_auth.account_mail.sender import MailSender
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import outbox
from doorward_kit.pagination import CursorCodec
from doorward_kit.settings import ServiceSettings
from doorward_mail.dead_letters import service
from doorward_mail.dead_letters.service import Decision

_ACTIONS: Final[Mapping[Decision, AuditAction]] = {
    Decision.RESENT: AuditAction.MAIL_RESENT,
    Decision.DISCARDED: AuditAction.MAIL_DISCARDED,
}


class DeadLetterService(service.DeadLetterService):
    """Dead letters about accounts."""

    def __init__(self, resources: IdentityResources, mail: MailSender, settings: ServiceSettings) -> None:
        cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))
        super().__init__(resources.database, outbox, cursors, wake=mail.wake)

    def require_unchanged_account(self, connection: sa.Connection, caller: Claims) -> None:
        """Raise InvalidAccessTokenError if the caller's account has changed since the token was issued."""
        require_unchanged_account(connection, caller)

    def record(
        self, connection: sa.Connection, caller: Claims, mail_id: uuid.UUID, decision: Decision
    ) -> None:
        """Add the decision to the audit log."""
        details = {"mail_id": mail_id}
        record(connection, _ACTIONS[decision], actor=caller.user_id, target=None, details=details)
