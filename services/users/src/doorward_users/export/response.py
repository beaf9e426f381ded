"""The response of an export: chunks that wait for their reader, and end with it."""

import asyncio
from contextlib import aclosing
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doorward_client.errors import DoorwardError
from doorward_kit.disconnects import wait_for_disconnect
from doorward_kit.middleware import STREAM_KEY
from doorward_users.export.service import Export

log = structlog.get_logger(__name__)

CHUNK_SECONDS: Final = 60.0
"""How long a reader may take for a chunk."""


class ExportResponse(Response):
    """Sends an export. An error on the way closes the connection, so that no client takes a part for all."""

    def __init__(self, export: Export, media_type: str) -> None:
        self._export = export
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "Content-Type": media_type,
                "Content-Disposition": f'attachment; filename="users.{export.file_format}"',
                "Cache-Control": "no-store",
                "Vary": "Accept",
                # NGINX, also as an ingress, would store what a slow reader has not read yet.
                "X-Accel-Buffering": "no",
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAM_KEY] = True
        sending = asyncio.create_task(self._send(send))
        disconnected = asyncio.create_task(wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, disconnected}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientDisconnect
            sending.result()
        finally:
            for task in (sending, disconnected):
                task.cancel()
            await asyncio.wait({sending, disconnected})
            self._export.close()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._export.chunks()) as chunks:
            first = await anext(chunks) + await anext(chunks)  # an error of it is an answer like any other
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                await _send_in_time(send, first)
                async for chunk in chunks:
                    await _send_in_time(send, chunk)
            except DoorwardError as error:
                log.warning("users.export_failed", code=error.code)
                raise ClientDisconnect from error
        await send({"type": "http.response.body", "body": b""})


async def _send_in_time(send: Send, chunk: bytes) -> None:
    try:
        async with asyncio.timeout(CHUNK_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError:
        raise ClientDisconnect from None
