"""Liveness and readiness probes. Only readiness depends on other systems.

A liveness probe that queries the database would restart every pod during a short outage of it.
"""

import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from doorward_client.errors import UnavailableError
from doorward_client.token_verification import TokenVerificationService
from doorward_kit.metrics import Metrics
from doorward_kit.routing import add_routes
from doorward_kit.shutdown import Shutdown
from doorward_kit.unit_of_work import Database

LIVEZ: Final = "/livez"
READYZ: Final = "/readyz"
METRICS: Final = "/metrics"
OPERATIONS_ROUTES: Final = (LIVEZ, READYZ, METRICS)

_CACHE_SECONDS: Final = 0.5


class NotReadyError(UnavailableError):
    """503 from /readyz; `detail` names the condition that is not met."""

    code = "not_ready"


class Readiness:
    """Checks whether this process should get traffic."""

    def __init__(
        self,
        database: Database,
        schema_problem: Callable[[sa.Connection], str | None],
        verification: TokenVerificationService,
        shutdown: Shutdown,
    ) -> None:
        self._database = database
        self._shutdown = shutdown
        self._schema_problem = schema_problem
        self._verification = verification
        self._checked_at = 0.0
        self._others: list[Readiness] = []

    def depends_on(self, other: "Readiness") -> None:
        """Require that another service of the same process, with its own database, is ready too."""
        self._others.append(other)

    async def check(self) -> None:
        """Raise NotReadyError or DatabaseUnavailableError; success is cached for half a second."""
        if self._shutdown.is_draining:
            raise NotReadyError("This process is shutting down.")
        if time.monotonic() - self._checked_at < _CACHE_SECONDS:
            return
        problem = await self._database.read(self._schema_problem) or self._verification.problem()
        if problem is not None:
            raise NotReadyError(problem)
        for other in self._others:
            await other.check()
        self._checked_at = time.monotonic()

    def status_text(self) -> str:
        """Return "ok", with a warning if this process is ready but needs attention."""
        warning = self._verification.warning()
        return "ok" if warning is None else f"ok, but {warning}"


def setup_health(app: FastAPI, readiness: Readiness, metrics: Metrics) -> None:
    """Add the routes for operations, which no proxy forwards."""
    router = APIRouter(include_in_schema=False)

    @router.get(LIVEZ)
    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    @router.get(READYZ)
    async def readyz(_request: Request) -> Response:
        await readiness.check()
        return PlainTextResponse(readiness.status_text() + "\n")

    @router.get(METRICS)
    async def scrape(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    add_routes(app, router)
