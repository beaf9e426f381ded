"""Work that a process repeats in the background while it serves."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


async def repeat(
    work: Callable[[], Awaitable[object]], *, interval: float, failed: str, retry: float | None = None
) -> None:
    """Run `work` at every `interval` seconds, whatever it raises: that is logged as the event `failed`.

    `retry` is the pause before the first run and after a failure, if it is another.
    """
    first = interval if retry is None else retry
    pause = first
    while True:
        await asyncio.sleep(pause)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
            pause = first
            log.warning(failed, error=repr(error))
        else:
            pause = interval
