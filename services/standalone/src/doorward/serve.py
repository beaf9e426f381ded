"""`doorward serve`: every service in one process, with a first administrator."""

import secrets
import sys

from doorward import create_admin
from doorward.app import create_app
from doorward.loopback import LoopbackHosts
from doorward.migrate import migrate_databases
from doorward.private_files import make_private
from doorward.purge_audit import purge_audit
from doorward.settings import StandaloneSettings
from doorward_client.loopback import is_loopback
from doorward_client.settings import load_settings
from doorward_identity.passwords import PasswordHashing
from doorward_kit.logging import configure_logging
from doorward_kit.metrics import Metrics
from doorward_kit.server import listen, serve, url_of, warn_about_unknown_variables
from doorward_kit.unit_of_work import Database
from doorward_mail.transport.dev_mailbox_page import MAILBOX
from doorward_mail.transport.file_transport import prepare_folder


def run() -> int:
    """Prepare the data directory, the schema and the first administrator, then serve.

    Raises SettingsError, PortTakenError and DatabaseUnavailableError before it serves.
    """
    settings = load_settings(StandaloneSettings)
    configure_logging(settings.log_level)
    # Two that other commands read: `.env` is for all.
    warn_about_unknown_variables(StandaloneSettings, "DOORWARD_DATA_DIR", "DOORWARD_AUDIT_RETENTION_DAYS")
    make_private(settings)
    if settings.mailbox_dir is not None:
        prepare_folder(settings.mailbox_dir)
    listener = listen(
        settings.host,
        settings.port,
        hint="change DOORWARD_HOST or DOORWARD_PORT (`PORT=9000 make run`)",
    )
    # Before the administrator is created: a start that fails would leave a password that no one has seen.
    app = create_app(settings)
    login = _prepare(settings)
    _print_addresses(url_of(listener), login, settings)
    served = LoopbackHosts(app) if is_loopback(settings.host) else app
    serve(
        served,
        listener,
        shutdown_delay_seconds=settings.shutdown_delay_seconds,
        on_drain=app.front.state.resources.drain,
        on_stop=app.front.state.resources.stop,
    )
    return 0


def _prepare(settings: StandaloneSettings) -> str:
    """Migrate and create the first administrator; return how to log in."""
    migrate_databases(settings)
    database = Database(settings, Metrics(), pool_size=1, timeout=30)
    try:
        purge_audit(database, days=settings.audit_retention_days)
        return _first_admin(database, settings)
    finally:
        database.dispose()


def _first_admin(database: Database, settings: StandaloneSettings) -> str:
    configured = settings.admin_password
    if create_admin.has_admin(database):
        return "as before (password lost? make create-admin ARGS=--reset-password)"
    password = configured.get_secret_value() if configured else secrets.token_urlsafe(12)
    # A printed password is known to everyone who sees the terminal, so its owner chooses another.
    must_change = settings.admin_password_must_change if configured else True
    hashing = PasswordHashing(settings, Metrics())
    create_admin.create_admin(database, hashing, settings.admin_email, password, must_change=must_change)
    if configured:
        return f"{settings.admin_email} with the password of DOORWARD_ADMIN_PASSWORD"
    page = settings.public_url and f"at {settings.public_url}/auth/login"
    return (
        f"{settings.admin_email} with the temporary password {password} (shown this once);"
        f"\n                          choose your own {page or 'with POST /api/v1/auth/password'}"
    )


def _print_addresses(url: str, login: str, settings: StandaloneSettings) -> None:
    lines = [
        "",
        f"  Doorward is running at  {url}",
        f"  Log in as               {login}",
    ]
    if settings.docs_enabled:
        lines.append(f"  Interactive API docs    {url}/docs")
    if settings.mailbox_key is not None:
        lines.append(f"  Mail that it sends      {url}{MAILBOX}/{settings.mailbox_key}")
    lines += ["  Stop with Ctrl-C", ""]
    print("\n".join(lines), flush=True, file=sys.stdout)
