"""Three Galera nodes on 127.0.0.1, which tests kill, freeze and cut off."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pymysql
import sqlalchemy as sa

from support.databases import DRIVER, DatabaseServer
from support.mariadb import install_data
from support.ports import free_port
from support.processes import Process, inherited_environment
from support.reaper import temporary_folder
from support.requirements import MARIADBD, fail_or_skip, need

PROVIDERS: Final = (
    Path("/usr/lib/galera/libgalera_smm.so"),
    Path("/usr/lib64/galera-4/libgalera_smm.so"),
    Path("/usr/lib/galera-4/libgalera_smm.so"),
)

NODES: Final = (1, 2, 3)

ROUNDS: Final = int(os.environ.get("DOORWARD_TEST_ROUNDS", "1"))
"""How often the tests try what depends on chance: once under CI, more often in `make database-faults`."""

CHECK_USER: Final = "haproxy_check"
"""The account of HAProxy's health check: without a password, and without any privilege."""

_ADMIN: Final = "doorward_tests"
_ACCOUNT: Final = "mysql"

# A node that is silent for a second leaves; the default is five. Lost messages of a change of members are
# sent again before that, or members that wait for one suspect each other; the default is one second. A read
# that waits for the cluster gives up after two seconds, before its client does; the default is thirty.
PROVIDER: Final = (
    "evs.keepalive_period=PT0.3S;evs.join_retrans_period=PT0.3S;evs.suspect_timeout=PT1S;"
    "evs.inactive_timeout=PT3S;evs.inactive_check_period=PT0.3S;repl.causal_read_timeout=PT2S;gcache.size=32M;"
    "pc.recovery=true"
)
_OPTIONS: Final = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-connections=250",
    "--binlog-format=ROW",
    "--default-storage-engine=InnoDB",
    "--innodb-autoinc-lock-mode=2",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--performance-schema=off",
    "--wsrep-on=ON",
    "--wsrep-cluster-name=doorward",
    "--wsrep-sst-method=rsync",
    "--wsrep-slave-threads=2",
)


