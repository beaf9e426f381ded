"""The command line of a service with a database of its own: serve, or migrate that database."""

import argparse
from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa
from fastapi import FastAPI

from doorward_client.settings import SettingsError, load_settings
from doorward_kit.database import create_engine, error_text
from doorward_kit.database_readiness import wait_for_database
from doorward_kit.logging import configure_logging
from doorward_kit.server import fail, run_service
from doorward_kit.settings import DatabaseSettings, ServiceSettings

S = TypeVar("S", bound=ServiceSettings)

_STATEMENT_SECONDS: Final = 60.0
"""A migration may wait for longer than a request: it rewrites tables."""


def run(package: str, settings_class: type[S], create_app: Callable[[S], FastAPI]) -> int:
    """Do what the command line says; return the exit status. `package` has the migrations."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.add_parser("serve", help="serve as the environment says (the default)")
    migrating = commands.add_parser("migrate", help="bring the database's schema up to date; safe to repeat")
    add_waiting(migrating)
    migrating.set_defaults(run=lambda options: _migrate(package, options.wait))
    parser.set_defaults(run=lambda _options: run_service(settings_class, create_app))
    options = parser.parse_args()
    status: int = options.run(options)
    return status


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """Add the option `--wait` to a command that starts beside its database."""
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait for the database for so long"
    )


def _migrate(package: str, wait: float) -> int:
    # Imported by those who migrate: services need not load Alembic.
    from doorward_kit.migrations import MigrationBusyError, migrate  # noqa: PLC0415

    try:
        settings = load_settings(DatabaseSettings)
        configure_logging(settings.log_level)
        engine = create_engine(
            settings.database_url.get_secret_value(),
            pool_size=1,
            timeout=_STATEMENT_SECONDS,
            tls_ca_file=settings.database_tls_ca_file,
        )
        wait_for_database(engine, wait)
        migrate(engine, package)
    except (SettingsError, MigrationBusyError) as error:
        return fail(str(error))
    except sa.exc.DBAPIError as error:
        return fail(f"the database cannot be used: {error_text(error)}")
    print("doorward: the schema is up to date")  # noqa: T201 - the command's own output
    return 0
