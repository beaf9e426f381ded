"""Keycloak in production mode, over http, on the same MariaDB."""

import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bench.closed_loop import ClosedLoop, RefreshClient
from bench.http_client import post_form
from bench.peers.browser import signed_in
from bench.peers.code_flow import CLIENT_ID, REDIRECT_URI, CodeFlow, Provider
from bench.peers.environments import UnavailableError
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
from bench.peers.people import PASSWORD, WITH_PASSWORD, email_of, names_of
from bench.stack import Machine
from support.cache import cache_folder
from support.databases import Database
from support.keycloak import INSTALL, VERSION, KeycloakProcess, copy_home, distribution

NAME: Final = "Keycloak"
_REALM: Final = "team"
_SECRET: Final = "the secret of the client of the benchmark"
_READER: Final = "reader@example.com"
"""Reads the users through the admin API."""

_START_SECONDS: Final = 1_200
_CANNOT_RUN: Final = 3
_WARM_UP: Final = 6.0
"""The compiler of the JVM needs thousands of requests."""

_OPENID: Final = f"/realms/{_REALM}/protocol/openid-connect"
_USERS: Final = f"/admin/realms/{_REALM}/users?briefRepresentation=true&max={PAGE}"


class KeycloakPeer(KeycloakProcess):
    """On a database of its own."""

    def __init__(self, machine: Machine, database: Database, realm: dict[str, Any]) -> None:
        url = sa.make_url(database.url)
        folder = machine.folder / "keycloak"
        folder.mkdir()
        super().__init__(
            folder,
            realm,
            ["start", "--optimized", "--http-enabled=true"],
            home=_built(),
            env={
                "KC_DB_URL_HOST": str(url.host),
                "KC_DB_URL_PORT": str(url.port),
                "KC_DB_URL_DATABASE": str(url.database),
                "KC_DB_USERNAME": str(url.username),
                "KC_DB_PASSWORD": str(url.password),
            },
        )
        self.command.append(f"--hostname=http://127.0.0.1:{self.port}")
        machine.pin(self, one_core=False)

    def stop(self, grace: float = 60.0) -> int:
        """Wait longer than for other servers."""
        return super().stop(grace)


def start(machine: Machine, users: int, codes: int) -> Peer:
    """Install Keycloak, store users and start it; raises UnavailableError."""
    _install()
    server = KeycloakPeer(machine, machine.new_database("keycloak"), _realm(users))
    server.start(_START_SECONDS)
    machine.start(server)
    machine.confine(server)  # not before, because its start takes a minute of both cores
    return Peer(
        NAME,
        {
            "version": VERSION,
            "password hash": "Argon2id, Keycloak's default (7 MiB, 5 passes, 1 lane)",
            "run as": "kc.sh start --optimized, http, local cache, MariaDB",
        },
        [server],
        _Requests(server).work(users, codes),
        warm_up=_WARM_UP,
    )


