"""The end of a process: how far it is, and what is closed when it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass


@dataclass(slots=True)
class Shutdown:
    """How far a process is on its way to stop; all of its services share one object."""

    is_draining: bool = False
    """The process is about to stop: it is not ready, and closes client connections."""
    is_stopping: bool = False
    """The process accepts no more connections and waits for its requests to end."""


async def run_on_shutdown(*closes: Callable[[], Awaitable[None]]) -> None:
    """Call each of `closes` when the process stops, in reverse order: a background task.

    An exception of one does not keep the others from running.
    """
    async with AsyncExitStack() as stack:
        for close in closes:
            stack.push_async_callback(close)
        await asyncio.Event().wait()
