"""The whole chain on this machine for `make load`: HAProxy, NGINX, the services and MariaDB."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from bench.stack import DEFAULTS
from load.http_client import LoadError
from support.chain import running_chain
from support.processes import ProcessError

# A run of one minute has to include refreshes. The chain lifts HAProxy's limits per source, because
# all requests come from this machine.
_SETTINGS: Final[Mapping[str, str]] = {**DEFAULTS, "DOORWARD_ACCESS_TOKEN_SECONDS": "20"}


@contextlib.contextmanager
def local_chain() -> Iterator[Mapping[str, str]]:
    """Run the chain for the block; yield the environment of a run against it. Raises LoadError."""
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