class Node(DatabaseServer):
    """One node: its own ports and data folder."""

    def __init__(self, number: int, folder: Path, password: str) -> None:
        self.number = number
        self.folder = folder
        self.port, self.group_port, self._state_port, self._increment_port = (free_port() for _ in range(4))
        super().__init__(sa.URL.create(DRIVER, _ADMIN, password, "127.0.0.1", self.port))
        self.process: Process | None = None

    def install(self) -> None:
        """Create the empty data folder."""
        for name in ("tmp", "run"):
            (self.folder / name).mkdir(parents=True)
        _chown(self.folder)  # in which the server that makes the data has its temporary files
        install_data(self.folder / "data", *_user())

    def start(self, cluster: "Cluster", *extra: str) -> None:
        """Start it, and wait until it is a synchronized member."""
        options = [
            need(MARIADBD),
            "--no-defaults",
            *_user(),
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--socket={self.folder / 'run' / 's'}",
            f"--pid-file={self.folder / 'run' / 'pid'}",
            f"--port={self.port}",
            *_OPTIONS,
            f"--wsrep-provider={cluster.provider}",
            f"--wsrep-cluster-address=gcomm://{','.join(cluster.group_addresses)}",
            f"--wsrep-node-name=n{self.number}",
            f"--wsrep-node-address=127.0.0.1:{self.group_port}",
            f"--wsrep-sst-receive-address=127.0.0.1:{self._state_port}",
            f"--wsrep-provider-options={PROVIDER};{self._addresses}",
        ]
        log = self.folder / "mariadb.log"
        position = self._recovered_position([*map(str, options)])
        self.process = Process(
            f"n{self.number}", [*map(str, options), *position, *extra], log=log, ready=lambda: self.is_synced
        )
        self.process.start()

    @property
    def _addresses(self) -> str:
        listen = f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port}"
        return f"{listen};ist.recv_addr=127.0.0.1:{self._increment_port}"

    @property
    def running(self) -> Process:
        """Its process; fails the test where it was never started."""
        assert self.process is not None
        return self.process

    @property
    def is_synced(self) -> bool:
        """Whether it is a member of the cluster, and has applied everything."""
        return self.status("wsrep_local_state_comment") == "Synced"

    def status(self, name: str) -> str:
        """Read a status variable; nothing where it does not answer."""
        try:
            found = self.execute("SHOW STATUS WHERE Variable_name = %s", name)
        except pymysql.err.Error:
            return ""
        return str(found[0][1]) if found else ""

    def forget_everything(self) -> None:
        """After it was killed: let its next start copy all data from another node."""
        (self.folder / "data" / "grastate.dat").unlink()

    def isolate(self, *, is_cut: bool) -> None:
        """Cut it off from the other nodes, or connect it again. Clients still reach it."""
        self.execute("SET GLOBAL wsrep_provider_options = %s", f"gmcast.isolate={int(is_cut)}")

    @contextlib.contextmanager
    def behind(self) -> Iterator[None]:
        """Let it apply nothing during the block, as a backup does; it answers reads all the same."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            yield
            cursor.execute("UNLOCK TABLES")

    def _recovered_position(self, command: list[str]) -> list[str]:
        """After a crash: ask the data how far it is, so that the others send what is missing only."""
        state = self.folder / "data" / "grastate.dat"
        if not state.exists() or "seqno:   -1" not in state.read_text(encoding="ascii"):
            return []
        log = self.folder / "run" / "recovery.log"
        log.unlink(missing_ok=True)
        recovery = [*command, "--wsrep-recover", f"--log-error={log}"]
        subprocess.run(recovery, env=inherited_environment(), check=False, capture_output=True)
        _, found, rest = log.read_text(encoding="utf-8", errors="replace").rpartition("Recovered position: ")
        return [f"--wsrep-start-position={rest.split()[0]}"] if found else []


class Cluster:
    """The nodes."""

    def __init__(self, folder: Path) -> None:
        found = [path for path in PROVIDERS if path.exists()]
        if not found:
            fail_or_skip("Galera is not installed (package galera-4): tests/galera/install.sh")
        self.provider = found[0]
        self._folder = folder
        self._password = secrets.token_hex(16)
        self.nodes = [Node(number, folder / f"n{number}", self._password) for number in NODES]

    @property
    def group_addresses(self) -> list[str]:
        """Where the nodes find each other."""
        return [f"127.0.0.1:{node.group_port}" for node in self.nodes]

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number - 1]

    def start(self) -> None:
        """Start the nodes with equal data, so that none has to send all of it to another."""
        init = self._folder / "init.sql"
        admin = f"`{_ADMIN}`@'127.0.0.1'"
        statements = (
            f"CREATE USER {admin} IDENTIFIED BY '{self._password}';",
            f"GRANT ALL PRIVILEGES ON *.* TO {admin} WITH GRANT OPTION;",
            f"CREATE USER {CHECK_USER}@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING '';",
        )
        init.write_text("\n".join(statements), encoding="utf-8")
        _chown(init)
        first, *others = self.nodes
        first.install()
        first.start(self, "--wsrep-new-cluster", f"--init-file={init}")
        first.running.stop(grace=60)
        for node in others:
            shutil.copytree(first.folder, node.folder)
            (node.folder / "data" / "gvwstate.dat").unlink(missing_ok=True)
            _chown(node.folder)
        first.start(self, "--wsrep-new-cluster")
        with ThreadPoolExecutor(len(others)) as threads:
            list(threads.map(lambda node: node.start(self), others))
        # On a busy machine a member may leave for a moment after it has joined.
        self.wait_until_whole()

    def wait_until_whole(self, seconds: float = 120.0) -> None:
        """Wait until every node is synchronized in a cluster of all."""
        deadline = time.monotonic() + seconds
        while any(
            (n.status("wsrep_cluster_size"), n.is_synced) != (str(len(NODES)), True) for n in self.nodes
        ):
            assert time.monotonic() < deadline, [node.status("wsrep_cluster_size") for node in self.nodes]
            time.sleep(0.1)

    def stop(self) -> None:
        """End the nodes; their data is not needed."""
        for node in self.nodes:
            if node.process is not None and node.process.alive:
                node.process.kill9()


def _user() -> list[str]:
    """The account of a server that root starts: as root, rsync could not read its folder."""
    return [f"--user={_ACCOUNT}"] if os.geteuid() == 0 else []


def _chown(path: Path) -> None:
    """Give a file, or a folder with all that is in it, to the account of the servers."""
    if os.geteuid() == 0:
        for one in (path, *path.rglob("*")):
            shutil.chown(one, _ACCOUNT, _ACCOUNT)


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run three nodes for the block, in memory where there is room."""
    with temporary_folder(in_memory=True) as folder:
        folder.chmod(0o711)
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
