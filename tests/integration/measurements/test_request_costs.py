"""The cost of each hot request, bounded: a change that adds a statement or a hop to a thread shows up here.

Times depend on the machine, and these numbers do not. A request that got cheaper has its row lowered.
"""

import base64
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH, CLIENT, TICKETS, USERS, Installation
from integration.harness.people import PASSWORD, People, Person
from integration.harness.request_cost import Cost, Request, cost_of, files_of
from integration.harness.tickets import TICKET, open_ticket, path_of
from integration.oidc.provider import REDIRECT, SECRET, VERIFIER, Client, providers_on, register

AS_SERVICE: Final = {"authorization": f"Basic {base64.b64encode(':'.join(CLIENT).encode()).decode()}"}


@dataclass(frozen=True)
class Given:
    """An installation with OpenID Connect, its people, a registered client, and a ticket with a reply."""

    installation: Installation
    user: Person
    app: Client
    ticket_path: str

    def auth(self, method: str, path: str, **options: Any) -> Request:
        return Request(self.installation.auth, method, AUTH + path, **options)

    def users(self, path: str = "", query: str = "") -> Request:
        return Request(self.installation.users, "GET", USERS + path, self.user.access, query)

    def ticket(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Request:
        client, access = self.installation.tickets, self.user.access
        return Request(client, method, path, access, json_body=body, headers=headers)


@pytest.fixture(scope="module")
def providers(
    installations: Callable[[str], Installation], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Installation]]:
    with providers_on(installations, tmp_path_factory) as provider_on:
        yield provider_on


@pytest.fixture
def given(
    installation: Installation, providers: Callable[[str], Installation], backend: str, people: People
) -> Given:
    assert installation.call("DELETE", people.other.path, people.admin.access).status_code == 204
    enrol(installation.database_url, 100)
    installation = providers(backend)
    installation.forget_revocations()
    register(installation)
    app = Client(installation)
    app.sign_in(people.user)
    access = installation.log_in(people.user.email, PASSWORD).access  # of this issuer
    user = replace(people.user, access=access)
    return Given(installation, user, app, answered_ticket(installation, user))


def answered_ticket(installation: Installation, user: Person) -> str:
    path = path_of(open_ticket(installation, user))
    installation.call("POST", f"{path}/replies", user.access, json={"body": "Hello?"})
    return path


def login(given: Given) -> Request:
    body = {"email": given.user.email, "password": PASSWORD}
    return given.auth("POST", "/token", json_body=body)


def refresh(given: Given) -> Request:
    token = given.installation.log_in(given.user.email, PASSWORD).refresh
    return given.auth("POST", "/refresh-token", json_body={"refresh_token": token})


def caller(given: Given) -> Request:
    return given.auth("GET", "/me", token=given.user.access)


def verify(given: Given) -> Request:
    return given.auth("GET", "/verify", token=given.user.access)


def introspect(given: Given) -> Request:
    return given.auth("POST", "/introspect", form={"token": given.user.access}, headers=AS_SERVICE)


def exchange_code(given: Given) -> Request:
    form = {
        "grant_type": "authorization_code",
        "code": given.app.code(),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": given.app.client_id,
        "client_secret": SECRET,
    }
    return given.auth("POST", "/token", form=form)


def userinfo(given: Given) -> Request:
    return given.auth("GET", "/userinfo", token=given.app.tokens()["access_token"])


def poll_of_deletions(given: Given) -> Request:
    known = given.installation.call("GET", f"{AUTH}/deleted-users", headers=AS_SERVICE)
    query = urlencode({"after": known.json()["next_cursor"]})
    headers = {**AS_SERVICE, "if-none-match": known.headers["etag"]}
    return given.auth("GET", "/deleted-users", query=query, headers=headers)


def own_profile(given: Given) -> Request:
    return given.users("/me")


def first_page_of_users(given: Given) -> Request:
    return given.users(query="limit=50")


def deep_page_of_users(given: Given) -> Request:
    first = given.installation.call("GET", f"{USERS}?limit=50", given.user.access)
    return given.users(query=urlencode({"limit": 50, "cursor": first.json()["next_cursor"]}))


def own_tickets(given: Given) -> Request:
    return given.ticket("GET", TICKETS)


def ticket(given: Given) -> Request:
    return given.ticket("GET", given.ticket_path)


def replies(given: Given) -> Request:
    return given.ticket("GET", f"{given.ticket_path}/replies")


