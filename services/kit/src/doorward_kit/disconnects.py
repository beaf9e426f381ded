"""Clients that leave while they are sent a response without a foreseeable end."""

from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import Receive


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has disconnected, or sends a body that is too long."""
    with suppress(HTTPException):
        while (await receive())["type"] != "http.disconnect":
            pass
