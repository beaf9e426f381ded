"""`python -m bench.baseline_app`: FastAPI alone, the baseline for a user and a page of tickets.

The same server, settings and response models, but no database, tokens, log lines or metrics. The response
objects are built once, so that the baseline does not include even that.
"""

import sys
import uuid
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI

from doorward_client.permissions import Role
from doorward_client.settings import load_settings
from doorward_identity.accounts import Status
from doorward_kit.logging import configure_logging
from doorward_kit.pagination import Page
from doorward_kit.server import listen, serve
from doorward_kit.settings import ServiceSettings
from doorward_tickets.tickets.schemas import Participant, Ticket
from doorward_tickets.tickets.workflow import Priority, TicketStatus
from doorward_users.directory.schemas import User

_USER: Final = User(
    id=uuid.UUID("019a0000-0000-7000-8000-000000000000"),
    email="person-000000@example.com",
    name="Grace Example 000000",
    role=Role.USER,
    status=Status.ACTIVE,
    email_verified=True,
    picture=None,
    created_at=datetime(2026, 1, 1, 12, 30, 15, 123456, UTC),
    updated_at=datetime(2026, 1, 1, 12, 30, 15, 123456, UTC),
)
_TICKETS: Final = Page[Ticket](
    items=[
        Ticket(
            id=uuid.UUID(int=_USER.id.int + number),
            number=number + 1,
            subject="badade kolumo tisepa gurife",
            status=TicketStatus.OPEN,
            priority=Priority.NORMAL,
            author=Participant(id=_USER.id, name=_USER.name, deleted=False),
            assignee=None,
            reply_count=0,
            created_at=_USER.created_at,
            updated_at=_USER.updated_at,
        )
        for number in range(50)
    ],
    next_cursor=None,
)


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/api/v1/users/me")
    async def me() -> User:
        return _USER

    @app.get("/api/v1/tickets")
    async def tickets() -> Page[Ticket]:
        return _TICKETS

    @app.get("/readyz")
    async def readyz() -> None:
        return None

    return app


def main() -> int:
    settings = load_settings(ServiceSettings)
    configure_logging(settings.log_level)
    serve(create_app(), listen(settings.host, settings.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