def create_ticket(given: Given) -> Request:
    return given.ticket("POST", TICKETS, TICKET)


def create_ticket_once(given: Given) -> Request:
    return given.ticket("POST", TICKETS, TICKET, **{"idempotency-key": str(uuid.uuid4())})


def reply(given: Given) -> Request:
    return given.ticket("POST", f"{given.ticket_path}/replies", {"body": "x"})


def close(given: Given) -> Request:
    return given.ticket("PATCH", f"{answered_ticket(given.installation, given.user)}/close")


QUOTA: Final = "SELECT SELECT INSERT"
"""Lock the counter, read it, write it."""

STORAGE: Final = "UPDATE"
"""Add to the bytes that the user stores."""

# Memory has 35 KiB to spare: what else runs in the process allocates some, more after many tests.
COSTS: Final[Mapping[Callable[[Given], Request], Cost]] = {
    login: Cost(
        "SELECT SELECT BEGIN SELECT SELECT INSERT INSERT SELECT INSERT SELECT INSERT",
        commits=1,
        hops=3,
        kib=140,
    ),
    refresh: Cost("SELECT UPDATE", commits=0, hops=1, kib=100),
    caller: Cost("", commits=0, hops=0, kib=80),
    verify: Cost("", commits=0, hops=0, kib=75),
    introspect: Cost("", commits=0, hops=0, kib=90),
    # The last two SELECTs find sessions beyond their most: of this client in this browser, and of the user.
    exchange_code: Cost(
        "SELECT SELECT BEGIN SELECT SELECT SELECT INSERT UPDATE SELECT SELECT INSERT",
        commits=1,
        hops=2,
        kib=140,
    ),
    userinfo: Cost("SELECT", commits=0, hops=1, kib=105),
    poll_of_deletions: Cost("SELECT", commits=0, hops=1, kib=90),
    own_profile: Cost("SELECT", commits=0, hops=1, kib=85),
    first_page_of_users: Cost("SELECT", commits=0, hops=1, kib=400),
    deep_page_of_users: Cost("SELECT", commits=0, hops=1, kib=400),
    own_tickets: Cost("SELECT", commits=0, hops=1, kib=90),
    ticket: Cost("SELECT SELECT", commits=0, hops=1, kib=105),
    replies: Cost("SELECT SELECT", commits=0, hops=1, kib=105),
    # The first SELECT is that of users, which tells who the author is.
    create_ticket: Cost(
        f"SELECT BEGIN SELECT {QUOTA} SELECT {STORAGE} INSERT INSERT INSERT SELECT",
        commits=1,
        hops=2,
        kib=165,
    ),
    create_ticket_once: Cost(
        f"SELECT BEGIN INSERT SELECT {QUOTA} SELECT {STORAGE} INSERT INSERT INSERT SELECT UPDATE",
        commits=1,
        hops=2,
        kib=160,
    ),
    # One of them reads the latest responder; there is none.
    reply: Cost(
        f"SELECT BEGIN SELECT SELECT {QUOTA} {STORAGE} INSERT UPDATE SELECT SELECT",
        commits=1,
        hops=2,
        kib=145,
    ),
    close: Cost("SELECT BEGIN SELECT SELECT SELECT UPDATE SELECT", commits=1, hops=2, kib=145),
}


@pytest.mark.parametrize("build", COSTS, ids=lambda build: build.__name__)
def test_a_request_costs_no_more_than_its_bound(given: Given, build: Callable[[Given], Request]) -> None:
    bound = COSTS[build]
    apps = given.installation.auth_app, given.installation.users_app, given.installation.tickets_app
    engines = {app.state.resources.database.engine for app in apps}
    cost = cost_of(engines, lambda: build(given))
    assert (cost.statements, cost.commits, cost.hops) == (bound.statements, bound.commits, bound.hops)
    assert cost.kib <= bound.kib, "more memory at its peak"


FILES: Final[Mapping[Callable[[Given], Request], int]] = {login: 52, reply: 48}
"""How many of our files a request enters: what a reader of its code opens (ADR 38).

The files of the users service, which a reply asks for its author, are not among them.
"""


@pytest.mark.parametrize("build", FILES, ids=lambda build: build.__name__)
def test_a_request_enters_as_many_files_as_its_row_says(
    given: Given, build: Callable[[Given], Request]
) -> None:
    entered = files_of(lambda: build(given))
    assert len(entered) == FILES[build], sorted(entered)
