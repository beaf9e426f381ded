"""The command `doorward`: everything in one process, administration, and a development mailbox."""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from doorward import create_admin, dev_mailbox, import_users, rotate_key, rotate_vault, serve
from doorward.env_file import load_env_file
from doorward.migrate import migrate_databases
from doorward.purge_audit import purge_audit
from doorward.settings import CommandSettings, MigrateSettings
from doorward_client.settings import SettingsError, load_settings
from doorward_identity import schema
from doorward_identity.passwords import PasswordHashing
from doorward_kit.database import error_text
from doorward_kit.database_readiness import wait_for_database
from doorward_kit.logging import configure_logging
from doorward_kit.metrics import Metrics
from doorward_kit.migrations import MigrationBusyError
from doorward_kit.server import PortTakenError, fail
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError

_OUTCOMES: Final = {
    create_admin.Outcome.CREATED: "created the administrator {email}",
    create_admin.Outcome.PROMOTED: "{email} existed and is now an active administrator; its password is"
    " unchanged",
    create_admin.Outcome.PASSWORD_RESET: "{email} has the new password; its sessions are ended",
    create_admin.Outcome.UNCHANGED: "{email} is an administrator already; nothing changed",
}
_REFUSALS: Final = (
    SettingsError,
    MigrationBusyError,
    create_admin.UnacceptableAdminError,
    import_users.UnacceptableImportError,
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
    except PortTakenError as error:
        return fail(f"{error}; `PORT=9000 make run` (or DOORWARD_PORT) takes another port")
    except (DatabaseUnavailableError, sa.exc.DBAPIError) as error:
        return fail(f"the database cannot be used: {error_text(error)}")
    except KeyboardInterrupt:
        return 130
    return status


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait this long for the database"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doorward", description="Login, users and tickets for a small team's Kubernetes."
    )
    parser.add_argument(
        "--env-file",
        type=Path,
        help="a file of NAME=value lines; variables of the environment take precedence",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("serve", help="run every service in one process (a laptop, a demo)")
    command.set_defaults(run=lambda _options: serve.run())

    command = commands.add_parser(
        "migrate",
        help="bring every database that is given up to date; safe to repeat",
        description="Migrates DOORWARD_DATABASE_URL (identity) and DOORWARD_TICKETS_DATABASE_URL, whichever"
        " is set; without both the local SQLite files.",
    )
    _add_wait(command)
    command.set_defaults(run=_migrate)

    command = commands.add_parser(
        "create-admin",
        help="create the first administrator; safe to repeat",
        description="The address comes from --email or DOORWARD_ADMIN_EMAIL; the password from"
        " --password-file, DOORWARD_ADMIN_PASSWORD, DOORWARD_ADMIN_PASSWORD_FILE or a prompt.",
    )
    command.add_argument("--email")
    command.add_argument("--password-file", type=Path)
    command.add_argument(
        "--reset-password", action="store_true", help="set the password of an existing account"
    )
    command.add_argument(
        "--must-change",
        action="store_true",
        help="make it a temporary password, to be replaced at the first login"
        " (DOORWARD_ADMIN_PASSWORD_MUST_CHANGE)",
    )
    _add_wait(command)
    command.set_defaults(run=_create_admin)

    command = commands.add_parser(
        "import-users",
        help="import users from another system, with their password hashes",
        description='One JSON object a line: {"email": ..., "name": ..., "role": "user",'
        ' "status": "active", "password_hash": ...}.'
        " The last three are optional: users without a hash set a password by a reset. Accounts that exist"
        " already stay unchanged. One invalid line stops the whole import.",
    )
    command.add_argument("file", type=Path, help="JSON Lines, - for standard input")
    command.add_argument("--check", action="store_true", help="only check the lines")
    command.set_defaults(run=_import_users)

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
    command.set_defaults(run=lambda _options: dev_mailbox.run())
    return parser


def _migrate(options: argparse.Namespace) -> int:
    settings = load_settings(MigrateSettings)
    configure_logging(settings.log_level)
    for name in migrate_databases(settings, wait=options.wait):
        print(f"doorward: the {name} schema is up to date")
    return 0


def _create_admin(options: argparse.Namespace) -> int:
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level)
    email = options.email or settings.admin_email
    password = _password(options, settings)
    database = _open(settings)
    wait_for_database(database.engine, options.wait, schema.schema_problem)
    hashing = PasswordHashing(settings, Metrics())
    outcome = create_admin.create_admin(
        database,
        hashing,
        email,
        password,
        reset_password=options.reset_password,
        must_change=options.must_change or settings.admin_password_must_change,
    )
    print("doorward: " + _OUTCOMES[outcome].format(email=email))
    return 0


def _import_users(options: argparse.Namespace) -> int:
    users = import_users.read_users(options.file)
    if options.check:
        print(f"doorward: {len(users)} users can be imported")
        return 0
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level)
    done = import_users.import_users(_open(settings), users)
    print(f"doorward: imported {done.created} users; {done.present} existed already")
    return 0


def _purge_audit(_options: argparse.Namespace) -> int:
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level)
    purged = purge_audit(_open(settings), days=settings.audit_retention_days)
    print(f"doorward: deleted {purged} events older than {settings.audit_retention_days} days")
    return 0


def _rotate_vault(options: argparse.Namespace) -> int:
    def open_database() -> Database:
        settings = load_settings(CommandSettings)
        configure_logging(settings.log_level)
        return _open(settings)

    return rotate_vault.rotate(options, open_database)


def _password(options: argparse.Namespace, settings: CommandSettings) -> str:
    if options.password_file is not None:
        try:
            text: str = options.password_file.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"--password-file cannot be read: {error}") from None
        return text.removesuffix("\n")
    if settings.admin_password is not None:
        return settings.admin_password.get_secret_value()
    if not sys.stdin.isatty():
        raise SettingsError("DOORWARD_ADMIN_PASSWORD is not set (nor DOORWARD_ADMIN_PASSWORD_FILE)")
    password = getpass.getpass("Password of the administrator: ")
    if getpass.getpass("Once more: ") != password:
        raise SettingsError("the two passwords differ")
    return password


def _open(settings: CommandSettings) -> Database:
    # A command may wait longer than a request.
    return Database(settings, Metrics(), pool_size=1, timeout=60)
