"""Closing resources at shutdown."""

import asyncio
from contextlib import suppress

from doorward_kit.shutdown import run_on_shutdown


async def test_resources_are_closed_on_shutdown_only() -> None:
    closed: list[str] = []

    async def first() -> None:
        closed.append("first")

    async def stuck() -> None:
        closed.append("stuck")
        raise OSError

    waiting = asyncio.create_task(run_on_shutdown(first, stuck))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not closed
    waiting.cancel()
    with suppress(asyncio.CancelledError, OSError):
        await waiting
    assert closed == ["stuck", "first"]
