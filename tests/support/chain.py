"""The whole chain as separate processes: HAProxy -> NGINX -> auth, users, tickets -> MariaDB."""

import contextlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from support.certificates import Certificate, self_signed
from support.client import AUTH, USERS, Client
from support.databases import Database, DatabaseServer
from support.haproxy import HAProxy
from support.nginx import Nginx
from support.reaper import temporary_folder
from support.servers import database_server
from support.services import Admin, Service, ServiceName, create_admin, migrate, migrate_tickets

COMPOSE: Final = Path(__file__).parents[2] / "deploy" / "compose"
RIGHTS: Final = Path(__file__).parents[2] / "charts" / "doorward" / "files"
GRANTS: Final[Mapping[ServiceName, Path]] = {
    "auth": RIGHTS / "grants.sql",
    "users": RIGHTS / "grants.sql",
    "tickets": RIGHTS / "grants-tickets.sql",
}
CLIENT_SECRET: Final = secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Edge:
    """HAProxy and NGINX, in front of the services' ports."""

    haproxy: HAProxy
    nginx: Nginx
    certificate: Certificate

    def client(self, *, tls: bool = True, source: str | None = None) -> Client:
        """Return a client of HAProxy, through TLS or in the clear; the caller closes it.

        `source` is the address that it connects from, any of 127.0.0.0/8 on Linux.
        """
        if tls:
            return Client(self.haproxy.tls_url, tls=self.certificate.client_context(), source=source)
        return Client(self.haproxy.plain_url, source=source)


@dataclass(frozen=True)
class Chain:
    """The whole chain, each part a process that a test may stop, kill, freeze and restart."""

    edge: Edge
    auth: Service
    users: Service
    tickets: Service
    server: DatabaseServer
    database: Database
    tickets_database: Database
    admin: Admin

    def client(self, *, tls: bool = True) -> Client:
        """Return a client that goes through HAProxy and NGINX; the caller closes it."""
        return self.edge.client(tls=tls)


@contextlib.contextmanager
def running_edge(
    auth_port: int,
    users_port: int,
    tickets_port: int,
    *,
    env: Mapping[str, str] | None = None,
    proxy_protocol: bool = False,
) -> Iterator[Edge]:
    """Run HAProxy and NGINX for the block; `env` changes HAProxy's DOORWARD_EDGE_ variables."""
    if proxy_protocol:
        env = {"DOORWARD_EDGE_PROXY_PROTOCOL": "v2", **(env or {})}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        certificate = self_signed(folder)
        nginx = stack.enter_context(
            Nginx(
                folder,
                auth=auth_port,
                users=users_port,
                tickets=tickets_port,
                proxy_protocol=proxy_protocol,
            )
        )
        haproxy = HAProxy(folder, nodes=[nginx.port], certificate=certificate, env=env)
        yield Edge(stack.enter_context(haproxy), nginx, certificate)


@contextlib.contextmanager
def running_chain(
    *,
    env: Mapping[str, str] | None = None,
    edge_env: Mapping[str, str] | None = None,
    durable: bool = True,
) -> Iterator[Chain]:
    """Run the whole chain for the block, migrated and with an administrator.

    `env` changes every service's variables, `edge_env` HAProxy's; see database_server for `durable`.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        server = stack.enter_context(database_server(durable=durable))
        database = stack.enter_context(server.create_database("chain"))
        migrate(database.url)
        tickets_database = stack.enter_context(server.create_database("chain_tickets"))
        migrate_tickets(tickets_database.url)
        admin = create_admin(database.url)

        def start(name: ServiceName, home: Database, **own: str) -> Service:
            log, url = folder / f"{name}.log", service_account(home, name)
            return stack.enter_context(Service(name, database_url=url, log=log, env={**own, **(env or {})}))

        auth = start("auth", database, DOORWARD_OAUTH_CLIENTS=json.dumps({"tickets": CLIENT_SECRET}))
        users = start("users", database)
        tickets = start("tickets", tickets_database, **tickets_environment(auth, users))
        edge = stack.enter_context(running_edge(auth.port, users.port, tickets.port, env=edge_env))
        yield Chain(edge, auth, users, tickets, server, database, tickets_database, admin)


def tickets_environment(auth: Service, users: Service) -> dict[str, str]:
    """Return the settings of tickets about auth and users."""
    return {
        "DOORWARD_AUTH_URL": auth.url + AUTH,
        "DOORWARD_USERS_URL": users.url + USERS,
        "DOORWARD_CLIENT_ID": "tickets",
        "DOORWARD_CLIENT_SECRET": CLIENT_SECRET,
    }


def service_account(database: Database, service: ServiceName) -> str:
    """Create a service's account with the shipped privileges, and return its URL.

    The tables must exist, because privileges are granted for each table.
    """
    url = database.account(service, {})
    account = f"TO `{sa.make_url(url).username}`@'%'"
    statements = re.sub(r"--.*", "", GRANTS[service].read_text(encoding="utf-8")).split(";")
    for statement in statements:
        if f"TO doorward_{service}" in statement:
            database.execute(statement.replace(f"TO doorward_{service}", account))
    return url
