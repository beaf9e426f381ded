"""The services behind two HAProxies that have the same node of a cluster as the writer."""

import contextlib
import json
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa

from galera.cluster import Cluster, Node
from galera.load import Load, load_on, lost
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS, USERS
from integration.harness.tickets_chain import CLIENT
from support.databases import Database
from support.ports import free_port
from support.probes import http_status
from support.processes import Process
from support.requirements import HAPROXY, need
from support.services import Service

_CONFIG: Final = Path(__file__).parents[2] / "charts" / "doorward" / "files" / "database.cfg"


class Proxy(Process):
    """A HAProxy as the chart runs it: it tells its peer which node is the writer."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port, self.peers_port, self.health_port = free_port(), free_port(), free_port()
        self._socket = folder / f"{name}.socket"
        console = folder / f"{name}.cfg"
        console.write_text(f"global\n    stats socket {self._socket}\n", encoding="utf-8")
        super().__init__(
            name,
            [need(HAPROXY), "-db", "-f", _CONFIG, "-f", console],
            log=folder / f"{name}.log",
            ready=lambda: http_status(self.health_port, "/readyz") == 200,
        )

    def introduce(self, cluster: Cluster, peer: "Proxy") -> None:
        """Set its environment: the nodes, and its peer."""
        self.env |= {
            "DOORWARD_DATABASE_BIND": f"127.0.0.1:{self.port}",
            "DOORWARD_DATABASE_HEALTH_BIND": f"127.0.0.1:{self.health_port}",
            "DOORWARD_DATABASE_SELF": self.name,
            "DOORWARD_DATABASE_PEERS_BIND": f"127.0.0.1:{self.peers_port}",
            "DOORWARD_DATABASE_PEER": peer.name,
            "DOORWARD_DATABASE_PEER_ADDRESS": f"127.0.0.1:{peer.peers_port}",
            **{f"DOORWARD_DATABASE_NODE_{n.number}": f"127.0.0.1:{n.port}" for n in cluster.nodes},
        }

    def knows_the_writer(self) -> bool:
        """Whether the proxy has had a connection, or its peer has reported one."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as console:
            console.connect(str(self._socket))
            console.sendall(b"show table database\n")
            return b"key=1" in console.makefile("rb").read()


class SingleWriter:
    """auth behind a HAProxy, users and tickets behind another; `writer` is the node that both have chosen."""

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        tickets_database: Database,
        folder: Path,
        env: Mapping[str, str],
    ) -> None:
        self._cluster = cluster
        self._database = database
        self._tickets_database = tickets_database
        self.proxies = (Proxy("proxy-0", folder), Proxy("proxy-1", folder))
        for proxy, peer in (self.proxies, self.proxies[::-1]):
            proxy.introduce(cluster, peer)
        first, second = self.proxies
        self.auth = Service(
            "auth",
            database_url=_through(first, database),
            log=folder / "auth.log",
            env={"DOORWARD_OAUTH_CLIENTS": json.dumps(dict([CLIENT])), **env},
        )
        self.users = Service(
            "users", database_url=_through(second, database), log=folder / "users.log", env=env
        )
        self.tickets = Service(
            "tickets",
            database_url=_through(second, tickets_database),
            log=folder / "tickets.log",
            env={
                "DOORWARD_AUTH_URL": f"{self.auth.url}{AUTH}",
                "DOORWARD_CLIENT_ID": CLIENT[0],
                "DOORWARD_CLIENT_SECRET": CLIENT[1],
                "DOORWARD_USERS_URL": f"{self.users.url}{USERS}",
                **env,
            },
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for process in (*self.proxies, self.auth, self.users, self.tickets):
            self._stack.enter_context(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def writer_of(self, proxy: Proxy) -> Node | None:
        """Return the node that new connections of a proxy reach; nothing where it reaches none."""
        engine = sa.create_engine(_through(proxy, self._database))
        try:
            with engine.connect() as connection:
                port = connection.exec_driver_sql("SELECT @@port").scalar_one()
        except sa.exc.OperationalError:
            return None
        finally:
            engine.dispose()
        return next(node for node in self._cluster.nodes if node.port == port)

    @property
    def writer(self) -> Node:
        """The node that new connections reach; fails the test where the proxies go on to differ.

        If one proxy alone has found the writer down, each tells the other its own for a moment.
        """
        found: set[Node | None] = set()

        def agree() -> bool:
            nonlocal found
            found = {self.writer_of(proxy) for proxy in self.proxies}
            return len(found) == 1 and None not in found

        wait_until(agree, "of one opinion about the writer")
        [writer] = found
        assert writer is not None
        return writer

    def times_down(self, *nodes: Node) -> int:
        """Count how often proxies found one of the nodes down."""
        found = [f"Server database/n{node.number} is DOWN" for node in nodes]
        return sum(proxy.log_text().count(line) for proxy in self.proxies for line in found)

    def restart_a_proxy(self) -> None:
        """Let one proxy crash and start again, and wait until its peer has sent it the writer."""
        proxy = self.proxies[0]
        proxy.kill9()
        proxy.start()
        wait_until(proxy.knows_the_writer, "told which node is the writer")

    def load(self) -> AbstractContextManager[Load]:
        """Write from several threads during the block."""
        urls = {AUTH: self.auth.url, USERS: self.users.url, TICKETS: self.tickets.url}
        return load_on(urls, self._database)

    def alter(self, statement: str) -> None:
        """Run DDL in the services' database."""
        self._database.execute(statement)

    def lost(self, load: Load, node: Node) -> tuple[int, int, int]:
        """Count acknowledged users and tickets that a node lacks, and sessions that are wrongly live."""
        return lost(load, node, self._database, self._tickets_database)


def _through(proxy: Proxy, database: Database) -> str:
    return sa.make_url(database.url).set(port=proxy.port).render_as_string(hide_password=False)
