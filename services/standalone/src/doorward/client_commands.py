"""`doorward client`: registers the applications and machines that get tokens from auth."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from pydantic import ValidationError

from doorward.settings import ClientCommandSettings
from doorward_auth.oidc.clients import registration, repository
from doorward_auth.oidc.clients.client import ClientKind, IdTokenAlgorithm, IdTokenClaims, RegisteredClient
from doorward_auth.oidc.clients.errors import ClientIsManagedError, ClientNotFoundError
from doorward_auth.oidc.clients.lists import ClientList, ListedClient, UnacceptableListError, delete_disabled
from doorward_auth.oidc.clients.registration import ClientRegistration
from doorward_auth.oidc.clients.schemas import ClientCreate
from doorward_client import strict_json
from doorward_client.errors import DoorwardError
from doorward_client.keys.secret_strength import check_secret
from doorward_client.settings import SettingsError, load_settings
from doorward_identity.schema import schema_problem
from doorward_kit.database_readiness import wait_for_database
from doorward_kit.logging import configure_logging
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError

OpenDatabase = Callable[[ClientCommandSettings], Database]

_LISTS: Final = {
    "--redirect": ("redirect_uris", "URI that users are sent back to, compared as an exact text"),
    "--post-logout": ("post_logout_redirect_uris", "URI that users are sent to after they signed out"),
    "--origin": ("origins", "origin of a public client's pages, for CORS"),
    "--scope": ("scopes", "scope that it may ask for (default: openid, profile, email)"),
    "--audience": ("audiences", "resource that it may get access tokens for"),
    "--group": ("allowed_groups", "group whose users may sign in (default: everyone)"),
}


def add_arguments(command: argparse.ArgumentParser, open_database: OpenDatabase) -> None:
    """Declare the commands of `doorward client`."""
    actions = command.add_subparsers(required=True, metavar="ACTION")

    def declare(name: str, act: "_Action", text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text)
        action.set_defaults(run=lambda options: _run(act, options, open_database))
        return action

    added = declare("add", _add, "register a client; prints its secret, which is shown this once")
    added.add_argument("client_id", help="name of the client in requests; never changes")
    added.add_argument(
        "--kind",
        choices=[kind.value for kind in ClientKind],
        default="confidential",
        help="public: a page or an app on a device; confidential: a server (default); machine: a program"
        " without users",
    )
    added.add_argument("--name", help="shown to users (default: the client id)")
    for option, (member, text) in _LISTS.items():
        added.add_argument(option, dest=member, action="append", metavar="TEXT", help=f"{text}; repeatable")
    added.add_argument(
        "--backchannel-logout",
        dest="backchannel_logout_uri",
        metavar="URI",
        help="where the client is notified of ended sessions",
    )
    added.add_argument("--first-party", action="store_true", help="users are not asked for consent")
    added.add_argument("--without-pkce", action="store_true", help="for a client that cannot do PKCE")
    added.add_argument(
        "--id-token-alg",
        choices=[algorithm.value for algorithm in IdTokenAlgorithm],
        default="RS256",
        help="algorithm of its id tokens (default: RS256)",
    )
    added.add_argument(
        "--id-token-claims",
        choices=[claims.value for claims in IdTokenClaims],
        default="full",
        help="full: id tokens have the claims that userinfo answers (default); minimal: they have not",
    )
    added.add_argument("--secret-file", type=Path, help="use the secret of this file (32 bytes or more)")

    declare("list", _list, "list the clients")
    for name, act, text in (
        ("add-secret", _add_secret, "add a second secret; prints it, this once"),
        ("remove-secret", _remove_secret, "delete the older of two secrets"),
        ("remove", _remove, "delete a client and end its sessions"),
    ):
        declare(name, act, text).add_argument("client_id")

    applied = declare("apply", _apply, "make the clients those of a JSON file; deletes only its own")
    applied.add_argument(
        "file", type=Path, help="a JSON array of clients, as POST /api/v1/auth/clients takes them"
    )
    applied.add_argument(
        "--managed-by", default="file", metavar="NAME", help="name of the list (default: file)"
    )
    applied.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait this long for the database"
    )
    applied.add_argument(
        "--secrets",
        type=Path,
        metavar="FOLDER",
        help="folder with a file for each secret, named by client id",
    )


_Action = Callable[[argparse.Namespace, Database, ClientRegistration], None]


def _run(act: _Action, options: argparse.Namespace, open_database: OpenDatabase) -> int:
    settings = load_settings(ClientCommandSettings)
    configure_logging(settings.log_level, sys.stderr)
    rules = ClientRegistration(settings.client_policy(), token_seconds=settings.access_token_seconds)
    try:
        act(options, open_database(settings), rules)
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None
    except DatabaseUnavailableError:
        raise  # `doorward` says why, for each of its commands
    except DoorwardError as error:
        mistakes = [f"{field.pointer}: {field.detail}" for field in error.errors or ()]
        raise SettingsError("; ".join(mistakes) or error.message) from None
    except UnacceptableListError as error:
        raise SettingsError(str(error)) from None
    return 0


def _add(options: argparse.Namespace, database: Database, rules: ClientRegistration) -> None:
    members = {name: getattr(options, name) for name, _ in _LISTS.values() if getattr(options, name)}
    new = ClientCreate.model_validate(
        {
            "client_id": options.client_id,
            "kind": options.kind,
            "name": options.name or options.client_id,
            "first_party": options.first_party,
            "require_pkce": not options.without_pkce,
            "id_token_alg": options.id_token_alg,
            "id_token_claims": options.id_token_claims,
            "backchannel_logout_uri": options.backchannel_logout_uri,
            **members,
        }
    )
    own_secret = None if options.secret_file is None else _secret(options.secret_file)
    _, secret = database.write_now(
        lambda connection: rules.create(connection, new, actor=None, secret=own_secret)
    )
    print(f"doorward: registered {new.client_id}")
    if secret is not None and own_secret is None:
        print(secret)


def _list(_options: argparse.Namespace, database: Database, _rules: ClientRegistration) -> None:
    clients = database.write_now(
        lambda connection: repository.list_clients(connection, None, registration.MAX_CLIENTS)
    )
    for client in clients:
        notes = [client.kind.value, *(["disabled"] if client.is_disabled else [])]
        notes += [f"of {client.managed_by}"] if client.managed_by else []
        print(f"{client.client_id}  {', '.join(notes)}  {' '.join(client.redirect_uris)}".rstrip())


def _add_secret(options: argparse.Namespace, database: Database, rules: ClientRegistration) -> None:
    def work(connection: sa.Connection) -> str:
        return rules.add_secret(connection, _find_changeable(connection, options.client_id), actor=None)[1]

    print(database.write_now(work))


def _remove_secret(options: argparse.Namespace, database: Database, rules: ClientRegistration) -> None:
    def work(connection: sa.Connection) -> None:
        client = _find_changeable(connection, options.client_id)
        secrets = registration.read(connection, client.id).secrets
        if not secrets:
            raise ClientNotFoundError
        rules.remove_secret(connection, client, secrets[0].id, actor=None)

    database.write_now(work)
    print(f"doorward: deleted the older secret of {options.client_id}")


def _remove(options: argparse.Namespace, database: Database, rules: ClientRegistration) -> None:
    def disable(connection: sa.Connection) -> RegisteredClient:
        client = _find_changeable(connection, options.client_id)
        rules.disable_to_delete(connection, client)
        return client

    delete_disabled(rules, database.write_now, database.write_now(disable).id)
    print(f"doorward: deleted {options.client_id}")


def _apply(options: argparse.Namespace, database: Database, rules: ClientRegistration) -> None:
    listed = [_listed(member, options.secrets) for member in _read(options.file)]
    if len({client.new.client_id for client in listed}) < len(listed):
        raise UnacceptableListError("the list has a client_id twice")
    wait_for_database(database.engine, options.wait, schema_problem)
    applied, disabled_ids = database.write_now(ClientList(rules, options.managed_by, listed).apply)
    for row_id in disabled_ids:
        delete_disabled(rules, database.write_now, row_id)
    print(
        f"doorward: {len(listed)} clients of {options.managed_by}: {len(applied.created)} created,"
        f" {len(applied.changed)} changed, {len(applied.deleted)} deleted"
    )


def _find_changeable(connection: sa.Connection, client_id: str) -> RegisteredClient:
    client = repository.find(connection, client_id)
    if client is None:
        raise ClientNotFoundError
    if client.managed_by is not None:
        raise ClientIsManagedError
    return client


def _read(path: Path) -> Sequence[Any]:
    try:
        document = strict_json.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except strict_json.InvalidJsonError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, list):
        raise SettingsError(f"{path} is not a JSON array of clients")
    return document


def _listed(member: object, folder: Path | None) -> ListedClient:
    try:
        new = ClientCreate.model_validate(member)
    except ValidationError as error:
        name = member.get("client_id") if isinstance(member, dict) else None
        raise UnacceptableListError(f"{name or 'a client'}: {'; '.join(_problems(error))}") from None
    if new.kind is ClientKind.PUBLIC:
        return ListedClient(new, None)
    if folder is None:
        raise UnacceptableListError(
            f"{new.client_id} has a secret; name the folder of secrets with --secrets"
        )
    return ListedClient(new, _secret(folder / new.client_id))


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        check_secret(secret.encode("utf-8"))
    except OSError as error:
        raise SettingsError(f"the secret {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"the secret {path} {error}") from None
    return secret


def _problems(error: ValidationError) -> list[str]:
    return [
        f"/{'/'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
