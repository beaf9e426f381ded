"""`doorward migrate`: bring every database that is given up to date."""

from typing import Final, Protocol

from pydantic import SecretStr

from doorward_identity import schema as identity
from doorward_kit.database import create_engine
from doorward_kit.database_readiness import wait_for_database
from doorward_kit.migrations import migrate
from doorward_tickets import schema as tickets

_STATEMENT_SECONDS: Final = 60.0
"""A migration rewrites tables, so a statement may take longer than a request."""


class Databases(Protocol):
    """The settings that name the databases; an absent one is not migrated."""

    @property
    def database_url(self) -> SecretStr | None:
        """The identity database."""

    @property
    def tickets_database_url(self) -> SecretStr | None:
        """The database of tickets."""

    @property
    def database_tls_ca_file(self) -> str | None:
        """PEM file of the authority that verifies the servers' certificates."""

    @property
    def database_allow_public_key_retrieval(self) -> bool:
        """Whether a MySQL on another machine may be used without TLS."""


def migrate_databases(databases: Databases, *, wait: float = 0.0) -> list[str]:
    """Migrate each database that is given; return which, "identity" and "tickets".

    Waits up to `wait` seconds for each to answer. Safe to repeat, and to run twice at once.
    Raises MigrationBusyError and sqlalchemy.exc.DBAPIError.
    """
    packages = {
        "identity": (databases.database_url, identity.PACKAGE),
        "tickets": (databases.tickets_database_url, tickets.PACKAGE),
    }
    migrated = []
    for name, (url, package) in packages.items():
        if url is not None:
            _migrate(url.get_secret_value(), package, databases, wait)
            migrated.append(name)
    return migrated


def _migrate(url: str, package: str, databases: Databases, wait: float) -> None:
    engine = create_engine(
        url,
        pool_size=1,
        timeout=_STATEMENT_SECONDS,
        tls_ca_file=databases.database_tls_ca_file,
        allow_public_key_retrieval=databases.database_allow_public_key_retrieval,
        # The next run finds done what takes the server longer.
        interrupts_statements=False,
    )
    try:
        wait_for_database(engine, wait)
        migrate(engine, package)
    finally:
        engine.dispose()
