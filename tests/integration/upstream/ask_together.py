"""Processes that ask for fresh tokens at the same moment; run by the tests (processes.py).

Arguments: URL KEYS PORT GRANT PROCESSES CALLS [reusable]. Each process prints `asking`, and in the end a line
of JSON with its answers and outcomes.
"""

import asyncio
import contextlib
import json
import os
import sys
import traceback
import uuid
from pathlib import Path

from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import SocketAdapter


async def ask(grant_setup: GrantSetup, grant: uuid.UUID, calls: int) -> None:
    """Ask several times at once; print the answers."""
    print("asking", os.getpid(), flush=True)
    answers = await asyncio.gather(*(grant_setup.ensure_fresh(grant, budget=100.0) for _ in range(calls)))
    said = [(answer.status.value, answer.access_token, answer.expires_in) for answer in answers]
    print(json.dumps({"answers": said, "outcomes": grant_setup.outcomes()}), flush=True)


def main() -> int:
    """Fork, ask, and return the number of processes that failed."""
    url, keys, port, grant, processes, calls, *options = sys.argv[1:]
    reader, writer = os.pipe()
    children = []
    for _ in range(int(processes)):
        if child := os.fork():
            children.append(child)
            continue
        status = 1
        with contextlib.suppress(Exception):
            try:
                os.close(writer)
                grant_setup = GrantSetup(url, Path(keys), SocketAdapter(int(port), is_reusable=bool(options)))
                os.read(reader, 1)  # until the parent has closed its end
                asyncio.run(ask(grant_setup, uuid.UUID(grant), int(calls)))
                status = 0
            except Exception:
                traceback.print_exc()
                raise
        os._exit(status)
    os.close(writer)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main())
