"""The endpoint of event streams."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.events.response import MEDIA_TYPE, EventStreamResponse
from doorward_auth.events.service import EventService
from doorward_client.bearer_auth import CurrentUser
from doorward_kit.dependencies import provide
from doorward_kit.fast_routes import FastRoute
from doorward_kit.openapi import describe
from doorward_kit.routing import api_router

Events = Annotated[EventService, provide(EventService)]

fast_router = api_router(prefix="/api/v1/auth", tag="sessions", route_class=FastRoute)


@fast_router.get(
    "/events",
    status_code=200,
    response_class=EventStreamResponse,
    summary="Get events of your session",
    responses={
        200: {
            "description": "Server-Sent Events, the first one `state`.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
        429: describe("`too_many_event_streams`: the session has too many open streams."),
        503: describe("`event_streams_unavailable`: the process has too many open streams, or is stopping."),
    },
)
async def stream_events(caller: CurrentUser, events: Events) -> Response:
    """Keep the response open and send events as they happen: notices, without tokens.

    The stream ends when the access token expires or is revoked. Then refresh the token and connect again.
    """
    return EventStreamResponse(events, await events.open(caller))
