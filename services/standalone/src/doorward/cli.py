"""The command `doorward`: everything in one process, administration, and a development mailbox."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from doorward import (
    client_commands,
    create_admin,
    export_users,
    import_users,
    rotate_key,
    rotate_vault,
    user_commands,
)
from doorward.env_file import load_env_file
from doorward.migrate import migrate_databases
from doorward.purge_audit import purge_audit
from doorward.settings import CommandSettings, MigrateSettings
from doorward.user_commands import add_wait
from doorward.user_file import UnacceptableImportError
from doorward_client.settings import SettingsError, load_settings
from doorward_kit.database_errors import error_text
from doorward_kit.logging import configure_logging
from doorward_kit.metrics import Metrics
from doorward_kit.migrations import MigrationBusyError
from doorward_kit.server import PortTakenError, fail
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError

_REFUSALS: Final = (
    SettingsError,
    PortTakenError,
    MigrationBusyError,
    create_admin.UnacceptableAdminError,
    UnacceptableImportError,
    import_users.ImportContendedError,
    export_users.UnwritableExportError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    # Databases, keys and mail are for this user alone.
    os.umask(0o077)
    try:
        if options.env_file is not None:
            load_env_file(options.env_file)
        status: int = options.run(options)
    except _REFUSALS as error:
        return fail(str(error))
    except (DatabaseUnavailableError, sa.exc.DBAPIError) as error:
        return fail(f"the database cannot be used: {error_text(error)} (see {_database_variables()})")
    return status


def _database_variables() -> str:
    """Name the variables that say where the databases are."""
    variables = map(MigrateSettings.variable_of, ("database_url", "tickets_database_url"))
    return " and ".join(name for name in variables if os.environ.get(name)) or "DOORWARD_DATA_DIR"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doorward",
        description="Login, users and tickets for a small team's Kubernetes.",
        epilog="Settings are environment variables. Commands use the database of DOORWARD_DATABASE_URL, or"
        " without it the local one of `make run` (in DOORWARD_DATA_DIR, by default var/).",
    )
    parser.add_argument(
        "--env-file",
        type=Path,
        help="a file of NAME=value lines; variables of the environment take precedence",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "serve",
        help="run every service in one process (a laptop, a demo)",
        description="Migrates, creates the first administrator, and serves on DOORWARD_HOST (127.0.0.1) and"
        " DOORWARD_PORT (8080).",
    )
    command.set_defaults(run=_serve)

    command = commands.add_parser(
        "migrate",
        help="bring every database that is given up to date; safe to repeat",
        description="Migrates DOORWARD_DATABASE_URL (identity) and DOORWARD_TICKETS_DATABASE_URL, whichever"
        " is set; without both the local SQLite files.",
    )
    add_wait(command)
    command.set_defaults(run=_migrate)

    user_commands.add_commands(commands, _open)

    command = commands.add_parser(
        "client", help="register the applications and machines that get tokens (docs/openid-connect.md)"
    )
    client_commands.add_arguments(command, _open)

    command = commands.add_parser(
        "purge-audit", help="delete audit events older than DOORWARD_AUDIT_RETENTION_DAYS"
    )
    command.set_defaults(run=_purge_audit)

    command = commands.add_parser(
        "rotate-key",
        help="write the next key set; running services load it within seconds",
        description="Adds the next signing key; earlier keys verify until their last token expires. A new key"
        " set starts with DOORWARD_SECRET_KEY, if that is set.",
    )
    rotate_key.add_arguments(command)
    command.set_defaults(run=rotate_key.rotate)

    command = commands.add_parser(
        "rotate-vault",
        help="seal the stored tokens of upstreams with a new key; safe to stop and to repeat",
        description="Makes the first key of the vault. Otherwise adds a key, waits until every service has"
        " it, seals all stored tokens with it while the services run, and drops keys that nothing uses.",
    )
    rotate_vault.add_arguments(command)
    command.set_defaults(run=_rotate_vault)

    command = commands.add_parser(
        "dev-mailbox",
        help="receive mail and show it, for development",
        description="Receives mail on DOORWARD_MAILBOX_SMTP_PORT and shows it on DOORWARD_PORT, at an address"
        " with the secret DOORWARD_MAILBOX_KEY. Nothing is delivered.",
    )
    command.set_defaults(run=_dev_mailbox)
    return parser


# The servers are a third of what there is to import, and only these two commands need them.


def _serve(_options: argparse.Namespace) -> int:
    from doorward import serve  # noqa: PLC0415

    return serve.run()


def _dev_mailbox(_options: argparse.Namespace) -> int:
    from doorward import dev_mailbox  # noqa: PLC0415

    return dev_mailbox.run()


def _migrate(options: argparse.Namespace) -> int:
    settings = load_settings(MigrateSettings)
    configure_logging(settings.log_level, sys.stderr)
    for name in migrate_databases(settings, wait=options.wait):
        print(f"doorward: the {name} schema is up to date")
    return 0


def _purge_audit(_options: argparse.Namespace) -> int:
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level, sys.stderr)
    purged = purge_audit(_open(settings), days=settings.audit_retention_days)
    print(f"doorward: deleted {purged} events older than {settings.audit_retention_days} days")
    return 0


def _rotate_vault(options: argparse.Namespace) -> int:
    def open_database() -> Database:
        settings = load_settings(CommandSettings)
        configure_logging(settings.log_level, sys.stderr)
        return _open(settings)

    return rotate_vault.rotate(options, open_database)


def _open(settings: CommandSettings) -> Database:
    # A command may wait longer than a request.
    return Database(settings, Metrics(), pool_size=1, timeout=60)
