"""The commands about users: create-admin, import-users, export-users."""

import argparse
import getpass
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from doorward import create_admin, export_users, import_users
from doorward.settings import CommandSettings
from doorward.user_file import UnacceptableImportError
from doorward_client.settings import SettingsError, load_settings
from doorward_identity import schema
from doorward_identity.emails import email_key
from doorward_identity.passwords import PasswordHashing
from doorward_identity.settings import RegistrationDomainSettings
from doorward_identity.user_export import FileFormat
from doorward_kit.database_readiness import wait_for_database
from doorward_kit.logging import configure_logging
from doorward_kit.metrics import Metrics
from doorward_kit.server import fail
from doorward_kit.unit_of_work import Database

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

OpenDatabase = Callable[[CommandSettings], Database]

_OUTCOMES: Final = {
    create_admin.AdminOutcome.CREATED: "created the administrator {email}",
    create_admin.AdminOutcome.PROMOTED: "{email} existed and is now an active administrator; its password is"
    " unchanged",
    create_admin.AdminOutcome.PASSWORD_RESET: "{email} has the new password; its sessions are ended",
    create_admin.AdminOutcome.UNCHANGED: "{email} is an administrator already; nothing changed",
}


def add_commands(commands: "Commands", open_database: OpenDatabase) -> None:
    """Declare the commands."""
    _add_create_admin(commands, open_database)
    _add_import_users(commands, open_database)
    _add_export_users(commands, open_database)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Declare `--wait`."""
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait this long for the database"
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        type=FileFormat,
        choices=list(FileFormat),
        help="how the file is written; by default its name says it",
    )


def _add_create_admin(commands: "Commands", open_database: OpenDatabase) -> None:
    command = commands.add_parser(
        "create-admin",
        help="create the first administrator; safe to repeat",
        description="The address comes from --email or DOORWARD_ADMIN_EMAIL; the password from"
        " --password-file, DOORWARD_ADMIN_PASSWORD, DOORWARD_ADMIN_PASSWORD_FILE or a prompt.",
    )
    command.add_argument("--email", help="address of the account (default: DOORWARD_ADMIN_EMAIL)")
    command.add_argument("--password-file", type=Path, help="a file with the password")
    command.add_argument(
        "--reset-password", action="store_true", help="set the password of an existing account"
    )
    command.add_argument(
        "--must-change",
        action="store_true",
        help="make it a temporary password, to be replaced at the first login"
        " (DOORWARD_ADMIN_PASSWORD_MUST_CHANGE)",
    )
    add_wait(command)
    command.set_defaults(run=partial(_create_admin, open_database))


def _add_import_users(commands: "Commands", open_database: OpenDatabase) -> None:
    command = commands.add_parser(
        "import-users",
        help="import users from another system, with their password hashes",
        description='One JSON object a line: {"email": ..., "name": ..., "role": "user",'
        ' "status": "active", "password_hash": ...}. Or CSV whose first line names these columns.'
        " The last three are optional: users without a hash set a password by a reset. Accounts that exist"
        " already stay unchanged, so that an import that was stopped is repeated. All lines are checked"
        " first, and one that is invalid stops the whole import.",
    )
    command.add_argument("file", type=Path, help="JSON Lines, or CSV by its name; - for standard input")
    _add_format(command)
    command.add_argument("--check", action="store_true", help="only check the lines")
    command.add_argument(
        "--skip-invalid",
        type=Path,
        metavar="REPORT",
        help="import the valid lines, and write what is wrong with each other line to this file",
    )
    command.set_defaults(run=partial(_import_users, open_database))


def _add_export_users(commands: "Commands", open_database: OpenDatabase) -> None:
    command = commands.add_parser(
        "export-users",
        help="write all users to a file that import-users reads",
        description="One user a line, in the order of their ids. Users who are created, changed or deleted"
        " meanwhile are in it as they were before or after.",
    )
    command.add_argument("file", type=Path, help="JSON Lines, or CSV by its name; - for standard output")
    _add_format(command)
    command.add_argument(
        "--with-password-hashes",
        action="store_true",
        help="for a move to another installation; keep the file secret",
    )
    command.set_defaults(run=partial(_export_users, open_database))


def _create_admin(open_database: OpenDatabase, options: argparse.Namespace) -> int:
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level, sys.stderr)
    email = options.email or settings.admin_email
    password = _password(options, settings)
    database = open_database(settings)
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
    if settings.is_outside_domains(email_key(email)):
        _warn(f"{email} is outside the domains of DOORWARD_REGISTRATION_DOMAINS")
    return 0


def _import_users(open_database: OpenDatabase, options: argparse.Namespace) -> int:
    file_format = options.format or FileFormat.of(options.file)
    with ExitStack() as opened:
        file = opened.enter_context(import_users.open_users(options.file))
        report = None if options.skip_invalid is None else opened.enter_context(_report(options.skip_invalid))
        invalid = import_users.InvalidLines(report)
        # Not CommandSettings: to check the lines needs no database.
        domains = load_settings(RegistrationDomainSettings)
        checked = import_users.check(file, file_format, invalid, is_outside=domains.is_outside_domains)
        if checked.invalid and report is None:
            raise UnacceptableImportError(f"nothing was imported\n  {invalid}")
        if options.check:
            print(f"doorward: {checked.valid} users can be imported")
        else:
            settings = load_settings(CommandSettings)
            configure_logging(settings.log_level, sys.stderr)
            done = import_users.import_users(open_database(settings), file, file_format, checked)
            print(f"doorward: imported {done.created} users; {done.present} existed already")
    if checked.outside:
        _warn(f"{checked.outside} addresses are outside the domains of DOORWARD_REGISTRATION_DOMAINS")
    if checked.invalid:
        return fail(f"{checked.invalid} lines are invalid, see {options.skip_invalid}\n  {invalid}")
    return 0


def _export_users(open_database: OpenDatabase, options: argparse.Namespace) -> int:
    settings = load_settings(CommandSettings)
    configure_logging(settings.log_level, sys.stderr)
    file_format = options.format or FileFormat.of(options.file)
    with export_users.created(options.file) as file:
        done = export_users.export_users(
            open_database(settings), file, file_format, with_hashes=options.with_password_hashes
        )
    # Standard output may be the file.
    print(f"doorward: exported {done} users", file=sys.stderr)
    return 0


def _warn(text: str) -> None:
    """Say what an administrator may do, and users may not."""
    print(f"doorward: warning: {text}", file=sys.stderr)


def _report(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UnacceptableImportError(f"{path} cannot be written: {error.strerror}") from None


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
