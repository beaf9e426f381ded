"""fastapi-users under uvicorn: no refresh tokens, no list of users, and the user is read for each token."""

from typing import Final

from bench.http_client import post_form
from bench.peers import fastapi_users_app, python_server
from bench.peers.peer import CONNECTIONS, Kind, Peer, Work, answers, reads, repeated
from bench.peers.people import PASSWORD, WITH_PASSWORD, email_of
from bench.peers.python_server import PythonServer
from bench.stack import Machine

NAME: Final = "fastapi-users"
_PACKAGE: Final = "fastapi_users_app"


def start(machine: Machine, users: int) -> Peer:
    """Store users and start the server; raises UnavailableError."""
    database = machine.new_database("fastapi_users")
    python_server.store_users(_PACKAGE, database, users, WITH_PASSWORD)
    command = [
        *("uvicorn", "--factory", f"bench.peers.{_PACKAGE}.app:create_app"),
        *("--host=127.0.0.1", "--port={port}", "--no-access-log", "--timeout-keep-alive=75"),
    ]
    server = PythonServer(machine, _PACKAGE, database, command)
    machine.start(server)
    found = python_server.versions(_PACKAGE, "fastapi-users", "fastapi", "uvicorn", "asyncmy")

    def logins(count: int) -> list[bytes]:
        forms = ({"username": email_of(number), "password": PASSWORD} for number in range(count))
        return [post_form(fastapi_users_app.LOGIN, form) for form in forms]

    def tokens() -> list[str]:
        return [answer["access_token"] for answer in answers(server.port, logins(CONNECTIONS))]

    return Peer(
        NAME,
        {
            "version": ", ".join(f"{name} {version}" for name, version in found.items()),
            "password hash": "Argon2id, the default of argon2-cffi (64 MiB, 3 passes, 4 lanes)",
            "run as": "uvicorn with uvloop and httptools, one process, asyncmy, MariaDB",
        },
        [server],
        {
            Kind.LOGIN: Work(
                f"POST {fastapi_users_app.LOGIN}", lambda: repeated(server.port, logins(WITH_PASSWORD))
            ),
            Kind.PROFILE: Work(
                f"GET {fastapi_users_app.PROFILE}", reads(server.port, fastapi_users_app.PROFILE, tokens)
            ),
        },
    )
