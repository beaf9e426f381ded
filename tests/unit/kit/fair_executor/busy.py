"""An executor whose only thread is occupied, so that a test chooses what waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Hashable
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

from doorward_client.request_context import NO_ADDRESS, REJECTED_KEY, begin_request
from doorward_kit.executors import OverloadedError
from doorward_kit.fair_executor import RERANK_SECONDS, FairExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge

LONG = 600.0


class Request:
    """A request being served; it has the context of its own that middleware gives each of them."""

    def __init__(self) -> None:
        self._scope: dict[str, Any] = {}

    @property
    def is_rejected(self) -> bool:
        return REJECTED_KEY in self._scope

    async def within(self, work: Coroutine[Any, Any, object]) -> None:
        """Do the work as a part of the request, and tasks that the work starts."""
        context = copy_context()
        context.run(begin_request, None, lambda: NO_ADDRESS, self._scope)
        await asyncio.create_task(work, context=context)


class Busy:
    """An executor whose only thread is occupied until `let_go`; it notes the order of the jobs after it."""

    def __init__(self, clock: SimpleNamespace, *, room: int = 1_000) -> None:
        self._clock = clock
        # Each job is expected to take one of the seconds that a job may wait.
        self.executor = FairExecutor(
            "test", threads=1, deadline=LONG, expected_seconds=LONG / room, metrics=Metrics().executor("test")
        )
        self.order: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._occupied, self._release = threading.Event(), threading.Event()

    async def occupy(self) -> None:
        def job() -> None:
            self._occupied.set()
            self._release.wait(30)

        await self._add("first", job, Charge(("first",)))
        assert await asyncio.to_thread(self._occupied.wait, 30)

    async def add(
        self, name: str, *subjects: str, within: dict[Hashable, float] | None = None
    ) -> asyncio.Task[None]:
        charge = Charge(subjects, tuple((within or {}).items()))
        return await self._add(name, lambda: self.order.append(name), charge)

    async def _add(self, name: str, job: Callable[[], None], charge: Charge) -> asyncio.Task[None]:
        task = asyncio.create_task(self.executor.run(job, charge))
        self._tasks[name] = task
        await asyncio.sleep(0)
        return task

    async def let_go(self) -> list[str]:
        """Return the names of the jobs in the order in which they were run."""
        self._clock.now += 2 * RERANK_SECONDS
        self._release.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return self.order

    async def rejected(self) -> set[str]:
        for _ in range(3):  # until a rejection has reached its caller
            await asyncio.sleep(0)
        return {
            name
            for name, task in self._tasks.items()
            if task.done() and not task.cancelled() and isinstance(task.exception(), OverloadedError)
        }
