"""Environment variables of the older server, which are read where no variable of ours is set."""

import os
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from doorward_client.settings import SettingsError

LEGACY_VARIABLES: Final[Mapping[str, str]] = {
    "log_level": "LOGLEVEL",
    "access_token_seconds": "DEFAULT_TOKEN_EXPIRY",
    "secret_key": "SECRET_KEY",
    "database_url": "MYSQL_HOST",
}


def from_legacy_env(name: str) -> str | None:
    if name == "database_url":
        return _legacy_database_url()
    variable = LEGACY_VARIABLES.get(name)
    return os.environ.get(variable) or None if variable else None


def _legacy_database_url() -> str | None:
    host = os.environ.get("MYSQL_HOST")
    if not host:
        return None
    url = sa.URL.create(
        "mysql+pymysql",
        username=os.environ.get("MYSQL_USER"),
        password=os.environ.get("MYSQL_PASSWORD"),
        host=host,
        port=_legacy_port(),
        database=os.environ.get("MYSQL_DB"),
    )
    return url.render_as_string(hide_password=False)


def _legacy_port() -> int:
    port = os.environ.get("MYSQL_PORT") or "3306"
    if not port.isdecimal():
        raise SettingsError("MYSQL_PORT is not a number")
    return int(port)
