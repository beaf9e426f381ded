"""The tickets service's application and its process."""

from functools import partial
from typing import Final

import httpx2
from fastapi import FastAPI

from doorward_common import commands
from doorward_common.app import Runtime, create_service
from doorward_common.closing import close_at_the_end
from doorward_common.idempotency import IdempotencyKeys
from doorward_common.pagination import CursorCodec
from doorward_common.sweeping import BATCH, sweep_regularly
from doorward_tickets.means import Means
from doorward_tickets.notices import endpoints as notice_endpoints
from doorward_tickets.notices import repository as notices
from doorward_tickets.notices.dead_letters import DeadLetterService
from doorward_tickets.notices.muting import Muting
from doorward_tickets.notices.room import MailRoom
from doorward_tickets.notices.service import Notices
from doorward_tickets.people.accounts import Accounts
from doorward_tickets.people.deletions import DeletionFollower
from doorward_tickets.people.directory import Directory
from doorward_tickets.people.service import People
from doorward_tickets.replies import endpoints as reply_endpoints
from doorward_tickets.replies.service import ReplyService
from doorward_tickets.schema import PACKAGE, schema_problem
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import idempotency_keys, outbox
from doorward_tickets.tickets import endpoints as ticket_endpoints
from doorward_tickets.tickets.service import TicketService

_DAY: Final = 86_400


def create_app(
    settings: TicketsSettings,
    runtime: Runtime | None = None,
    users: httpx2.AsyncBaseTransport | None = None,
    auth: httpx2.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services hands over a `runtime` and closes it itself, and says by
    `users` and `auth` how those are reached there.
    """
    used = runtime or Runtime(settings)
    directory = Directory(settings.users_url, timeout=settings.directory_timeout_seconds, transport=users)
    accounts = Accounts.of(settings, auth)
    deletions = DeletionFollower(
        used.database, accounts, used.metrics.registry, interval=settings.deletion_poll_seconds
    )
    keys = IdempotencyKeys(idempotency_keys, seconds=settings.idempotency_seconds)

    mail = MailRoom(used, settings, accounts)
    cursors = CursorCodec(lambda: settings.cursor_secrets(used.verification.keys))
    # Until no mail of theirs can be waiting any more.
    notices_kept = settings.mail_give_up_seconds + settings.notice_seconds + _DAY

    async def sweep() -> int:
        old_keys = await used.database.write(partial(keys.sweep, count=BATCH))
        sweep_notices = partial(notices.sweep, seconds=notices_kept, count=BATCH)
        return max(old_keys, await used.database.write(sweep_notices))

    app = create_service(
        "tickets",
        "What people ask of the team: tickets, their threads, who works on them.",
        settings,
        used,
        routers=[
            ticket_endpoints.hot_router,
            notice_endpoints.mails_router,
            ticket_endpoints.router,
            reply_endpoints.router,
            notice_endpoints.router,
        ],
        schema_problem=schema_problem,
        owns_runtime=runtime is None,
        background=[
            partial(sweep_regularly, sweep),
            deletions.run,
            mail.run,
            partial(close_at_the_end, directory.close, accounts.close),
        ],
    )
    app.state.means = means = Means(
        used.database,
        People(directory),
        keys,
        cursors,
        Notices(seconds=settings.notice_seconds),
        mail.wake,
    )
    app.state.deletions = deletions
    app.state.muting = Muting(used.database)
    app.state.dead_letters = DeadLetterService(used.database, outbox, cursors, wake=mail.wake)
    app.state.tickets = TicketService(means)
    app.state.replies = ReplyService(means)
    return app


def main() -> int:
    """Serve or migrate, as the command line says; return the exit status."""
    return commands.run(PACKAGE, TicketsSettings, create_app)
