"""Calls that were rejected for want of authority, in the audit log: who, what, from where.

A caller who repeats them must not fill the log, so each user has a number of events an hour, for each call
and together. What is rejected past it is in the access log only.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from doorward_client.errors import DoorwardError, UnavailableError
from doorward_client.request_context import USER_ID_KEY
from doorward_identity.audit.repository import AuditAction, EventFilter, list_details, record
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

MAX_OF_A_CALL: Final = 10
MAX_TOGETHER: Final = 100
"""Events of one user and hour. Of requests at the same moment a few more may be recorded."""

_HOUR: Final = timedelta(hours=1)


class RejectedCalls:
    """Records the rejections of one service."""

    def __init__(self, database: Database, action: AuditAction) -> None:
        self._database = database
        self._action = action

    async def record(self, actor: uuid.UUID, call: str, details: Mapping[str, Any]) -> None:
        """Add an event unless the actor's number is used up. `call` is a method and a route template."""
        if not await self._database.read(lambda connection: self._is_within(connection, actor, call)):
            return
        event = {"call": call, **details}
        await self._database.write(
            lambda connection: record(connection, self._action, actor=actor, target=None, details=event)
        )

    def _is_within(self, connection: sa.Connection, actor: uuid.UUID, call: str) -> bool:
        recent = EventFilter(self._action, actor=actor, since=datetime.now(UTC) - _HOUR)
        calls = [details.get("call") for details in list_details(connection, recent, MAX_TOGETHER)]
        return len(calls) < MAX_TOGETHER and calls.count(call) < MAX_OF_A_CALL


def setup_rejection_audit(
    app: FastAPI,
    rejected_calls: RejectedCalls,
    errors: Collection[type[DoorwardError]],
    *,
    except_routes: Collection[str] = (),
) -> None:
    """Record requests that end with one of the errors; a subclass counts as its base."""
    render = app.exception_handlers[DoorwardError]

    async def record_and_render(request: Request, error: Exception) -> Response:
        assert isinstance(error, DoorwardError)
        route = getattr(request.scope.get("route"), "path", "")
        user_id = request.scope.get(USER_ID_KEY)
        if user_id is not None and route not in except_routes:
            details: dict[str, Any] = {"code": error.code, **error.extensions}
            if "user_id" in request.path_params:
                details["user_id"] = str(request.path_params["user_id"])
            try:
                await rejected_calls.record(user_id, f"{request.method} {route}", details)
            except UnavailableError as unavailable:
                # The rejection stands. Its line in the access log names the caller.
                log.warning("audit.rejection_not_recorded", error=unavailable.code)
        response: Response = await render(request, error)  # type: ignore[misc]  # ours are coroutines
        return response

    for error in errors:
        app.add_exception_handler(error, record_and_render)
