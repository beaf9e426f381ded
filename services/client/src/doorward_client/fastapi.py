"""Doorward's tokens in a FastAPI service of your own, in three lines.

    from doorward_client.fastapi import CurrentUser, setup_doorward_auth

    setup_doorward_auth(app)

and an endpoint with a parameter `caller: CurrentUser` is for signed-in users; with
`caller: Annotated[Claims, requires(Permission.USERS_WRITE)]` for callers with that permission.
Settings come from the environment: DOORWARD_AUTH_URL, DOORWARD_CLIENT_ID, DOORWARD_CLIENT_SECRET.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import FastAPI

from doorward_client.bearer_auth import CurrentUser, requires
from doorward_client.errors import setup_domain_errors
from doorward_client.permissions import Permission, extended
from doorward_client.settings import VerifierSettings, load_settings
from doorward_client.token_verification import TokenVerificationService, remote_source
from doorward_client.tokens import Claims
from doorward_kit.metrics import Metrics

__all__ = ["Claims", "CurrentUser", "Permission", "VerifierSettings", "requires", "setup_doorward_auth"]

log = structlog.get_logger(__name__)

START_SECONDS: Final = 5.0
"""How long a start waits for the keys and for the first list of revoked tokens."""


def setup_doorward_auth(
    app: FastAPI,
    settings: VerifierSettings | None = None,
    *,
    role_permissions: Mapping[str, Collection[str]] | None = None,
) -> TokenVerificationService:
    """Verify access tokens in `app`; raises SettingsError.

    `role_permissions` adds permissions of your own to roles: `{"admin": {"reports:delete"}}`. While the
    application runs, keys and revocations are kept up to date. `problem()` of the returned object belongs
    into the application's readiness probe.
    """
    used = settings or load_settings(VerifierSettings)
    metrics = Metrics()
    verification = TokenVerificationService(
        used, metrics, remote_source(used), extended(role_permissions or {})
    )
    app.state.verifier = verification.verifier
    app.state.metrics = metrics
    setup_domain_errors(app)
    serve = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        async with _kept_fresh(verification), serve(running) as state:
            yield state

    app.router.lifespan_context = lifespan  # type: ignore[assignment]  # of two kinds, with and without state
    return verification


@asynccontextmanager
async def _kept_fresh(verification: TokenVerificationService) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(run()) for run in verification.background()]
    try:
        await _first_look(verification)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first_look(verification: TokenVerificationService) -> None:
    """Wait for what every request needs; without it each is judged as the settings say."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while (problem := verification.problem()) is not None:
        if asyncio.get_running_loop().time() > deadline:
            log.warning("verification.not_ready", problem=problem)
            return
        await asyncio.sleep(0.02)
