"""Rejects authentication plugins that would give the password to a server that is not the database.

Without TLS the server is not authenticated. `caching_sha2_password` and `sha256_password` of MySQL then
encrypt the password with a key that the server has just sent; other plugins ask for the password itself.
PyMySQL would do both. The clients of MySQL do neither by default.
"""

from typing import Any, Final, NoReturn

import pymysql
import sqlalchemy as sa
import structlog
from pymysql.constants import CR

log = structlog.get_logger(__name__)

_WITH_PUBLIC_KEY: Final = ("caching_sha2_password", "sha256_password")
_IN_PLAIN_TEXT: Final = ("mysql_clear_password", "dialog")

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts without a network in between, unless a proxy listens there."""


def authentication_arguments(url: sa.URL, *, tls: bool, allow_public_key_retrieval: bool) -> dict[str, Any]:
    """Return PyMySQL's arguments that reject those plugins."""
    if tls or "unix_socket" in url.query:
        return {}
    key_allowed = allow_public_key_retrieval or not url.host or url.host in _THIS_MACHINE
    rejected = _IN_PLAIN_TEXT if key_allowed else (*_WITH_PUBLIC_KEY, *_IN_PLAIN_TEXT)
    return {"auth_plugin_map": {name: _rejection(name) for name in rejected}}


def _rejection(plugin: str) -> type:
    """Return a handler of PyMySQL for a plugin, which sends nothing.

    It also rejects a password that the server remembers: that works only until the server restarts.
    """

    class Rejection:
        def __init__(self, _connection: object) -> None:
            pass

        def authenticate(self, _packet: object) -> NoReturn:
            reason = (
                f"the server asks for {plugin}, which without TLS would give the password to an attacker in"
                " its place: set DOORWARD_DATABASE_TLS_CA_FILE"
            )
            log.error("database.authentication_rejected", plugin=plugin, reason=reason)
            raise pymysql.err.OperationalError(CR.CR_AUTH_PLUGIN_ERR, reason)

    return Rejection
