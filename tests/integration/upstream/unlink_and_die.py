"""A process that ends the grants of a user, and is killed right after the commit; run by the tests.

Arguments: URL KEYS USER.
"""

import os
import signal
import sys
import uuid
from pathlib import Path

from doorward_auth.upstream.grants import repository
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


def main() -> int:
    """Commit, and be killed."""
    url, keys, user = sys.argv[1:]
    grant_setup = GrantSetup(url, Path(keys), DirectAdapter(RotatingUpstream()))
    with grant_setup.transaction() as connection:
        repository.end_all(connection, uuid.UUID(user), PROVIDER)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
