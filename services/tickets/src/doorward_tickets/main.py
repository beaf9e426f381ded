"""The tickets service's application and its process."""

from functools import partial
from typing import Final

import httpx2
from fastapi import FastAPI

from doorward_kit.app import AppResources, ServiceDefinition, create_service
from doorward_kit.openapi_errors import load_errors
from doorward_kit.server import run_service
from doorward_tickets.deletions import endpoints as deletions
from doorward_tickets.notifications import endpoints as notifications
from doorward_tickets.replies import endpoints as replies
from doorward_tickets.schema import schema_problem
from doorward_tickets.services import TicketsServices
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tickets import endpoints as tickets

TICKETS: Final = ServiceDefinition(
    name="tickets",
    description="Support tickets and their replies.",
    routers=[
        tickets.fast_router,
        tickets.router,
        replies.fast_router,
        replies.router,
        deletions.router,
        notifications.router,
        notifications.dead_letters_router,
    ],
    schema_problem=schema_problem,
    errors=partial(load_errors, "doorward_tickets"),
)


def create_app(
    settings: TicketsSettings,
    resources: AppResources | None = None,
    users: httpx2.AsyncBaseTransport | None = None,
    auth: httpx2.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Build the application. Nothing connects before the first request.

    A process that serves several services passes the `resources`, and closes them itself; `users` and `auth`
    are its transports to those services. Raises SettingsError.
    """
    used = resources or AppResources(settings)
    services = TicketsServices.create(settings, used, users, auth)
    return create_service(
        TICKETS,
        settings,
        used,
        services,
        background=services.background(),
        owns_resources=resources is None,
    )


def main() -> int:
    """Serve as the environment says; return the exit status."""
    return run_service(TicketsSettings, create_app)