def _install() -> None:
    """Raise UnavailableError where Keycloak cannot be had, for example without Java."""
    consequence = "Doorward was NOT compared with Keycloak."
    done = subprocess.run(
        ["sh", INSTALL, "make bench-peers", consequence], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == _CANNOT_RUN:
        raise UnavailableError(
            " ".join(line.removeprefix("*** ") for line in done.stderr.splitlines() if line)
        )
    if done.returncode != 0:
        raise RuntimeError(f"{INSTALL}: {done.stderr}")


def _built() -> Path:
    """Return a Keycloak whose options of the build are set, which takes half of a start."""
    home = cache_folder() / f"keycloak-{VERSION}-mariadb"
    if not home.exists():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            new = Path(folder) / "keycloak"
            copy_home(distribution(), new)
            command: list[str | Path] = [new / "bin" / "kc.sh", "build", "--db=mariadb", "--cache=local"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"kc.sh build: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")
            new.rename(home)
    return home


class _Requests:
    def __init__(self, server: KeycloakPeer) -> None:
        self._server = server
        self._provider = Provider(server.port, f"{_OPENID}/auth", f"{_OPENID}/token", _SECRET)
        self._cookies: list[str] = []

    def work(self, users: int, codes: int) -> dict[Kind, Work]:
        port = self._server.port
        userinfo = f"{_OPENID}/userinfo"
        flow = partial(self._flow, codes)
        deep = f"{_USERS}&first={int(users * DEEP)}"
        return {
            Kind.LOGIN: Work(
                "POST token, grant_type=password",
                lambda: repeated(port, [_login(email_of(number)) for number in range(WITH_PASSWORD)]),
            ),
            Kind.REFRESH: Work("POST token, with Revoke Refresh Token", self._refreshes),
            Kind.PROFILE: Work("GET userinfo (from its cache)", reads(port, userinfo, self._tokens)),
            Kind.TOKEN: Work("GET userinfo, the least it does", reads(port, userinfo, self._tokens)),
            Kind.PAGE: Work("GET users of the admin API, brief", reads(port, _USERS, self._readers)),
            Kind.DEEP_PAGE: Work("the same, with first=", reads(port, deep, self._readers)),
            Kind.AUTHORIZE: Work("GET auth, prompt=none, PKCE", lambda: flow().authorizations()),
            Kind.EXCHANGE: Work("POST token, client secret, PKCE, RS256", lambda: flow().exchanges()),
            Kind.USERINFO: Work("GET userinfo", reads(port, userinfo, lambda: flow().tokens())),
        }

    def _pairs(self) -> list[dict[str, str]]:
        return answers(self._server.port, [_login(email_of(number)) for number in range(CONNECTIONS)])

    def _tokens(self) -> list[str]:
        return [pair["access_token"] for pair in self._pairs()]

    def _readers(self) -> list[str]:
        return [answers(self._server.port, [_login(_READER)])[0]["access_token"]]

    def _refreshes(self) -> Load:
        clients = [RefreshClient(_refresh, "refresh_token", pair["refresh_token"]) for pair in self._pairs()]
        return loop_load(ClosedLoop(self._server.port, lambda: clients))

    def _flow(self, codes: int) -> CodeFlow:
        if not self._cookies:
            address = self._provider.authorize_address()
            self._cookies = [
                signed_in(self._server.port, address, {"username": email_of(number), "password": PASSWORD})
                for number in range(WITH_PASSWORD)
            ]
        return CodeFlow(self._provider, self._cookies, codes)


def _login(email: str) -> bytes:
    return _token_request(
        {"grant_type": "password", "username": email, "password": PASSWORD, "scope": "openid"}
    )


def _refresh(token: str) -> bytes:
    return _token_request({"grant_type": "refresh_token", "refresh_token": token})


def _token_request(fields: dict[str, str]) -> bytes:
    return post_form(f"{_OPENID}/token", {"client_id": CLIENT_ID, "client_secret": _SECRET, **fields})


def _realm(users: int) -> dict[str, Any]:
    """Return the realm for the import. Lifetimes, hashes and events are Keycloak's defaults."""
    reader = _user(_READER, ("Grace", "Reader"), has_password=True)
    reader["clientRoles"] = {"realm-management": ["view-users", "query-users"]}
    people = [
        _user(email_of(number), names_of(number), has_password=number < WITH_PASSWORD)
        for number in range(users)
    ]
    return {
        "realm": _REALM,
        "enabled": True,
        "sslRequired": "none",
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "clients": [
            {
                "clientId": CLIENT_ID,
                "secret": _SECRET,
                "enabled": True,
                "standardFlowEnabled": True,
                "directAccessGrantsEnabled": True,
                "redirectUris": [REDIRECT_URI],
                "attributes": {"pkce.code.challenge.method": "S256"},
            }
        ],
        "users": [reader, *people],
    }


def _user(email: str, names: tuple[str, str], *, has_password: bool) -> dict[str, Any]:
    return {
        "username": email,
        "email": email,
        "emailVerified": True,
        "firstName": names[0],
        "lastName": names[1],
        "enabled": True,
        **({"credentials": [{"type": "password", "value": PASSWORD}]} if has_password else {}),
    }
