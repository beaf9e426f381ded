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
from integration.upstream.grant_world import GrantWorld
from integration.upstream.rotating_upstream import SocketAdapter


async def refresh(world: GrantWorld) -> None:
    """Refresh every grant in turn, with the key file read as in production."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    watching = asyncio.create_task(world.grants.keys.run())
    grants = [row[0] for row in world.execute(sa.select(upstream_grants.c.id))]
    statuses = set()
    while not stop.is_set():
        answers = await asyncio.gather(
            *(world.grants.service.ensure_fresh(grant, budget=60.0) for grant in grants)
        )
        statuses |= {answer.status.value for answer in answers}
        print(f"round with {len(world.grants.keys._keys.keys)} keys", flush=True)
    watching.cancel()
    await world.grants.service.drain(30.0)
    print(json.dumps({"outcomes": world.outcomes(), "statuses": sorted(statuses)}), flush=True)


def main() -> int:
    """Run until SIGTERM."""
    url, keys, port = sys.argv[1:]
    world = GrantWorld(url, Path(keys), SocketAdapter(int(port)))
    asyncio.run(refresh(world))
    world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
