"""Doorward's access tokens in your own FastAPI service.

    from doorward_client.fastapi import CurrentUser, setup_doorward_auth

    setup_doorward_auth(app)

An endpoint with a parameter `caller: CurrentUser` then requires a valid token, and with
`caller: Annotated[Claims, requires(Permission.USERS_WRITE)]` also that permission. Settings come from the
environment: at least DOORWARD_AUTH_URL, DOORWARD_CLIENT_ID and DOORWARD_CLIENT_SECRET.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import FastAPI

from doorward_client.bearer_auth import CurrentUser, require_recent_login, requires
from doorward_client.errors import setup_domain_errors
from doorward_client.metrics import NoVerificationMetrics, VerificationMetrics
from doorward_client.permissions import Permission, extended
from doorward_client.settings import load_settings
from doorward_client.token_verification import TokenVerificationService, remote_source
from doorward_client.tokens import Claims
from doorward_client.verifier_settings import VerifierSettings

__all__ = [
    "Claims",
    "CurrentUser",
    "Permission",
    "VerifierSettings",
    "require_recent_login",
    "requires",
    "setup_doorward_auth",
]

log = structlog.get_logger(__name__)

START_SECONDS: Final = 5.0
"""Longest wait of a start for the keys and the first revocation list."""


def setup_doorward_auth(
    app: FastAPI,
    settings: VerifierSettings | None = None,
    *,
    role_permissions: Mapping[str, Collection[str]] | None = None,
    metrics: VerificationMetrics | None = None,
) -> TokenVerificationService:
    """Let `app` verify access tokens. Raises SettingsError.

    Keys and revocations are kept up to date while the application runs. `problem()` of the returned object
    belongs into the application's readiness probe. `role_permissions` adds permissions of your own to roles:
    `{"admin": {"reports:delete"}}`. `metrics` is, for example,
    `doorward_client.prometheus.PrometheusVerificationMetrics()`.
    """
    used = settings or load_settings(VerifierSettings)
    used_metrics = metrics or NoVerificationMetrics()
    verification = TokenVerificationService(
        used, used_metrics, remote_source(used), extended(role_permissions or {})
    )
    app.state.verifier = verification.verifier
    app.state.verification_metrics = used_metrics
    setup_domain_errors(app)
    wrapped = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        async with _running(verification), wrapped(running) as state:
            yield state

    app.router.lifespan_context = lifespan  # type: ignore[assignment]  # its type is two kinds of lifespan
    return verification


@asynccontextmanager
async def _running(verification: TokenVerificationService) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(run()) for run in verification.background()]
    try:
        await _wait_until_loaded(verification)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_until_loaded(verification: TokenVerificationService) -> None:
    """Wait for keys and revocations; if they do not arrive, start anyway and answer tokens with 503."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not verification.is_loaded and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - of two parts
        await asyncio.sleep(0.02)
    problem = verification.problem()
    if problem is not None:
        log.warning("verification.not_ready", problem=problem)
