"""Closing what a service has opened, when it serves no more."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack


async def run_on_shutdown(*closes: Callable[[], Awaitable[None]]) -> None:
    """Wait beside the requests for as long as the process serves, then call each of `closes`.

    In the reverse order; one that raises keeps none of the others.
    """
    async with AsyncExitStack() as stack:
        for close in closes:
            stack.push_async_callback(close)
        await asyncio.Event().wait()
