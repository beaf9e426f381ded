"""A process that refreshes the grants of a database in the background, as auth does, with a fake upstream.

Usage: python -m bench.refresh_grants URL KEYS COUNT. Prints what COUNT refreshes took, as JSON: `cpu_seconds`
of this process, and its `statements`.
"""

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

_ANSWER_SECONDS = 0.02


class SlowUpstream(RotatingUpstream):
    """An upstream that knows every token, and forgets its requests."""

    def refresh(self, _refresh_token: str) -> Any:
        return self.issue()


async def refresh(grant_setup: GrantSetup, count: int) -> dict[str, float]:
    """Refresh until `count` grants are refreshed."""
    statements = 0

    def note(*_: object) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(grant_setup.resources.database.engine, "before_cursor_execute", note)
    background = [asyncio.create_task(run()) for run in grant_setup.grants.background()]
    cpu = time.process_time()
    while grant_setup.outcomes().get("refreshed", 0) < count:  # noqa: ASYNC110 - a counter does not notify
        await asyncio.sleep(0.2)
    spent = {"cpu_seconds": time.process_time() - cpu, "statements": float(statements)}
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    return spent


def main() -> int:
    """Measure once."""
    # As in production: nothing is logged for each refresh.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    url, keys, count = sys.argv[1:]
    adapter = DirectAdapter(SlowUpstream())
    adapter.after = lambda: asyncio.sleep(_ANSWER_SECONDS)
    grant_setup = GrantSetup(url, Path(keys), adapter)
    print(json.dumps(asyncio.run(refresh(grant_setup, int(count)))), flush=True)
    grant_setup.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
