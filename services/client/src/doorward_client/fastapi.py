"""Doorward's tokens in a FastAPI service of your own, in three lines.

    from doorward_client.fastapi import CurrentUser, guard

    guard(app)

and an endpoint with a parameter `caller: CurrentUser` (or `AdminUser`) is for people who are signed
in. Settings come from the environment, DOORWARD_AUTH_URL, _CLIENT_ID and _CLIENT_SECRET before all.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import FastAPI

from doorward_client.bearer_auth import AdminUser, CurrentUser, require_role
from doorward_client.errors import setup_domain_errors
from doorward_client.roles import Role
from doorward_client.settings import VerifierSettings, load_settings
from doorward_client.token_verification import TokenVerificationService, remote_source
from doorward_client.tokens import Claims
from doorward_kit.metrics import Metrics

__all__ = ["AdminUser", "Claims", "CurrentUser", "Role", "VerifierSettings", "guard", "require_role"]

log = structlog.get_logger(__name__)

START_SECONDS: Final = 5.0
"""How long a start waits for the keys and for the first list of revoked tokens."""


def guard(app: FastAPI, settings: VerifierSettings | None = None) -> TokenVerificationService:
    """Teach `app` to know who calls. Raises SettingsError.

    While the application runs, keys and the list of revoked tokens are kept up to date. The returned
    object's `problem()` is for the application's own readiness probe.
    """
    used = settings or load_settings(VerifierSettings)
    metrics = Metrics()
    verification = TokenVerificationService(used, metrics, remote_source(used))
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
