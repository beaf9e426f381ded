"""The statements of a service, read from the statement log of the database server."""

from types import TracebackType
from typing import Self

import sqlalchemy as sa

from support.databases import Database


class StatementLog:
    """The statements of one database account during the block, in order."""

    def __init__(self, database: Database, account_url: str) -> None:
        self._server = database.server
        self._account = str(sa.make_url(account_url).username)
        self.statements: list[str] = []

    def __enter__(self) -> Self:
        self._server.execute("SET GLOBAL log_output = 'TABLE'")
        self._server.execute("TRUNCATE mysql.general_log")
        self._server.execute("SET GLOBAL general_log = 1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.execute("SET GLOBAL general_log = 0")
        rows = self._server.execute(
            "SELECT argument FROM mysql.general_log WHERE user_host LIKE %s AND command_type = 'Query'",
            f"%[{self._account}]%",
        )
        self.statements = [_text(argument) for (argument,) in rows]


def _text(argument: bytes | str) -> str:
    return argument.decode("utf-8", "replace") if isinstance(argument, bytes) else argument
