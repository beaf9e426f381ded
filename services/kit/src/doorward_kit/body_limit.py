"""Limits of a request's body: its length, and the time in which it arrives."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from doorward_kit.upload_limit import UploadLimit

BODY_SECONDS: Final = 60.0
"""For a whole body: a client that sends a byte now and then would keep a request for ever."""

REQUEST_TIMEOUT: Final = 408


class BodyLimit:
    """Limits bodies to `max_bytes`, those of uploads to their own limit, and all of them to `seconds`."""

    def __init__(self, max_bytes: int, uploads: UploadLimit, seconds: float) -> None:
        self._max_bytes = max_bytes
        self._uploads = uploads
        self._limit_of_all_routes = min(max_bytes, uploads.max_bytes)
        self._seconds = seconds

    def is_too_long(self, scope: Scope, length: int) -> bool:
        """Tell whether a body is too long. The limit of its route is looked up only if needed."""
        if length <= self._limit_of_all_routes:
            return False
        return length > (self._uploads.max_bytes if self._uploads.applies_to(scope) else self._max_bytes)

    def limited(self, scope: Scope, receive: Receive) -> Receive:
        """Limit the time of a body, and the length of one that does not announce it."""
        total, is_complete = 0, False
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def receive_within_limits() -> Message:
            nonlocal total, is_complete
            if is_complete:  # what follows is the client's disconnection, whenever that is
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(REQUEST_TIMEOUT) from None
            is_complete = not message.get("more_body", False)
            total += len(message.get("body", b""))
            if self.is_too_long(scope, total):
                raise HTTPException(413)
            return message

        return receive_within_limits
