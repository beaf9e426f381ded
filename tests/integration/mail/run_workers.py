"""Workers in separate processes, killed at random times; run by the tests.

Usage: python run_workers.py URL PORT WORKERS KILLS SEED. Kills and replaces one worker after the other,
prints a line after the last kill, and runs until SIGTERM, on which every worker stops gracefully. The
modules are imported once and the processes forked, so that kills hit the sending and not the start of
the interpreter.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import traceback
from types import FrameType

import uvloop

from integration.mail.mailing import Mailer, mail_settings


async def work(url: str, port: int) -> None:
    """Run a worker until SIGTERM."""
    mailer = Mailer(url)
    settings = mail_settings(port, mail_send_timeout_seconds=3.0, mail_lease_seconds=4.0)
    task = asyncio.create_task(mailer.worker(settings).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    mailer.close()


def start(url: str, port: int) -> int:
    """Fork a worker; return its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        uvloop.run(work(url, port))
        status = 0
    except Exception:  # noqa: BLE001 - the child must not go on with its parent's loop
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def main() -> int:
    """Run as described above; return the number of workers that did not stop gracefully."""
    url, port, count, kills, seed = sys.argv[1], *map(int, sys.argv[2:])
    chance = random.Random(seed)
    workers = [start(url, port) for _ in range(count)]
    stopped = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, 0.3))
        victim = workers.pop(chance.randrange(len(workers)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        workers.append(start(url, port))
    print("killed", kills, flush=True)
    while not stopped:
        time.sleep(0.02)
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
    return sum(os.waitpid(worker, 0)[1] != 0 for worker in workers)


if __name__ == "__main__":
    sys.exit(main())
