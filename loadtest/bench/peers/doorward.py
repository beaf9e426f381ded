"""Doorward as the chart runs it: auth and users, a process each. Once more, it is the A/A control."""

import json
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bench import report
from bench.closed_loop import json_refresh
from bench.figures.pages import cursor_at
from bench.figures.refresh import REFRESH, logged_in
from bench.http_client import Connection, get
from bench.peers.browser import signed_in
from bench.peers.code_flow import CLIENT_ID, REDIRECT_URI, SCOPE, CodeFlow, Provider
from bench.peers.peer import (
    CONNECTIONS,
    DEEP,
    PAGE,
    Kind,
    Load,
    Peer,
    Work,
    answers,
    loop_load,
    reads,
    repeated,
)
from bench.peers.people import WITH_PASSWORD
from bench.plan import Plan
from bench.seed_users import PASSWORD
from bench.stack import Machine, Stack
from doorward_client.keys.key_set import ES256, RS256
from doorward_identity.settings import Argon2Settings
from doorward_kit.key_rotation import new_jwk
from support.services import PATIENT, Service, run_command

NAME: Final = "Doorward"
CONTROL: Final = "Doorward again"
_ORIGIN: Final = "http://127.0.0.1:8080"
"""The public URL. Nothing listens there."""

_AUTH: Final = "/api/v1/auth"
_USERS: Final = "/api/v1/users"


class Doorward:
    """An auth and a users process, and their work."""

    def __init__(self, stack: Stack, settings: dict[str, str], secret: str) -> None:
        self._stack = stack
        self.auth: Final[Service] = stack.service("auth", settings=settings)
        self.users: Final[Service] = stack.service("users", settings=settings)
        self._provider = Provider(self.auth.port, f"{_AUTH}/authorize", f"{_AUTH}/token", secret)
        self._cookies: list[str] = []

    def work(self, people: int, codes: int) -> dict[Kind, Work]:
        """`people` are in the directory; `codes` as for CodeFlow."""
        auth, users = self.auth.port, self.users.port
        page = f"{_USERS}?limit={PAGE}"
        flow = partial(self._flow, codes)
        return {
            Kind.LOGIN: Work(
                f"POST {_AUTH}/token", lambda: repeated(auth, self._stack.users.logins[:WITH_PASSWORD])
            ),
            Kind.REFRESH: Work(f"POST {REFRESH}", self._refreshes),
            Kind.PROFILE: Work(f"GET {_USERS}/me", reads(users, f"{_USERS}/me", self._tokens)),
            Kind.TOKEN: Work(f"GET {_AUTH}/me", reads(auth, f"{_AUTH}/me", self._tokens)),
            Kind.PAGE: Work(f"GET {page}", reads(users, page, self._tokens)),
            Kind.DEEP_PAGE: Work(f"GET {page}&cursor=...", partial(self._deep_page, int(people * DEEP))),
            Kind.AUTHORIZE: Work(
                f"GET {_AUTH}/authorize, prompt=none, PKCE", lambda: flow().authorizations()
            ),
            Kind.EXCHANGE: Work(
                f"POST {_AUTH}/token, client secret, PKCE, RS256", lambda: flow().exchanges()
            ),
            Kind.USERINFO: Work(
                f"GET {_AUTH}/userinfo", reads(auth, f"{_AUTH}/userinfo", lambda: flow().tokens())
            ),
        }

    def _tokens(self) -> list[str]:
        logins = self._stack.users.logins[:CONNECTIONS]
        return [pair["access_token"] for pair in answers(self.auth.port, logins)]

    def _refreshes(self) -> Load:
        build = partial(json_refresh, REFRESH, "refresh_token")
        logins = self._stack.users.logins[:CONNECTIONS]
        return loop_load(logged_in(self.auth.port, logins, build, "refresh_token"))

    def _deep_page(self, depth: int) -> Load:
        tokens = self._tokens()
        connection = Connection(self.users.port)
        cursor = quote(cursor_at(connection, f"{_USERS}?sort=created_at", tokens[0], depth))
        connection.close()
        path = f"{_USERS}?sort=created_at&limit={PAGE}&cursor={cursor}"
        return repeated(self.users.port, [get(path, token) for token in tokens])

    def _flow(self, codes: int) -> CodeFlow:
        if not self._cookies:
            address = self._provider.authorize_address()
            self._cookies = [
                signed_in(self.auth.port, address, {"email": email, "password": PASSWORD})
                for email in self._stack.users.emails[:WITH_PASSWORD]
            ]
        return CodeFlow(self._provider, self._cookies, codes)


def start(machine: Machine, plan: Plan, codes: int) -> list[Peer]:
    """Store the users and start Doorward twice on one database."""
    stack = Stack(machine, plan.users)
    settings = _provider_settings(machine.folder)
    secret = _registered(stack.database_url, settings)
    peers = []
    for name in (NAME, CONTROL):
        running = Doorward(stack, settings, secret)
        processes = [running.auth, running.users]
        peers.append(Peer(name, _about(), processes, running.work(plan.users, codes)))
    return peers


def _provider_settings(folder: Path) -> dict[str, str]:
    keys = folder / "oidc-keys.json"
    keys.write_text(json.dumps({"keys": [new_jwk(RS256), new_jwk(ES256)]}), encoding="utf-8")
    # Like the peers, it rejects no login because others wait, however busy the machine is.
    return {**PATIENT, "DOORWARD_PUBLIC_URL": _ORIGIN, "DOORWARD_OIDC_JWKS_FILE": str(keys)}


def _registered(database_url: str, settings: dict[str, str]) -> str:
    """Register the client; return its secret."""
    scopes = [word for scope in SCOPE.split() for word in ("--scope", scope)]
    words = ["add", CLIENT_ID, "--first-party", "--redirect", REDIRECT_URI, *scopes]
    return run_command("client", {"DOORWARD_DATABASE_URL": database_url, **settings}, *words).split()[-1]


def _about() -> dict[str, str]:
    memory, passes, lanes = (
        Argon2Settings.model_fields[name].default
        for name in ("argon2_memory_kib", "argon2_time_cost", "argon2_parallelism")
    )
    return {
        "version": report.revision(Path()) or "this checkout",
        "password hash": f"Argon2id ({memory // 1024} MiB, {passes} passes, {lanes} lane)",
        "run as": "auth and users, one process each, PyMySQL, MariaDB",
    }
