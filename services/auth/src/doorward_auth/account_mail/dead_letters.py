"""Dead letters of auth: what administrators do with them is audited."""

import uuid
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from doorward_auth.account_mail.sender import AccountMailSender
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_identity.tables import outbox
from doorward_kit.pagination import CursorCodec
from doorward_kit.settings import ServiceSettings
from doorward_mail.dead_letters import service
from doorward_mail.dead_letters.service import DeadLetterAction

_ACTIONS: Final[Mapping[DeadLetterAction, AuditAction]] = {
    DeadLetterAction.RETRIED: AuditAction.MAIL_RESENT,
    DeadLetterAction.DISCARDED: AuditAction.MAIL_DISCARDED,
}


class AccountDeadLetterService(service.DeadLetterService):
    """Dead letters about accounts."""

    def __init__(
        self, resources: IdentityResources, mail: AccountMailSender, settings: ServiceSettings
    ) -> None:
        cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))
        super().__init__(resources.database, outbox, cursors, wake=mail.wake)

    def authorize(self, connection: sa.Connection, caller: Claims) -> None:
        require_unchanged_account(connection, caller)

    def record(
        self, connection: sa.Connection, caller: Claims, mail_id: uuid.UUID, action: DeadLetterAction
    ) -> None:
        details = {"mail_id": mail_id}
        record(connection, _ACTIONS[action], actor=caller.user_id, target=None, details=details)
