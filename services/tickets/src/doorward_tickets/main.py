"""The tickets service's application and its process."""

from functools import partial
from typing import Final

import httpx2
from fastapi import FastAPI

from doorward_kit.app import AppResources, ServiceDefinition, create_service, run_on_shutdown
from doorward_kit.cleanup import CleanupTask
from doorward_kit.idempotency import IdempotencyKeys
from doorward_kit.pagination import CursorCodec
from doorward_kit.server import run_service
from doorward_mail.dead_letters import repository as dead_letters
from doorward_tickets.context import TicketsContext
from doorward_tickets.notifications import endpoints as notice_endpoints
from doorward_tickets.notifications import repository as notices
from doorward_tickets.notifications.dead_letters import DeadLetterService
from doorward_tickets.notifications.mutes_service import MutesService
from doorward_tickets.notifications.sender import MailSender
from doorward_tickets.notifications.service import NotificationService
from doorward_tickets.replies import endpoints as reply_endpoints
from doorward_tickets.replies.service import ReplyService
from doorward_tickets.schema import schema_problem
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import idempotency_keys, outbox
from doorward_tickets.tickets import endpoints as ticket_endpoints
from doorward_tickets.tickets.service import TicketService
from doorward_tickets.user_snapshots.auth_client import Accounts
from doorward_tickets.user_snapshots.caller import People
from doorward_tickets.user_snapshots.deleted_users_sync import DeletedUsersSync
from doorward_tickets.user_snapshots.users_client import Directory

_DAY: Final = 86_400


TICKETS: Final = ServiceDefinition(
    name="tickets",
    description="What people ask of the team: tickets, their threads, who works on them.",
    routers=[
        ticket_endpoints.fast_router,
        ticket_endpoints.router,
        reply_endpoints.router,
        notice_endpoints.router,
        notice_endpoints.dead_letters_router,
    ],
    schema_problem=schema_problem,
)


def create_app(
    settings: TicketsSettings,
    runtime: AppResources | None = None,
    users: httpx2.AsyncBaseTransport | None = None,
    auth: httpx2.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands over a `runtime` and closes it itself, and says by
    `users` and `auth` how those are reached there.
    """
    used = runtime or AppResources(settings)
    directory = Directory(settings.users_url, timeout=settings.users_timeout_seconds, transport=users)
    accounts = Accounts.of(settings, auth)
    deletions = DeletedUsersSync(
        used.database, accounts, used.metrics.registry, interval=settings.deleted_users_poll_seconds
    )
    keys = IdempotencyKeys(idempotency_keys, seconds=settings.idempotency_seconds)

    mail = MailSender(used, settings, accounts)
    cursors = CursorCodec(lambda: settings.cursor_secrets(used.verification.keys))
    # Until no mail of theirs can be waiting any more.
    notices_kept = settings.mail_max_age_seconds + settings.notification_interval_seconds + _DAY

    cleanup = CleanupTask(
        used.database,
        {
            "idempotency_keys": keys.purge,
            "notices": partial(notices.sweep, seconds=notices_kept),
            "dead_letters": partial(
                dead_letters.purge, outbox=outbox, days=settings.mail_dead_letter_retention_days
            ),
        },
    )
    app = create_service(
        TICKETS,
        settings,
        used,
        owns_resources=runtime is None,
        background=[
            cleanup.run,
            deletions.run,
            mail.run,
            partial(run_on_shutdown, directory.close, accounts.close),
        ],
    )
    app.state.means = means = TicketsContext(
        used.database,
        People(directory),
        keys,
        cursors,
        NotificationService(seconds=settings.notification_interval_seconds),
        mail.wake,
    )
    app.state.deletions = deletions
    app.state.muting = MutesService(used.database)
    app.state.dead_letters = DeadLetterService(used.database, outbox, cursors, wake=mail.wake)
    app.state.tickets = TicketService(means)
    app.state.replies = ReplyService(means)
    return app


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(TicketsSettings, create_app)
