"""A process that revokes tokens at the upstream until SIGTERM; run by the tests (processes.py).

Arguments: URL KEYS PORT. Prints `delivering`, and in the end how many it has delivered.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import SocketAdapter


async def deliver(grant_setup: GrantSetup) -> None:
    """Run the worker, as a service does."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = asyncio.create_task(grant_setup.grants.revocations.run())
    print("delivering", flush=True)
    await stop.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    delivered = grant_setup.metric("doorward_upstream_revocations_total", outcome="delivered")
    print(json.dumps({"delivered": int(delivered)}), flush=True)


def main() -> int:
    """Run until SIGTERM."""
    url, keys, port = sys.argv[1:]
    grant_setup = GrantSetup(url, Path(keys), SocketAdapter(int(port)))
    asyncio.run(deliver(grant_setup))
    grant_setup.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
