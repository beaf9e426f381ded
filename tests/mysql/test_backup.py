"""The backup of docs/operations.md, taken with MySQL's own clients and restored into an empty server."""

from pathlib import Path

from integration.harness.documented_backup import Clients, Stored, services_over
from support.mysql import MySQL, private_mysql


def test_a_dump_is_restored_into_an_empty_server(server: MySQL, tmp_path: Path) -> None:
    clients = Clients(f"chroot {server.root}", {"mariadb-dump": "mysqldump", "mariadb": "mysql"})
    with services_over(server, tmp_path / "backed_up") as chain:
        stored = Stored.by(chain)
        clients.back_up(server, tmp_path)
    with private_mysql(durable=False) as empty:
        clients.restore(empty, tmp_path)
        with services_over(empty, tmp_path / "restored") as chain:
            stored.assert_restored(chain)
