"""Deleting what has expired, beside the requests, in small batches from every replica."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 10.0
BATCH: Final = 500
"""Rows a transaction: a short lock, and a short wait for whoever meets it."""


async def run_cleanup_loop(sweep: Callable[[], Awaitable[int]]) -> None:
    """Call `sweep`, which returns how many rows went, now and then for as long as the process serves.

    A full batch is followed by the next one at once.
    """
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            while await sweep() >= BATCH:
                pass
        except Exception as error:  # noqa: BLE001 - whatever it was, the next time may succeed
            log.warning("cleanup.failed", error=repr(error))
