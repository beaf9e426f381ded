"""Enqueue mails in transactions that last a while, some of which are rolled back; run by the tests.

Usage: python write_mails.py URL JOURNAL SEED, until SIGTERM. Before each commit or rollback a line of
JSON goes to the journal: `ids`, `committing_at`, `is_committed`.
"""

import json
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from doorward_kit.database import create_engine
from doorward_mail.outbox.mail import Mail, enqueue
from integration.mail.mailing import notice, outbox


def main() -> None:
    """Run as described above."""
    url, journal, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    stopped = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    engine = create_engine(url, pool_size=1, timeout=20)
    begin = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN"
    with journal.open("a", encoding="utf-8", buffering=1) as lines:
        while not stopped:
            mails = [
                Mail("code", f"person{chance.randrange(10**9)}@example.com")
                if chance.random() < 0.3
                else notice(chance.randrange(10**9))
                for _ in range(chance.randint(1, 3))
            ]
            with engine.connect() as connection:
                connection.exec_driver_sql(begin)
                for mail in mails:
                    enqueue(connection, outbox, mail)
                time.sleep(chance.uniform(0, 0.03))
                is_committed = chance.random() < 0.75
                entry = {
                    "ids": [str(mail.id) for mail in mails],
                    "committing_at": time.time(),
                    "is_committed": is_committed,
                }
                lines.write(json.dumps(entry) + "\n")
                if is_committed:
                    connection.commit()
                else:
                    connection.rollback()
            time.sleep(chance.uniform(0, 0.03))
    engine.dispose()


if __name__ == "__main__":
    main()
