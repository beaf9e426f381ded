"""Which service clients may read users' tokens of an upstream."""

import base64
from collections.abc import Iterator

import httpx2
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_identity.audit.repository import AuditAction
from doorward_identity.tables import audit_events, upstream_identities
from integration.harness.installation import CLIENT, Installation
from integration.harness.problems import assert_problem
from integration.upstream.installation import SECRET, UPSTREAM, installed_with
from support.example_upstream import ExampleUpstream

pytestmark = pytest.mark.databases("sqlite")

READERS = {"unset": None, "nobody": [], "another": ["another"], "listed": ["another", CLIENT[0]]}
BASIC = {"Authorization": "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("token-readers")
    with ExampleUpstream(folder) as example:
        upstreams = {
            name: {**example.settings(), **({} if readers is None else {"token_readers": readers})}
            for name, readers in READERS.items()
        }
        with installed_with(folder, upstreams) as installation:
            yield installation


def read(api: Installation, upstream: str) -> httpx2.Response:
    """Let a user register there, and the client ask for the user's token."""
    body = {"email": f"{upstream}@example.com", "password": SECRET, "name": "Ada"}
    assert api.call("POST", f"{UPSTREAM}/{upstream}/register", json=body).status_code == 201
    mine = sa.select(upstream_identities.c.user_id).where(upstream_identities.c.provider == upstream)
    [(user_id,)] = api.execute(mine)
    subject = {"subject": str(user_id)}
    return api.call("GET", f"{UPSTREAM}/{upstream}/token", headers=BASIC, params=subject)


def test_a_client_that_may_read_gets_the_token(api: Installation) -> None:
    answer = read(api, "listed")
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


@pytest.mark.parametrize("upstream", ["unset", "nobody", "another"])
def test_another_client_gets_none(api: Installation, upstream: str) -> None:
    with capture_logs() as lines:
        assert_problem(read(api, upstream), 403, "client_not_permitted")
    [line] = [line for line in lines if line["event"] == "client.not_permitted"]
    assert (line["client"], line["provider"]) == (CLIENT[0], upstream)
    recorded = sa.select(audit_events.c.details).where(
        audit_events.c.action == AuditAction.UPSTREAM_TOKEN_READ.value
    )
    assert not [details for (details,) in api.execute(recorded) if upstream in details]


def test_an_unknown_upstream_is_reported_to_every_client(api: Installation) -> None:
    path = f"{UPSTREAM}/missing/token"
    subject = {"subject": "01a22726-0000-7000-8000-000000000000"}
    assert_problem(api.call("GET", path, headers=BASIC, params=subject), 404, "upstream_not_found")
