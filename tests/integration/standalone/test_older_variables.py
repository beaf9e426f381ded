"""One process starts with the nine variables of the older server and nothing else."""

from pathlib import Path

import httpx2
import sqlalchemy as sa

from support.databases import DatabaseServer
from support.standalone import Standalone


def test_the_nine_variables_of_the_older_server_are_enough(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    with mariadb_server.create_database("older") as database:
        url = sa.make_url(database.url)
        older = {
            "MYSQL_USER": str(url.username),
            "MYSQL_PASSWORD": url.password or "",
            "MYSQL_DB": str(url.database),
            "MYSQL_HOST": str(url.host),
            "MYSQL_PORT": str(url.port),
            "LOGLEVEL": "WARN",
            "API_WORKERS": "4",
            "DEFAULT_TOKEN_EXPIRY": "120",
            "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        }
        password = "the analytical engine"
        with Standalone(tmp_path, None, **older, DOORWARD_ADMIN_PASSWORD=password) as process:
            login = {"email": "admin@example.com", "password": password}
            token = httpx2.post(f"{process.url}/api/v1/auth/token", json=login).json()
            assert token["expires_in"] == 120
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            ticket = {"subject": "The engine is stuck", "body": "Since this morning."}
            for path in ("users/me", "tickets"):
                assert httpx2.get(f"{process.url}/api/v1/{path}", headers=headers).status_code == 200
            made = httpx2.post(f"{process.url}/api/v1/tickets", headers=headers, json=ticket)
            assert made.status_code == 201, made.text
            assert "config.api_workers_ignored" in process.log_text()
        names = sa.inspect(engine := sa.create_engine(database.url)).get_table_names()
        engine.dispose()
        assert {"users", "tickets"} <= set(names)
