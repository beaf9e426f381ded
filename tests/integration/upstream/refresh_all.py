"""A process that refreshes grants again and again until SIGTERM; run by the tests.

Arguments: URL KEYS PORT. Prints a line for every round, and in the end its outcomes as JSON.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import sqlalchemy as sa

from doorward_identity.tables import upstream_grants
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import SocketAdapter


async def refresh(grant_setup: GrantSetup) -> None:
    """Refresh every grant in turn, with the key file read as in production."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    watching = asyncio.create_task(grant_setup.grants.keys.run())
    grants = [row[0] for row in grant_setup.execute(sa.select(upstream_grants.c.id))]
    statuses = set()
    while not stop.is_set():
        answers = await asyncio.gather(*(grant_setup.ensure_fresh(grant, budget=60.0) for grant in grants))
        statuses |= {answer.status.value for answer in answers}
        print(f"round with {len(grant_setup.grants.keys._keys.keys)} keys", flush=True)
    watching.cancel()
    await grant_setup.grants.service.drain(30.0)
    print(json.dumps({"outcomes": grant_setup.outcomes(), "statuses": sorted(statuses)}), flush=True)


def main() -> int:
    """Run until SIGTERM."""
    url, keys, port = sys.argv[1:]
    grant_setup = GrantSetup(url, Path(keys), SocketAdapter(int(port)))
    asyncio.run(refresh(grant_setup))
    grant_setup.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
