"""The services of tickets: one object a feature, each made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import httpx2

from doorward_client.token_verification import BackgroundTask
from doorward_kit.app import AppResources
from doorward_kit.cleanup import CleanupTask, Purge
from doorward_kit.idempotency import IdempotencyKeys
from doorward_kit.pagination import CursorCodec
from doorward_kit.rate_limiting import repository as rate_limiting
from doorward_kit.shutdown import run_on_shutdown
from doorward_mail.dead_letters import repository as dead_letters
from doorward_tickets.deletions import repository as deletions
from doorward_tickets.deletions.service import DeletionService
from doorward_tickets.notifications import repository as notifications
from doorward_tickets.notifications.dead_letters import TicketDeadLetterService
from doorward_tickets.notifications.sender import TicketMailSender
from doorward_tickets.notifications.service import NotificationService
from doorward_tickets.notifications.subscriptions import SubscriptionService
from doorward_tickets.numbers.task import NumberingTask
from doorward_tickets.replies.service import ReplyService
from doorward_tickets.search_index.task import SearchIndexTask
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import idempotency_keys, outbox, rate_limits
from doorward_tickets.tickets.quotas import TicketQuotas
from doorward_tickets.tickets.service import TicketService
from doorward_tickets.users.auth_client import AuthClient
from doorward_tickets.users.deleted_users_sync import DeletedUsersSync
from doorward_tickets.users.users_client import UsersClient

_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class TicketsServices:
    """The container that endpoints get their service from."""

    tickets: TicketService
    replies: ReplyService
    deletions: DeletionService
    subscriptions: SubscriptionService
    dead_letters: TicketDeadLetterService
    mail: TicketMailSender
    users: UsersClient
    auth: AuthClient
    deleted_users: DeletedUsersSync
    idempotency_keys: IdempotencyKeys
    cleanup: CleanupTask
    numbering: NumberingTask
    search_index: SearchIndexTask

    @classmethod
    def create(
        cls,
        settings: TicketsSettings,
        resources: AppResources,
        users_transport: httpx2.AsyncBaseTransport | None = None,
        auth_transport: httpx2.AsyncBaseTransport | None = None,
    ) -> Self:
        """Make each service; a transport replaces the network. Raises SettingsError."""
        database = resources.database
        users = UsersClient(
            settings.users_url, timeout=settings.users_timeout_seconds, transport=users_transport
        )
        auth = AuthClient(settings, auth_transport)
        mail = TicketMailSender(resources, settings, auth)
        cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))
        keys = IdempotencyKeys(idempotency_keys, seconds=settings.idempotency_seconds)
        quotas = TicketQuotas(settings, resources.metrics)
        interval = settings.notification_interval_seconds
        on_event = NotificationService(interval_seconds=interval).on_event
        purges: dict[str, Purge] = {
            "idempotency_keys": keys.purge,
            # A day after a mail of the row can wait no longer.
            "pending_notifications": partial(
                notifications.purge, seconds=settings.mail_max_age_seconds + interval + _DAY
            ),
            "dead_letters": partial(
                dead_letters.purge, outbox=outbox, days=settings.mail_dead_letter_retention_days
            ),
            "rate_limits": partial(rate_limiting.delete_expired, table=rate_limits),
            "deleted_tickets": deletions.purge_remains,
        }
        if settings.ticket_retention_days:
            purges["tickets"] = partial(deletions.delete_expired, days=settings.ticket_retention_days)
        return cls(
            tickets=TicketService(
                database, users, cursors, keys, quotas, on_event=on_event, wake_mail=mail.wake
            ),
            replies=ReplyService(
                database, users, cursors, keys, quotas, on_event=on_event, wake_mail=mail.wake
            ),
            deletions=DeletionService(database, users),
            subscriptions=SubscriptionService(database),
            dead_letters=TicketDeadLetterService(database, outbox, cursors, wake=mail.wake),
            mail=mail,
            users=users,
            auth=auth,
            deleted_users=DeletedUsersSync(
                database, auth, resources.metrics.registry, interval=settings.deleted_users_poll_seconds
            ),
            idempotency_keys=keys,
            cleanup=CleanupTask(database, purges),
            numbering=NumberingTask(database),
            search_index=SearchIndexTask(database),
        )

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        close = partial(run_on_shutdown, self.users.close, self.auth.close)
        return [
            self.cleanup.run,
            self.numbering.run,
            self.search_index.run,
            self.deleted_users.run,
            self.mail.run,
            close,
        ]
