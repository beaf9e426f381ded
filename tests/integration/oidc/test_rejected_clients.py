"""Wrong client secrets: counted by source, recorded, and no reason to reject a right one."""

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_auth.rate_limiting.limits import CLIENTS_BY_SOURCE, REJECTED_CLIENT_EVENTS
from doorward_client.errors import UnavailableError
from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events
from doorward_kit.rate_limiting.limits import FixedWindow
from integration.harness.installation import AUTH, CLIENT, Installation
from integration.oidc.provider import SECRET
from integration.oidc.test_machines import machine

pytestmark = pytest.mark.databases("sqlite")

WRONG: Final = "not the secret of any client: 0123456789"
FREE: Final = 3
REJECTIONS: Final = "doorward_auth.service_clients.rejections"


@dataclass(frozen=True)
class ClientRequest:
    """A request that a client authenticates: `send(idp, client, secret)`."""

    client: tuple[str, str]
    send: Callable[[Installation, str, str], httpx2.Response]


def basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def by_header(method: str, path: str, **form: str) -> Callable[[Installation, str, str], httpx2.Response]:
    def send(idp: Installation, client: str, secret: str) -> httpx2.Response:
        return idp.call(method, AUTH + path, headers=basic(client, secret), data=form or None)

    return send


def by_form(path: str, **form: str) -> Callable[[Installation, str, str], httpx2.Response]:
    def send(idp: Installation, client: str, secret: str) -> httpx2.Response:
        fields = {"client_id": client, "client_secret": secret, **form}
        return idp.call("POST", AUTH + path, data=fields)

    return send


MACHINE: Final = ("nightly", SECRET)
GRANT: Final = {"grant_type": "client_credentials"}
REQUESTS: Final = {
    "token, header": ClientRequest(MACHINE, by_header("POST", "/token", **GRANT)),
    "token, form": ClientRequest(MACHINE, by_form("/token", **GRANT)),
    "introspect, registered, header": ClientRequest(MACHINE, by_header("POST", "/introspect", token="x")),
    "introspect, registered, form": ClientRequest(MACHINE, by_form("/introspect", token="x")),
    "revoke, registered, form": ClientRequest(MACHINE, by_form("/revoke", token="x")),
    "introspect, service": ClientRequest(CLIENT, by_header("POST", "/introspect", token="x")),
    "revoke, service": ClientRequest(CLIENT, by_header("POST", "/revoke", token="x")),
    "revocations": ClientRequest(CLIENT, by_header("GET", "/revocations")),
    "deleted users": ClientRequest(CLIENT, by_header("GET", "/deleted-users")),
}


@pytest.fixture(params=REQUESTS)
def client_request(request: pytest.FixtureRequest) -> ClientRequest:
    return REQUESTS[request.param]


def replace_limit(monkeypatch: pytest.MonkeyPatch, name: str, limit: FixedWindow, free: int) -> None:
    monkeypatch.setattr(f"{REJECTIONS}.{name}", FixedWindow(limit.name, free, limit.memory))


@pytest.fixture(autouse=True)
def _few_are_free(idp: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_limit(monkeypatch, "CLIENTS_BY_SOURCE", CLIENTS_BY_SOURCE, FREE)
    machine(idp)
    idp.execute(audit_events.delete())


def recorded(idp: Installation) -> list[str]:
    of_clients = sa.select(audit_events.c.details).where(
        audit_events.c.action == AuditAction.CLIENT_REJECTED.value
    )
    return [json.loads(details)["client"] for (details,) in idp.execute(of_clients)]


def test_many_wrong_secrets_are_429_and_a_right_one_is_accepted(
    idp: Installation, client_request: ClientRequest
) -> None:
    client, secret = client_request.client
    for _ in range(FREE):
        rejected = client_request.send(idp, client, WRONG)
        assert rejected.status_code == 401
        assert rejected.json()["code"] == "invalid_client"
        assert rejected.headers["www-authenticate"].startswith("Basic ")
    limited = client_request.send(idp, client, WRONG)
    assert limited.status_code == 429
    assert limited.json()["code"] == "too_many_client_failures"
    assert 3_500 < int(limited.headers["retry-after"]) <= 3_600
    assert client_request.send(idp, client, secret).is_success, "the others behind this address go on"
    assert client_request.send(idp, client, WRONG).status_code == 429
    assert recorded(idp) == [client] * FREE


def test_all_requests_and_clients_share_one_limit(idp: Installation) -> None:
    requests = list(REQUESTS.values())
    answers = [
        request.send(idp, name, WRONG).status_code
        for request in requests
        for name in ("unknown", request.client[0])
    ]
    assert answers == [401] * FREE + [429] * (len(requests) * 2 - FREE)


def test_unknown_clients_count_as_known_ones(idp: Installation, client_request: ClientRequest) -> None:
    answers = [client_request.send(idp, f"unknown-{number}", WRONG) for number in range(FREE + 1)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429]
    assert recorded(idp) == [f"unknown-{number}" for number in range(FREE)]


def test_requests_without_a_client_do_not_count(idp: Installation, client_request: ClientRequest) -> None:
    for _ in range(FREE):
        assert idp.call("GET", f"{AUTH}/revocations").status_code == 401
        assert idp.call("POST", f"{AUTH}/introspect", data={"token": "x"}).status_code == 401
        assert client_request.send(idp, "no client: a name", WRONG).status_code == 401
    assert client_request.send(idp, client_request.client[0], WRONG).status_code == 401
    assert recorded(idp) == [client_request.client[0]]


def test_many_sources_do_not_fill_the_audit_log(idp: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_limit(monkeypatch, "REJECTED_CLIENT_EVENTS", REJECTED_CLIENT_EVENTS, 2)
    sources = (f"198.51.100.{number}" for number in itertools.count(1))
    monkeypatch.setattr(f"{REJECTIONS}.current_address", sources.__next__)
    clients = ["nightly"] * 4 + ["another"]
    answers = [REQUESTS["token, form"].send(idp, client, WRONG).status_code for client in clients]
    assert answers == [401] * len(clients)
    assert recorded(idp) == ["nightly", "nightly", "another"]


def test_the_log_names_the_client_and_no_secret(idp: Installation, client_request: ClientRequest) -> None:
    with capture_logs() as lines:
        client_request.send(idp, client_request.client[0], WRONG)
    [line] = [line for line in lines if line["event"] == "client.rejected"]
    assert line["client"] == client_request.client[0]
    assert WRONG not in json.dumps(lines, default=repr)


def test_while_the_database_is_away_the_answer_is_about_the_client(
    idp: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = idp.auth_app.state.services.service_clients._rejections._database

    async def unavailable(_work: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(database, "read", unavailable)
    for _ in range(FREE + 1):
        assert REQUESTS["revocations"].send(idp, CLIENT[0], WRONG).status_code == 401
