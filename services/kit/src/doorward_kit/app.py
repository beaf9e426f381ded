"""The frame of a service: the resources of a process, and one way to compose an application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from doorward_client.errors import Renderer, render_problem, setup_error_handlers
from doorward_client.revocations.models import RevocationSource
from doorward_client.token_verification import BackgroundTask, TokenVerificationService, remote_source
from doorward_kit.cors import NO_CORS_ROUTES, CorsPolicy, CorsRoutes, RegisteredOrigins
from doorward_kit.dependencies import setup_services
from doorward_kit.fast_routes import FastRoutesApp
from doorward_kit.health import OPERATIONS_ROUTES, Readiness, setup_health
from doorward_kit.methods import answer_other_methods
from doorward_kit.metrics import Metrics
from doorward_kit.middleware import RequestMiddleware
from doorward_kit.oauth import renderer_for
from doorward_kit.openapi_document import setup_openapi
from doorward_kit.openapi_errors import OperationErrors, no_errors
from doorward_kit.rejection_delay import RejectionDelay
from doorward_kit.routing import add_routes
from doorward_kit.settings import ServiceSettings
from doorward_kit.shutdown import Shutdown
from doorward_kit.unit_of_work import Database
from doorward_kit.upload_limit import UploadLimit

VERSION: Final = "0.1.0"


class AppResources:
    """The resources of a process: database, metrics, token verification. Nothing connects yet.

    A process that serves several services shares one object among those of one database. A service with
    a database of its own gets a child of it: token verification and metrics are the `parent`'s, and both
    drain and close together.
    """

    def __init__(
        self, settings: ServiceSettings, *, parent: "AppResources | None" = None, name: str = "database"
    ) -> None:
        self.children: Final[list[AppResources]] = []
        self.shutdown: Final[Shutdown] = Shutdown() if parent is None else parent.shutdown
        self.metrics: Final[Metrics] = Metrics() if parent is None else parent.metrics
        self.rejections: Final[RejectionDelay] = (
            RejectionDelay(settings.rejection_delay_seconds, self.metrics.rejections)
            if parent is None
            else parent.rejections
        )
        self.database: Final = Database(settings, self.metrics, name=name)
        if parent is None:
            source = self.revocation_source(settings)
            self.verification = TokenVerificationService(settings, self.metrics.verification, source)
        else:
            self.verification = parent.verification
            parent.children.append(self)

    def revocation_source(self, settings: ServiceSettings) -> RevocationSource:
        """Return the source of the revocation list; raises SettingsError."""
        return remote_source(settings)

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        return self.verification.background()

    def drain(self) -> None:
        """Answer "not ready" from now on and close client connections, because the process will stop."""
        self.shutdown.is_draining = True

    def stop(self) -> None:
        """End what would keep the process from stopping: endless responses, and rejections that wait."""
        self.shutdown.is_stopping = True
        self.rejections.end()

    def close(self) -> None:
        """Wait for running work, then close every connection."""
        for child in self.children:
            child.close()
        self.database.dispose()


class InProcessTransport(httpx2.ASGITransport):
    """Sends requests to another service of the same process, without a network.

    Each runs in a task of its own: the context variables of the called service (request id, address) must
    not replace those of the request that the calling service is serving.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await asyncio.create_task(super().handle_async_request(request))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """The parts of a service that do not depend on its settings.

    Routers match in this order. `schema_problem` returns what the database's schema lacks, or None.
    `without_head` are paths whose GET is not safe (methods.py). `oauth_routes` answer errors of forms as
    OAuth clients expect (oauth.py), and `page_routes` may answer errors with pages. `cors_routes` are paths
    that browsers treat specially (cors.py). `errors` returns the codes of each operation, and is called for
    the OpenAPI document (openapi_errors.py).
    """

    name: str
    description: str
    routers: Sequence[APIRouter]
    schema_problem: Callable[[sa.Connection], str | None]
    without_head: Collection[str] = ()
    oauth_routes: Collection[str] = ()
    page_routes: Collection[str] = ()
    cors_routes: CorsRoutes = NO_CORS_ROUTES
    errors: OperationErrors = no_errors


def create_service(  # noqa: PLR0913 - what an application is composed of
    definition: ServiceDefinition,
    settings: ServiceSettings,
    resources: AppResources,
    services: Any = None,
    *,
    background: Sequence[BackgroundTask] = (),
    max_upload_bytes: int | None = None,
    registered_origins: RegisteredOrigins | None = None,
    render_error: Renderer = render_problem,
    owns_resources: bool,
) -> FastAPI:
    """Compose a service's application. Nothing connects before the first request.

    `services` is the container: a frozen dataclass, one field a service, from which endpoints get theirs
    (dependencies.provide). `background` are the tasks to run while the application serves.
    `max_upload_bytes` is the limit of a body with an image, where a route takes one (uploads.py).
    `registered_origins` may read answers as those of the settings do, without cookies.
    `render_error` renders errors outside of all routes: 413, 431, and 500 for a bug. With
    `owns_resources` the application also runs the tasks of `resources`, and closes them at the end.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        work = [*background, *(resources.background() if owns_resources else ())]
        tasks = [asyncio.create_task(run()) for run in work]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if owns_resources:
            resources.close()

    app = FastRoutesApp(
        title=f"Doorward {definition.name}",
        description=definition.description,
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        # Even without an exporter, FastAPI's telemetry reads three variables for each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url="/docs" if settings.docs_enabled else None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        middleware=[
            Middleware(
                RequestMiddleware,
                service=definition.name,
                metrics=resources.metrics,
                max_body_bytes=settings.max_body_bytes,
                uploads=UploadLimit.of(
                    [route for router in definition.routers for route in router.routes],
                    max_upload_bytes or settings.max_body_bytes,
                ),
                access_log=settings.access_log,
                shutdown=resources.shutdown,
                rejections=resources.rejections,
                trusted_proxies=settings.trusted_proxies,
                cors=CorsPolicy(definition.cors_routes, settings.allowed_origins, registered_origins),
                proxies_set_request_id=settings.trust_proxy_request_id,
                quiet_routes=OPERATIONS_ROUTES,
                render=render_error,
            )
        ],
    )
    app.state.settings = settings
    app.state.metrics = resources.metrics
    app.state.verifier = resources.verification.verifier
    app.state.verification_metrics = resources.metrics.verification
    app.state.resources = resources
    app.state.background = background
    app.state.readiness = readiness = Readiness(
        resources.database,
        definition.schema_problem,
        resources.verification,
        resources.shutdown,
    )
    setup_error_handlers(app, renderer_for(definition.oauth_routes))
    setup_openapi(app, definition.errors, definition.oauth_routes, definition.page_routes)
    for router in definition.routers:
        add_routes(app, router)
    setup_health(app, readiness, resources.metrics)
    setup_services(app, services)
    answer_other_methods(app, without_head=definition.without_head)
    return app
