"""Every service in one application, routed by the path prefixes of the ingress."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward.docs import docs_router
from doorward.settings import StandaloneSettings
from doorward_auth.discovery.endpoints import WELL_KNOWN
from doorward_auth.main import create_app as create_auth
from doorward_identity.resources import IdentityResources
from doorward_identity.schema import schema_problem
from doorward_kit.app import (
    VERSION,
    AppResources,
    InProcessTransport,
    ServiceDefinition,
    create_service,
)
from doorward_mail.transport.dev_mailbox_page import mailbox_router
from doorward_mail.transport.file_transport import Mailbox
from doorward_tickets.main import create_app as create_tickets
from doorward_users.main import create_app as create_users

AUTH_PREFIX: Final = "/api/v1/auth"
PAGES_PREFIX: Final = "/auth"
USERS_PREFIX: Final = "/api/v1/users"
TICKETS_PREFIX: Final = "/api/v1/tickets"
PREFIXES: Final = (AUTH_PREFIX, USERS_PREFIX, TICKETS_PREFIX)
METADATA: Final = WELL_KNOWN + AUTH_PREFIX

STANDALONE: Final = ServiceDefinition(
    name="standalone",
    description="Every service in one process.",
    routers=[],
    schema_problem=schema_problem,
)


class PrefixRouter:
    """Routes each request to the service of its path prefix, all others to `front`."""

    def __init__(self, services: Mapping[str, ASGIApp], front: FastAPI) -> None:
        self._services = services
        self.front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan of the server."""
        await self._choose(scope.get("path", ""))(scope, receive, send)

    def _choose(self, path: str) -> ASGIApp:
        for prefix, service in self._services.items():
            # A prefix ends at a slash, as in an Ingress: no service has /api/v1/usersX.
            if path == prefix or path.startswith(prefix + "/"):
                return service
        return self.front


def create_app(settings: StandaloneSettings) -> PrefixRouter:
    """Build every service with one hash queue and one verifier; tickets has its own connection pool."""
    resources = IdentityResources(settings)
    auth, users = create_auth(settings.for_auth(), resources), create_users(settings, resources)
    own = settings.for_tickets()
    tickets = create_tickets(
        own,
        AppResources(own, parent=resources, name="tickets"),
        InProcessTransport(app=users),
        InProcessTransport(app=auth),
    )
    services = (auth, users, tickets)
    front = create_service(
        replace(STANDALONE, routers=_front_routers(settings, services)),
        settings.model_copy(update={"docs_enabled": False}),
        resources,
        owns_resources=True,
        # The server starts and stops `front` alone.
        background=[run for service in services for run in service.state.background],
    )
    front.state.readiness.depends_on(tickets.state.readiness)
    by_prefix = dict(zip(PREFIXES, services, strict=True))
    return PrefixRouter({**by_prefix, METADATA: auth, PAGES_PREFIX: auth}, front)


def _front_routers(settings: StandaloneSettings, services: Sequence[FastAPI]) -> list[APIRouter]:
    index = APIRouter(include_in_schema=False)

    @index.get("/")
    async def describe(_request: Request) -> Response:
        return JSONResponse(_index(settings))

    routers = [index]
    if settings.docs_enabled:
        routers.append(docs_router(services))
    if settings.mailbox_key is not None and settings.mailbox_dir is not None:
        mailbox = Mailbox(settings.mailbox_dir, settings.mailbox_size)
        routers.append(mailbox_router(mailbox, key=settings.mailbox_key))
    return routers


def _index(settings: StandaloneSettings) -> dict[str, Any]:
    return {
        "name": "Doorward",
        "version": VERSION,
        "services": PREFIXES,
        "docs": "/docs" if settings.docs_enabled else None,
    }
