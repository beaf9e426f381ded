"""Access tokens for Doorward whose scopes narrow the role: nothing widens them, and others are not harmed."""

import httpx2
import pytest

from integration.harness.installation import AUTH, TICKETS, Installation
from integration.harness.people import PASSWORD, People, sign_in
from integration.harness.problems import assert_problem
from integration.harness.tickets import open_ticket
from integration.oidc.provider import Client, register

pytestmark = pytest.mark.databases("sqlite")

OWN = "doorward"
SCOPES = "openid doorward account tickets:read_all tickets:manage tickets:delete"


@pytest.fixture
def spa(idp: Installation, people: People) -> Client:
    """An application of an administrator."""
    register(idp, "spa", kind="public", scopes=SCOPES, audiences=OWN)
    client = Client(idp, "spa", secret=None)
    client.sign_in(people.admin)
    return client


def verify(idp: Installation, access: str, query: str = "") -> httpx2.Response:
    return idp.call("GET", f"{AUTH}/verify{query}", access)


def test_a_proxy_learns_no_role_that_the_scopes_narrow(spa: Client, idp: Installation) -> None:
    narrowed = spa.tokens(scope="openid account", resource=OWN)["access_token"]
    assert_problem(verify(idp, narrowed, "?role=admin"), 403, "insufficient_permission")
    for query in ("", "?role=user"):
        assert verify(idp, narrowed, query).headers["x-doorward-role"] == "user"
    full = spa.tokens(scope="openid doorward")["access_token"]
    assert verify(idp, full, "?role=admin").headers["x-doorward-role"] == "admin"


@pytest.mark.parametrize(
    "asked", [{"scope": "openid account", "resource": OWN}, {"scope": "openid doorward"}]
)
def test_a_clients_session_is_not_stepped_up(spa: Client, idp: Installation, asked: dict[str, str]) -> None:
    """A client neither gets a token without its scopes, nor learns which password is right."""
    tokens = spa.tokens(**asked)
    for password in ("wrong", PASSWORD):
        rejected = idp.call("POST", f"{AUTH}/step-up", tokens["access_token"], json={"password": password})
        assert_problem(rejected, 403, "step_up_by_client")
    assert spa.refresh(tokens["refresh_token"]).json()["scope"] == asked["scope"], "nothing was changed"


def test_a_token_without_the_own_account_is_no_outage_of_users(
    spa: Client, idp: Installation, people: People
) -> None:
    ticket = f"{TICKETS}/{open_ticket(idp, sign_in(idp, people.user.email))['id']}"
    narrowed = spa.tokens(scope="openid tickets:manage tickets:delete", resource=OWN)["access_token"]
    for method, body in (("PATCH", {"priority": "high"}), ("DELETE", None)):
        rejected = idp.call(method, ticket, narrowed, **({} if body is None else {"json": body}))
        assert_problem(rejected, 403, "insufficient_scope")
    # While users counts as unavailable, no one can be assigned who is not known to tickets.
    admin = sign_in(idp, people.admin.email)
    assigned = idp.call("PATCH", ticket, admin.access, json={"assignee_id": people.deputy.id})
    assert assigned.status_code == 200, assigned.text
    covered = spa.tokens(scope="openid account tickets:read_all tickets:manage", resource=OWN)["access_token"]
    assert idp.call("PATCH", ticket, covered, json={"priority": "high"}).status_code == 200
