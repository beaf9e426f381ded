"""The frame of a service: what every one of them installs, in one call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from doorward_client.errors import setup_error_handlers
from doorward_client.revocations.models import RevocationSource
from doorward_client.token_verification import BackgroundTask, TokenVerificationService, remote_source
from doorward_kit.health import OPERATIONS_ROUTES, Readiness, setup_health
from doorward_kit.metrics import Metrics
from doorward_kit.middleware import RequestMiddleware
from doorward_kit.openapi import setup_openapi
from doorward_kit.routing import add_routes
from doorward_kit.settings import ServiceSettings
from doorward_kit.unit_of_work import Database

VERSION: Final = "0.1.0"


class AppResources:
    """What a process has once, however many services it serves. Nothing connects yet.

    A service with a database of its own in a process that serves others has its runtime `beside`
    theirs: one verifier and one set of metrics for all, and they stop and close together.
    """

    def __init__(
        self, settings: ServiceSettings, *, beside: "AppResources | None" = None, name: str = "database"
    ) -> None:
        self._beside = beside
        self.companions: Final[list[AppResources]] = []
        self._is_draining = False
        self.metrics: Final[Metrics] = Metrics() if beside is None else beside.metrics
        self.database: Final = Database(settings, self.metrics, name=name)
        if beside is None:
            source = self.revocation_source(settings)
            self.verification = TokenVerificationService(settings, self.metrics.verification, source)
        else:
            self.verification = beside.verification
            beside.companions.append(self)

    @property
    def is_draining(self) -> bool:
        """Whether the process will stop soon."""
        return self._is_draining if self._beside is None else self._beside.is_draining

    def revocation_source(self, settings: ServiceSettings) -> RevocationSource:
        """Return where the list of revoked tokens comes from; raises SettingsError."""
        return remote_source(settings)

    def background(self) -> Sequence[BackgroundTask]:
        """Return what runs beside the requests for as long as the process serves."""
        return self.verification.background()

    def drain(self) -> None:
        """Be unready from now on, and ask clients to reconnect elsewhere: the process will stop."""
        self._is_draining = True

    def close(self) -> None:
        """Let running work end, then close every connection."""
        for companion in self.companions:
            companion.close()
        self.database.dispose()


def create_service(  # noqa: PLR0913 - the parts of one frame
    name: str,
    description: str,
    settings: ServiceSettings,
    runtime: AppResources,
    *,
    routers: Sequence[APIRouter],
    schema_problem: Callable[[sa.Connection], str | None],
    owns_runtime: bool,
    background: Sequence[BackgroundTask] = (),
) -> FastAPI:
    """Build a service's application.

    `schema_problem` says what the database lacks, or None. `background` runs beside the requests for as
    long as the server does. With `owns_runtime` so does the runtime's, which is closed at the end.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        work = [*background, *(runtime.background() if owns_runtime else ())]
        tasks = [asyncio.create_task(run()) for run in work]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if owns_runtime:
            runtime.close()

    app = FastAPI(
        title=f"Doorward {name}",
        description=description,
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        # Even with no exporter, FastAPI's own telemetry looks up three variables a request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url="/docs" if settings.docs_enabled else None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs_enabled else None,
        middleware=[
            Middleware(
                RequestMiddleware,
                service=name,
                metrics=runtime.metrics,
                max_body_bytes=settings.max_body_bytes,
                access_log=settings.access_log,
                is_draining=lambda: runtime.is_draining,
                trusted_proxies=settings.trusted_proxies,
                quiet_routes=OPERATIONS_ROUTES,
            )
        ],
    )
    app.state.settings = settings
    app.state.metrics = runtime.metrics
    app.state.verifier = runtime.verification.verifier
    app.state.verification_metrics = runtime.metrics.verification
    app.state.runtime = runtime
    app.state.background = background
    setup_error_handlers(app)
    setup_openapi(app)
    for router in routers:
        add_routes(app, router)
    readiness = Readiness(runtime.database, schema_problem, runtime.verification, lambda: runtime.is_draining)
    app.state.readiness = readiness
    setup_health(app, readiness, runtime.metrics)
    return app
