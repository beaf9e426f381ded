"""Deletion of ended sessions and of everything that expires."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa

from doorward_auth.browser_sessions import repository as browser_sessions
from doorward_auth.events import repository as events
from doorward_auth.oidc.authorization import codes as authorization_codes
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.registration import repository as registrations
from doorward_auth.sessions import repository as sessions
from doorward_auth.sign_in import repository as sign_ins
from doorward_auth.upstream import registrations as upstream_registrations
from doorward_auth.upstream.redirects import repository as upstream_authorizations
from doorward_identity import deleted_users_feed, token_revocation
from doorward_identity.avatars.service import Avatars
from doorward_identity.tables import outbox, rate_limits
from doorward_kit.cleanup import CleanupTask
from doorward_kit.rate_limiting import repository as limiting
from doorward_kit.unit_of_work import Database
from doorward_mail.dead_letters import repository as dead_letters

ENDED_SESSION_RETENTION: Final = timedelta(days=7)
"""How long an ended session is stored, for inquiries."""


class SessionPurge:
    """Walks through the sessions again and again, by primary key.

    An index on the end of sessions would be written with every refresh. The position advances even if the
    transaction is rolled back: the next round meets the same rows.
    """

    def __init__(self) -> None:
        self._position = uuid.UUID(int=0)

    def __call__(self, connection: sa.Connection, /, *, count: int) -> int:
        deleted, self._position = sessions.delete_ended(
            connection, self._position, keep=ENDED_SESSION_RETENTION, count=count
        )
        return deleted


def cleanup_task(database: Database, avatars: Avatars, *, dead_letter_days: int) -> CleanupTask:
    """Return the cleanup of the identity database and of pictures.

    Dead letters of mail stay `dead_letter_days`.
    """
    return CleanupTask(
        database,
        {
            "sessions": SessionPurge(),
            "browser_sessions": browser_sessions.delete_expired,
            "authorization_codes": authorization_codes.delete_expired,
            "sign_ins": sign_ins.delete_expired,
            "revocations": token_revocation.delete_expired,
            "pending_registrations": registrations.delete_expired,
            "upstream_registrations": upstream_registrations.delete_expired,
            "upstream_authorizations": upstream_authorizations.delete_expired,
            "registration_codes": registration_codes.delete_expired,
            "one_time_codes": codes.delete_expired,
            "rate_limits": partial(limiting.delete_expired, table=rate_limits),
            "client_events": events.delete_expired,
            "deleted_users": deleted_users_feed.delete_expired,
            "dead_letters": partial(dead_letters.purge, outbox=outbox, days=dead_letter_days),
        },
        {"avatars": avatars.delete_ended},
    )
