"""The response of an event stream: two small tasks for each of thousands of clients."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doorward_auth.events.service import EventService
from doorward_auth.events.stream import EventStream, StreamEnd
from doorward_kit.disconnects import wait_for_disconnect
from doorward_kit.middleware import STREAM_KEY

MEDIA_TYPE: Final = "text/event-stream"


class EventStreamResponse(Response):
    """Sends a stream's events until it ends or the client disconnects."""

    media_type = MEDIA_TYPE

    def __init__(self, service: EventService, stream: EventStream) -> None:
        self._service = service
        self._stream = stream
        self.status_code = 200
        self.background = None
        # X-Accel-Buffering: NGINX, also as an ingress, passes each event on at once.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAM_KEY] = True
        stream = self._stream
        disconnected = asyncio.create_task(wait_for_disconnect(receive))
        disconnected.add_done_callback(lambda _task: stream.end(StreamEnd.DISCONNECTED))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while (chunk := await stream.next_chunk()) is not None:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            last = await self._service.last_event(stream)
            await send({"type": "http.response.body", "body": last.frame if last else b""})
        finally:
            disconnected.cancel()
            self._service.close(stream)
