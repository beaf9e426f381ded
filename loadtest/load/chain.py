"""The whole chain on this machine, for `make load`: HAProxy, NGINX, the services, MariaDB, each a process."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from bench.stack import REAL_HASHES
from load.wire import LoadError
from support.chain import running_chain
from support.processes import ProcessError

# Tokens that live so short that a run of a minute sees them renewed. What HAProxy allows one source is
# lifted by the chain itself: everybody comes from this machine.
_SETTINGS: Final[Mapping[str, str]] = {**REAL_HASHES, "DOORWARD_ACCESS_TOKEN_SECONDS": "20"}


@contextlib.contextmanager
def local_chain() -> Iterator[Mapping[str, str]]:
    """Run it for the block; give what the environment of a run says of it. Raises LoadError."""
    with contextlib.ExitStack() as stack:
        try:
            chain = stack.enter_context(running_chain(env=_SETTINGS))
        except (ProcessError, RuntimeError, OSError, pytest.skip.Exception, pytest.fail.Exception) as error:
            raise LoadError(f"the chain did not start: {error}") from None
        yield {
            "BASE_URL": chain.edge.haproxy.tls_url,
            "CA_FILE": str(chain.edge.certificate.authority),
            "ADMIN_EMAIL": chain.admin.email,
            "ADMIN_PASSWORD": chain.admin.password,
        }
