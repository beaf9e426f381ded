"""`python -m bench.seed`: store people or tickets by the million, in databases that are migrated.

The server makes the rows itself (INSERT ... SELECT), which is faster than any client could send them.
"""

import argparse
import sys
import time
import uuid

import sqlalchemy as sa

from bench import seed_directory, seed_tickets
from bench.seed_users import SeededUsers
from doorward_identity.tables import users
from doorward_kit.database import create_engine


def main() -> int:
    """Store what is asked for; return the exit status."""
    options = _options()
    if options.people:
        started = time.monotonic()
        seed_directory.create(options.database_url, options.people)
        _report("people", options.people, started)
    if options.tickets:
        started = time.monotonic()
        authors = SeededUsers(_authors(options), (), "", ())
        seed_tickets.create(options.tickets_database_url, authors, options.tickets)
        _report("tickets", options.tickets, started)
    return 0


def _authors(options: argparse.Namespace) -> tuple[uuid.UUID, ...]:
    """Return the first users, so that each has the usual number of tickets."""
    engine = create_engine(options.database_url, pool_size=1, timeout=60)
    count = options.tickets // seed_tickets.TICKETS_PER_AUTHOR
    with engine.connect() as connection:
        found = tuple(connection.execute(sa.select(users.c.id).order_by(users.c.id).limit(count)).scalars())
    engine.dispose()
    return found


def _report(what: str, count: int, started: float) -> None:
    seconds = time.monotonic() - started
    print(f"bench: stored {count:,} {what} in {seconds:.0f} s, {count / seconds:,.0f}/s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("--database-url", required=True, help="of auth and users (MariaDB)")
    parser.add_argument("--tickets-database-url", help="of tickets")
    parser.add_argument("--people", type=int, default=0, help="a multiple of a thousand")
    parser.add_argument("--tickets", type=int, default=0, help="a multiple of fifty")
    options = parser.parse_args()
    if options.people % seed_directory.STEP or options.tickets % seed_tickets.COPIES:
        parser.error("--people takes a multiple of a thousand, --tickets of fifty")
    if options.tickets and not options.tickets_database_url:
        parser.error("--tickets needs --tickets-database-url")
    return options


if __name__ == "__main__":
    sys.exit(main())
